package xmpp_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// figure says what a promise's test has measured. scripts/reliability collects these lines for docs/reliability.md.
func figure(t *testing.T, row, format string, args ...any) {
	t.Helper()
	if !t.Failed() {
		t.Logf("%s: %s", row, fmt.Sprintf(format, args...))
	}
}

// fast are the options of a server to which a login costs next to nothing, for tests that are about what comes behind it.
func fast(o xmpptest.Options) *xmpptest.Options {
	o.Plaintext, o.Mechanisms = true, []string{"PLAIN"}
	return &o
}

// inTheClear is the client's side of fast.
func inTheClear(srv *xmpptest.Server) with {
	return func(cfg *xmpp.ConnectionConfiguration) {
		plain := srv.Configuration("nobody")
		cfg.Security, cfg.AllowPlainInClear, cfg.Mechanisms = plain.Security, plain.AllowPlainInClear, plain.Mechanisms
		cfg.Host, cfg.Port, cfg.TLS = plain.Host, plain.Port, nil
	}
}

// A knife cuts one connection behind a byte of what is said after the login: from <enable/> or <resume/> on.
type knife struct {
	xmpp.Dialer
	up, down bool // the bytes of which direction it counts
	sinks    bool // the last segment never arrives, and the server hears of no end

	mu   sync.Mutex
	left int // bytes, then it cuts once
	said int // bytes that it counted
	cut  bool
	lost []net.Conn // what the server believes to be connected
}

func (k *knife) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := k.Dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &knifed{Conn: conn, k: k}, nil
}

type knifed struct {
	net.Conn
	k    *knife
	said bool // the login is over
	dead bool
}

// pass tells how many of n bytes go through, and whether that is all for ever.
func (c *knifed) pass(n int, counts bool) (int, bool) {
	k := c.k
	switch {
	case c.dead:
		return 0, true
	case !c.said || !counts:
		return n, false
	}
	k.said += n
	if k.cut || n < k.left {
		k.left -= n
		return n, false
	}
	k.cut, c.dead = true, true
	return k.left, true
}

func (c *knifed) Write(p []byte) (int, error) {
	c.k.mu.Lock()
	c.said = c.said || bytes.Contains(p, []byte("<enable ")) || bytes.Contains(p, []byte("<resume "))
	n, cut := c.pass(len(p), c.k.up)
	if cut && c.k.sinks {
		c.k.lost = append(c.k.lost, c.Conn)
		c.k.mu.Unlock()
		return len(p), nil // the kernel has taken it
	}
	c.k.mu.Unlock()
	if !cut {
		return c.Conn.Write(p)
	}
	n, _ = c.Conn.Write(p[:n])
	_ = c.Conn.Close()
	return n, errCable
}

func (c *knifed) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.k.mu.Lock()
	defer c.k.mu.Unlock()
	m, cut := c.pass(n, c.k.down)
	switch {
	case !cut:
		return n, err
	case c.k.sinks:
		c.k.lost = append(c.k.lost, c.Conn)
		return 0, errCable
	}
	_ = c.Conn.Close()
	return m, errCable
}

// Close of a connection that sank tells the server nothing.
func (c *knifed) Close() error {
	c.k.mu.Lock()
	defer c.k.mu.Unlock()
	if c.dead && c.k.sinks {
		_ = c.Conn.SetReadDeadline(time.Now()) // whoever reads or writes here is through
		_ = c.Conn.SetWriteDeadline(time.Now())
		return nil
	}
	return c.Conn.Close()
}

// TestEveryOffset is R02: a dialogue behind a login, of messages both ways, acknowledgements, a broken connection and its resumption, is cut
// once more at each of its bytes. `make soak` has all offsets, an ordinary run each thirteenth.
func TestEveryOffset(t *testing.T) {
	step := setting(t, "XMPP_SOAK_STEP", 13)
	var mu sync.Mutex
	runs, dialogue := 0, 0
	t.Run("cut", func(t *testing.T) {
		for _, way := range []string{"up", "down", "both"} {
			for _, sinks := range []bool{false, true} {
				t.Run(fmt.Sprint(way, sinks), func(t *testing.T) {
					t.Parallel()
					n, bytes := offsets(t, way, sinks, step)
					mu.Lock()
					defer mu.Unlock()
					runs, dialogue = runs+n, max(dialogue, bytes)
				})
			}
		}
	})
	figure(t, "R02", "a dialogue of %d bytes cut at every offset (step %d), up, down and both, last segment delivered or not, %d runs: 0 lost, 0 doubled", dialogue, step, runs)
}

// offsets cuts at one offset after the other until the dialogue is over before the cut.
func offsets(t *testing.T, way string, sinks bool, step int) (runs, dialogue int) {
	const batch = 50 // of one bubble
	for over := false; !over; {
		bubble(t, func(t *testing.T) {
			srv := xmpptest.NewServer(t, fast(xmpptest.Options{NoArchive: true}))
			juliet := managed(t, srv, "juliet", inTheClear(srv))
			heard := new(record[string])
			juliet.OnMessage(func(ctx context.Context, m *stanza.Message) {
				heard.add(m.Body)
				if err := juliet.Send(ctx, &stanza.Message{To: m.From, Type: stanza.MessageChat, Body: m.Body}); err != nil {
					t.Error(err)
				}
			})
			for n := 0; n < batch && !over; n++ {
				k := &knife{Dialer: srv.Dialer(), up: way != "down", down: way != "up", sinks: sinks, left: 1 + runs*step}
				offset := k.left
				before := len(heard.list())
				converse(t, srv, k, fmt.Sprintf("%s %v at byte %d", way, sinks, offset))
				require.Equal(t, []string{"0", "1", "2", "3", "4"}, heard.list()[before:], "%s %v at byte %d", way, sinks, offset)
				runs++
				dialogue = max(dialogue, k.said)
				over = !k.cut
			}
			require.Zero(t, juliet.Stats().Doubled)
		})
		if t.Failed() {
			return
		}
	}
	return runs, dialogue
}

// converse is the dialogue: each of romeo's messages comes back. The connection breaks between the third and the fourth, whatever else happens to it.
func converse(t *testing.T, srv *xmpptest.Server, k *knife, at string) {
	var enabled, resets atomic.Int32
	said := new(record[error])
	c := offline(t, srv, "romeo", inTheClear(srv), complaints(said), func(cfg *xmpp.ConnectionConfiguration) {
		cfg.Dialer = k
		cfg.Trace = func(e xmpp.TraceEvent) {
			if !e.Out && bytes.HasPrefix(e.Data, []byte("<enabled ")) {
				enabled.Add(1)
			}
		}
	})
	c.OnState(func(s xmpp.StateChange) {
		if s.Reset {
			resets.Add(1)
		}
	})
	echoes := texts(c)
	for c.Login(t.Context(), "", "") != nil { // a cut before the session stands: nothing was accepted yet
		enabled.Store(0)
	}
	for n := range 5 {
		require.NoError(t, c.Send(t.Context(), &stanza.Message{To: srv.Address("juliet"), Type: stanza.MessageChat, Body: fmt.Sprint(n)}))
		if n == 2 {
			pass(3 * time.Second)
			srv.Drop("romeo")
			settle()
		}
	}
	for began := time.Now(); len(echoes.list()) < 5 || c.Stats().Unacked > 0; pass(time.Second) {
		require.Less(t, time.Since(began), time.Hour, at) // what sank in silence is found after 75 s
	}
	pass(3 * time.Second)
	countsAgree(t, srv, c, at)
	require.Equal(t, []string{"0", "1", "2", "3", "4"}, echoes.list(), at)
	stats := c.Stats()
	require.Zero(t, stats.Doubled+int64(stats.Unacked+stats.Outbox+stats.Waiting), "%s: %+v", at, stats)
	if resets.Load() > 0 {
		require.Equal(t, resets.Load(), enabled.Load(), "%s: a session is lost only if the cut was before its <enabled/>", at)
	} else {
		for _, err := range said.list() {
			require.ErrorContains(t, err, "roster: ", "%s: only the login was disturbed", at)
		}
	}
	require.NoError(t, c.Close())
	k.mu.Lock()
	lost := k.lost
	k.mu.Unlock()
	for _, conn := range lost {
		_ = conn.Close()
	}
	settle()
	srv.Forget("romeo")
}

// countsAgree asks the client for its count until it is the server's.
func countsAgree(t *testing.T, srv *xmpptest.Server, c *xmpp.Connection, at string) {
	t.Helper()
	var last xmpptest.SessionState
	eventually(t, 5*time.Minute, func() bool {
		raw(srv, c.User().Local(), "<r xmlns='urn:xmpp:sm:3'/>")
		settle()
		for _, last = range srv.Sessions(c.User().Local()) {
			if last.Address == c.User() && last.Connected {
				require.LessOrEqual(t, last.Acked, last.Sent, at)
				return last.Acked == last.Sent && last.Waiting == 0
			}
		}
		return false
	})
}

// TestResumedAgainAndAgain is R03: the same session goes on over fifty connections, and both ends count the same behind each, also where nothing was said.
func TestResumedAgainAndAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const resumptions = 50
		srv := xmpptest.NewServer(t, nil)
		juliet := managed(t, srv, "juliet")
		got := texts(juliet)
		c := managed(t, srv, "romeo")
		var want []string
		settle()
		user, stanzas := c.User(), srv.Sessions("romeo")[0].Received
		states := new(record[xmpp.StateChange])
		c.OnState(states.add)
		for n := range resumptions {
			for range n % 3 {
				want = append(want, fmt.Sprint(len(want)))
				require.NoError(t, c.Send(t.Context(), text(want[len(want)-1])))
				require.NoError(t, juliet.Send(t.Context(), &stanza.Message{To: user, Type: stanza.MessageChat, Body: "x"}))
			}
			srv.Drop("romeo")
			eventually(t, 2*time.Minute, func() bool { return c.State() == xmpp.Online && c.Stats().Unacked == 0 && len(got.list()) == len(want) })
			countsAgree(t, srv, c, fmt.Sprint("resumption ", n))
			require.EqualValues(t, len(want), srv.Sessions("romeo")[0].Received-stanzas, "resumption %d", n)
		}
		require.Equal(t, want, got.list())
		resumed := slices.DeleteFunc(states.list(), func(s xmpp.StateChange) bool { return !s.Resumed })
		require.Len(t, resumed, resumptions)
		require.Equal(t, user, c.User())
		figure(t, "R03", "%d resumptions in a row, a third of them without traffic: both ends' counters equal each time, %d messages each way once", resumptions, len(want))
	})
}
