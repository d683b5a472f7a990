package xmpp_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// durable keeps everything in the store.
func durable(store xmpp.Store) with {
	return func(cfg *xmpp.ConnectionConfiguration) { cfg.Store, cfg.Durable = store, true }
}

// quick logs in without the cost of TLS and SCRAM.
func quick(cfg *xmpp.ConnectionConfiguration) {
	cfg.Security, cfg.Mechanisms, cfg.AllowPlainInClear = xmpp.SecurityPlaintext, []string{"PLAIN"}, true
}

var errKilled = errors.New("the process was killed")

// A life is what a process has of the world outside, until it is killed at one of its changes to the store: then nothing more leaves it
// and nothing more is stored.
type life struct {
	xmpp.Store
	dialer xmpp.Dialer
	at     int           // at which change it ends
	torn   bool          // that change is made all the same
	end    chan struct{} // closed with it

	mu      sync.Mutex
	changes int
	conns   []net.Conn
}

func newLife(store xmpp.Store, dialer xmpp.Dialer, at int, torn bool) *life {
	return &life{Store: store, dialer: dialer, at: at, torn: torn, end: make(chan struct{})}
}

func (l *life) use(cfg *xmpp.ConnectionConfiguration) {
	cfg.Dialer, cfg.Store, cfg.Durable = l, l, true
}

func (l *life) over() bool {
	select {
	case <-l.end:
		return true
	default:
		return false
	}
}

func (l *life) change(do func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over() {
		return errKilled
	}
	if l.changes++; l.changes <= l.at {
		return do()
	}
	if l.torn {
		_ = do()
	}
	l.die()
	return errKilled
}

func (l *life) die() {
	close(l.end)
	for _, c := range l.conns {
		_ = c.Close()
	}
}

// kill ends a life that had not enough changes.
func (l *life) kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over() {
		l.die()
	}
}

func (l *life) Put(ctx context.Context, key string, value []byte) error {
	return l.change(func() error { return l.Store.Put(ctx, key, value) })
}

func (l *life) Delete(ctx context.Context, key string) error {
	return l.change(func() error { return l.Store.Delete(ctx, key) })
}

func (l *life) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := l.dialer.DialContext(ctx, network, address)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil && l.over() {
		_ = conn.Close()
		return nil, errKilled
	}
	if err == nil {
		l.conns = append(l.conns, conn)
	}
	return conn, err
}

// A ledger is what was accepted and what arrived.
type ledger struct {
	accepted, arrived, sent, handled, reported record[string]
}

func (b *ledger) submit(t *testing.T, c *xmpp.Connection, l *life, body string) {
	if _, err := c.Submit(t.Context(), text(body)); err == nil && !l.over() {
		b.accepted.add(body)
	}
}

// play is a dialogue of several sessions; it ends when the process does.
func (b *ledger) play(t *testing.T, srv *xmpptest.Server, c, juliet *xmpp.Connection, l *life) {
	send := func(from, n int) {
		var wg sync.WaitGroup
		for i := range n {
			body := fmt.Sprint(from + i)
			if n > 4 {
				wg.Go(func() { b.submit(t, c, l, body) })
			} else {
				b.submit(t, c, l, body)
			}
		}
		wg.Wait()
	}
	for round := range 62 {
		if l.over() {
			return
		}
		send(round*100, 1+round%7)
		m := &stanza.Message{To: srv.Address("romeo"), Type: stanza.MessageChat, Body: fmt.Sprint("in ", round)}
		if err := juliet.Send(t.Context(), m); err != nil {
			t.Error(err)
		}
		b.sent.add(m.Body)
		switch round % 8 {
		case 1, 4:
			_ = c.Get(t.Context(), juliet.User(), uptimeQuery{}, nil) // an answer, whatever it is
		case 3:
			_ = c.PresenceManager().Set(t.Context(), &stanza.Presence{Status: fmt.Sprint(round)})
		case 5:
			srv.Drop("romeo")
		case 7:
			_ = c.PresenceManager().Set(t.Context(), &stanza.Presence{Status: fmt.Sprint(round)}) // has a number, too
			settle()
			for _, c := range srv.Connections("romeo") {
				c.Stall(true, false)
			}
			send(round*100+50, 3)
			settle()
			srv.Drop("romeo")
			if round == 23 {
				srv.Forget("romeo")
			}
		}
		time.Sleep(time.Duration(round%3) * 3 * time.Second) // virtual
	}
	pass(time.Minute)
}

func (b *ledger) hear(l *life) with {
	return func(cfg *xmpp.ConnectionConfiguration) {
		cfg.OnError = func(err error) {
			if l == nil || !l.over() {
				b.reported.add(err.Error())
			}
		}
	}
}

// check tells what is lost and what came twice without a word.
func (b *ledger) check(t *testing.T, what string) (doubled int) {
	arrived := map[string]int{}
	for _, body := range b.arrived.list() {
		body, id, _ := strings.Cut(body, " ")
		if arrived[body]++; arrived[body] > 1 {
			doubled++
			told := false
			for _, r := range b.reported.list() {
				told = told || strings.Contains(r, id) && strings.Contains(r, "may arrive twice")
			}
			if !told {
				t.Errorf("%s: message %s came twice, and nobody said so: %q", what, body, b.reported.list())
			}
		}
	}
	for _, body := range b.accepted.list() {
		if arrived[body] == 0 {
			t.Errorf("%s: message %s was accepted and is lost; %q", what, body, b.reported.list())
		}
	}
	handled := map[string]bool{}
	for _, body := range b.handled.list() {
		handled[body] = true
	}
	for _, body := range b.sent.list() {
		if !handled[body] {
			t.Errorf("%s: %q was never handled", what, body)
		}
	}
	return doubled
}

// killed plays the dialogue in a process that is killed at one of its changes to the store, and lets another go on.
func killed(t *testing.T, at int, torn bool, resumption xmpptest.Resumption) (ended bool, doubled int) {
	srv := xmpptest.NewServer(t, &xmpptest.Options{Plaintext: true, NoArchive: true})
	store := xmpp.NewMemoryStore()
	var b ledger
	juliet := managed(t, srv, "juliet", quick)
	juliet.OnMessage(func(_ context.Context, m *stanza.Message) { b.arrived.add(m.Body + " " + m.ID) })
	l := newLife(store, srv.Dialer(), at, torn)
	c := offline(t, srv, "romeo", quick, l.use, b.hear(l))
	c.OnMessage(func(_ context.Context, m *stanza.Message) {
		if !l.over() {
			b.handled.add(m.Body)
		}
	})
	if c.Login(t.Context(), "", "") == nil {
		b.play(t, srv, c, juliet, l)
	}
	ended = l.over()
	l.kill()
	_ = c.Close()
	settle()
	srv.SetStreamManagement(xmpptest.StreamManagement{Resumption: resumption})

	// The next one doesn't live long either.
	l = newLife(store, srv.Dialer(), at%23, torn)
	c = offline(t, srv, "romeo", quick, l.use, b.hear(l))
	c.OnMessage(func(_ context.Context, m *stanza.Message) {
		if !l.over() {
			b.handled.add(m.Body)
		}
	})
	if c.Login(t.Context(), "", "") == nil {
		for i := range 12 {
			b.submit(t, c, l, fmt.Sprint(100_000+i))
			if i%5 == 2 {
				_ = c.PresenceManager().Set(t.Context(), &stanza.Presence{Status: fmt.Sprint(i)})
			}
			pass(time.Duration(i%3) * time.Second)
		}
	}
	l.kill()
	_ = c.Close()
	settle()

	again := offline(t, srv, "romeo", quick, durable(store), b.hear(nil))
	again.OnMessage(func(_ context.Context, m *stanza.Message) { b.handled.add(m.Body) })
	require.NoError(t, again.Login(t.Context(), "", ""))
	if _, err := again.Submit(t.Context(), text("999999")); err == nil {
		b.accepted.add("999999")
	}
	pass(10 * time.Minute) // what a session has that was not set up completely comes when the server gives it up
	what := fmt.Sprintf("killed at change %d, torn %v, resumption %d", at, torn, resumption)
	stats := again.Stats()
	require.Zero(t, stats.Outbox+stats.Unacked+stats.Stored+stats.Left, what)
	require.Zero(t, juliet.Stats().Doubled)
	require.Equal(t, []string{"romeo@localhost/session"}, without(keys(t, store, ""), "features", "pin", "roster", "device"), what)
	return ended, b.check(t, what)
}

// A process that ends while it says what it sends again, and has recorded already that this waits, leaves it to the next one to say.
func TestKilledWhileItSays(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{Plaintext: true, NoArchive: true, StreamManagement: xmpptest.StreamManagement{Mute: true}})
		store := xmpp.NewMemoryStore()
		var b ledger
		juliet := online(t, srv, "juliet", quick)
		juliet.OnMessage(func(_ context.Context, m *stanza.Message) { b.arrived.add(m.Body + " " + m.ID) })
		l := newLife(store, srv.Dialer(), 1000, false)
		c := offline(t, srv, "romeo", quick, l.use)
		require.NoError(t, c.Login(t.Context(), "", ""))
		for i := range 5 {
			b.submit(t, c, l, fmt.Sprint(i))
		}
		settle()
		require.Len(t, b.arrived.list(), 5)
		l.kill()
		_ = c.Close()
		srv.SetStreamManagement(xmpptest.StreamManagement{Resumption: xmpptest.ResumeFailsWithoutCount})

		l = newLife(store, srv.Dialer(), 1000, false)
		c = offline(t, srv, "romeo", quick, l.use, func(cfg *xmpp.ConnectionConfiguration) {
			cfg.OnError = func(err error) {
				if l.over() {
					return
				}
				b.reported.add(err.Error())
				raw(srv, "romeo", "<r xmlns='urn:xmpp:sm:3'/>") // what is told has to be recorded first
				time.Sleep(time.Second)                         // virtual
				l.kill()
			}
		})
		_ = c.Login(t.Context(), "", "")
		_ = c.Close()
		require.Len(t, b.reported.list(), 1)
		require.Len(t, b.arrived.list(), 5)

		again := offline(t, srv, "romeo", quick, durable(store), b.hear(nil))
		require.NoError(t, again.Login(t.Context(), "", ""))
		pass(time.Minute)
		require.Equal(t, 5, b.check(t, "killed while it says"))
	})
}

func without(all []string, endings ...string) (rest []string) {
	for _, s := range all {
		keep := true
		for _, e := range endings {
			keep = keep && !strings.HasSuffix(s, e)
		}
		if keep {
			rest = append(rest, s)
		}
	}
	return rest
}

// TestKilledAtEveryChange is R26: a process that ends between any two changes to its store loses nothing that was accepted, and what comes twice is said to.
func TestKilledAtEveryChange(t *testing.T) {
	const lanes = 8
	var mu sync.Mutex
	points, doubled := 0, map[xmpptest.Resumption]int{}
	t.Run("at", func(t *testing.T) {
		for lane := range lanes {
			t.Run(fmt.Sprint(lane), func(t *testing.T) {
				t.Parallel()
				for at := lane; ; at += lanes {
					ended, twice := false, 0
					resumption := xmpptest.ResumeAllowed
					switch at / lanes % 5 {
					case 3:
						resumption = xmpptest.ResumeFailsWithCount
					case 4:
						resumption = xmpptest.ResumeFailsWithoutCount
					}
					bubble(t, func(t *testing.T) { ended, twice = killed(t, at, at%2 == 1, resumption) })
					mu.Lock()
					doubled[resumption] += twice
					if ended {
						points++
					}
					mu.Unlock()
					if !ended || t.Failed() {
						return
					}
				}
			})
		}
	})
	require.GreaterOrEqual(t, points, 500)
	t.Logf("R26: killed at %d points: 0 lost; doubled and reported: %d where the session was resumed, %d where it was counted, %d where it was forgotten", points,
		doubled[xmpptest.ResumeAllowed], doubled[xmpptest.ResumeFailsWithCount], doubled[xmpptest.ResumeFailsWithoutCount])
}
