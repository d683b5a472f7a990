package xmpp_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// A cutter dials connections that break behind a random number of bytes, as often as it has cuts.
type cutter struct {
	xmpp.Dialer
	mu   sync.Mutex
	rng  *rand.Rand
	cuts int
}

var errCable = errors.New("the cable was cut")

func (d *cutter) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.Dialer.DialContext(ctx, network, address)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil || d.cuts == 0 {
		return conn, err
	}
	d.cuts--
	return &cable{Conn: conn, left: 2000 + d.rng.IntN(20_000)}, nil
}

// A cable breaks behind so many bytes, in the middle of whatever is under way.
type cable struct {
	net.Conn
	mu   sync.Mutex
	left int
}

func (c *cable) spend(n int) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n < c.left {
		c.left -= n
		return n, nil
	}
	n, c.left = c.left, 0
	return n, errCable
}

func (c *cable) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	n, cut := c.spend(n)
	if cut != nil {
		_ = c.Conn.Close()
		return n, cut
	}
	return n, err
}

func (c *cable) Write(p []byte) (int, error) {
	n, cut := c.spend(len(p))
	n, err := c.Conn.Write(p[:n])
	if cut != nil {
		_ = c.Conn.Close()
		return n, cut
	}
	return n, err
}

// managed makes a connection with stream management that is logged in.
func managed(t *testing.T, srv *xmpptest.Server, user string, changes ...with) *xmpp.Connection {
	t.Helper()
	c := offline(t, srv, user, changes...)
	for c.Login(t.Context(), "", "") != nil {
	}
	return c
}

// TestNothingIsLostOrDoubled is R01: messages both ways over connections that break at random places.
func TestNothingIsLostOrDoubled(t *testing.T) {
	const messages, cuts = 1000, 40
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, nil)
				dialers := map[string]*cutter{}
				cut := func(user string) with {
					return func(cfg *xmpp.ConnectionConfiguration) {
						d := &cutter{Dialer: srv.Dialer(), cuts: cuts, rng: rand.New(rand.NewPCG(seed, uint64(len(user))))}
						dialers[user] = d
						cfg.Dialer = d
					}
				}
				romeo, juliet := managed(t, srv, "romeo", cut("romeo")), managed(t, srv, "juliet", cut("juliet"))
				var sessions record[xmpp.StateChange]
				ends := []*xmpp.Connection{romeo, juliet}
				got := make([]<-chan *stanza.Message, 2)
				for i, c := range ends {
					c.OnState(func(s xmpp.StateChange) {
						if s.State == xmpp.Online {
							sessions.add(s)
						}
					})
					got[i] = c.ChatManager().Messages(t.Context())
				}
				for i, c := range ends {
					to := ends[1-i].User().Bare()
					go func() {
						for n := range messages {
							m := &stanza.Message{To: to, Type: stanza.MessageChat, Body: fmt.Sprint(n)}
							if err := c.Send(t.Context(), m); err != nil {
								t.Error(err)
								return
							}
							time.Sleep(50 * time.Millisecond) // virtual
						}
					}()
				}
				for n := range messages {
					for i := range ends {
						select {
						case m := <-got[i]:
							require.Equal(t, fmt.Sprint(n), m.Body, "what end %d receives", i)
						case <-time.After(time.Hour):
							t.Fatalf("end %d waits for message %d", i, n)
						}
					}
				}
				resumed, reset := 0, 0
				for _, s := range sessions.list() {
					if s.Resumed {
						resumed++
					} else {
						reset++ // it broke before the server had said that it keeps it
					}
				}
				require.Greater(t, resumed, cuts/2)
				t.Logf("%d messages each way, %d resumptions, %d new sessions: 0 lost, 0 doubled", messages, resumed, reset)
			})
		})
	}
}

// After a resumption nothing is redone (R08), pending requests complete, and an Ack ends when the server has the message.
func TestAResumedSessionGoesOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		sent := new(record[string])
		starts := new(record[bool])
		c := offline(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) {
			cfg.Trace = func(e xmpp.TraceEvent) {
				if e.Out {
					sent.add(string(e.Data))
				}
			}
		})
		c.Use(xmpp.Extension{Name: "x", Start: func(_ context.Context, s *xmpp.Session) error { starts.add(s.Resumed); return nil }})
		require.NoError(t, c.Login(t.Context(), "", ""))
		user := c.User()
		slow := managed(t, srv, "juliet")
		release := make(chan struct{})
		slow.Handle(xmpp.OnGet(func(ctx context.Context, _ uptimeQuery, _ *stanza.IQ) (any, error) {
			xmpp.Async(ctx)
			<-release
			return nil, nil
		}))
		asked := make(chan error, 1)
		go func() { asked <- c.Get(t.Context(), slow.User(), uptimeQuery{}, nil) }()
		settle()
		before := len(sent.list())
		srv.Drop("romeo")
		settle()
		ack, err := c.Submit(t.Context(), &stanza.Message{To: slow.User(), Body: "sent while away"})
		require.NoError(t, err)
		select {
		case <-ack.Done():
			t.Fatal("nobody has it yet")
		default:
		}
		require.NoError(t, ack.Wait(t.Context()))
		require.Equal(t, user, c.User())
		close(release)
		require.NoError(t, <-asked, "the request outlived the connection")
		require.Equal(t, []bool{false, true}, starts.list())
		for _, s := range sent.list()[before:] {
			require.NotContains(t, s, "jabber:iq:roster")
			require.NotContains(t, s, "<presence")
			require.NotContains(t, s, "xmpp-bind")
		}
	})
}

// Where the server has forgotten the session, what it may have got is sent again under the same id and said to be late; or
// reported, if that is the policy (R06).
func TestAForgottenSession(t *testing.T) {
	for _, policy := range []xmpp.ResendPolicy{xmpp.ResendUnknown, xmpp.ReportUnknown} {
		bubble(t, func(t *testing.T) {
			srv := xmpptest.NewServer(t, &xmpptest.Options{StreamManagement: xmpptest.StreamManagement{Resumption: xmpptest.ResumeFailsWithoutCount}})
			juliet := managed(t, srv, "juliet")
			got := juliet.ChatManager().Messages(t.Context())
			var states record[xmpp.StateChange]
			c := managed(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) { cfg.Resend = policy })
			c.OnState(func(s xmpp.StateChange) { states.add(s) })
			conn := srv.Connections("romeo")[0]
			conn.Stall(true, true) // it leaves us, and nobody reads it
			ack, err := c.Submit(t.Context(), &stanza.Message{To: juliet.User(), Type: stanza.MessageChat, Body: "hello"})
			require.NoError(t, err)
			settle()
			srv.Drop("romeo")
			err = ack.Wait(t.Context())
			if policy == xmpp.ReportUnknown {
				require.ErrorIs(t, err, xmpp.ErrUnknownOutcome)
				require.False(t, xmpp.SafeToRetry(err))
			} else {
				require.NoError(t, err)
				m := <-got
				require.Equal(t, ack.ID(), m.ID)
				require.False(t, m.Element().Child("urn:xmpp:delay", "delay").IsZero())
			}
			eventually(t, time.Minute, func() bool { return c.State() == xmpp.Online })
			settle()
			last := states.list()[len(states.list())-1]
			require.True(t, last.Reset)
			require.False(t, last.Resumed)
		})
	}
}

// Where the server has forgotten the session but knows how much of it it had handled, the rest is sent again whatever the
// policy, and nothing twice (R04).
func TestAForgottenSessionThatWasCounted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{StreamManagement: xmpptest.StreamManagement{Resumption: xmpptest.ResumeFailsWithCount}})
		juliet := managed(t, srv, "juliet")
		got := juliet.ChatManager().Messages(t.Context())
		c := managed(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) { cfg.Resend = xmpp.ReportUnknown })
		for i := range 20 {
			if i == 10 {
				settle()
				srv.Connections("romeo")[0].Stall(true, true)
			}
			require.NoError(t, c.Send(t.Context(), &stanza.Message{To: juliet.User(), Type: stanza.MessageChat, Body: fmt.Sprint(i)}))
		}
		settle()
		srv.Drop("romeo")
		for i := range 20 {
			require.Equal(t, fmt.Sprint(i), (<-got).Body)
		}
		settle()
		require.Zero(t, c.Stats().Reported)
	})
}

// A server that falls silent is found within 75 s (R20); with stream management the probe is an <r/>.
func TestSilenceIsFound(t *testing.T) {
	for _, manage := range []bool{true, false} {
		bubble(t, func(t *testing.T) {
			srv := xmpptest.NewServer(t, &xmpptest.Options{NoStreamManagement: !manage})
			c := managed(t, srv, "romeo")
			time.Sleep(10 * time.Minute) // probes are answered
			require.Equal(t, xmpp.Online, c.State())
			require.Equal(t, 1, srv.Dialer().Dials())
			srv.Connections("romeo")[0].Stall(true, true)
			began := time.Now()
			eventually(t, 2*time.Minute, func() bool { return c.State() == xmpp.Reconnecting })
			require.LessOrEqual(t, time.Since(began), 76*time.Second)
		})
	}
}

// A message is received when its handler has returned: what was not is sent again to who comes next (R11).
func TestUnhandledMessagesComeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{ResumeFor: time.Nanosecond})
		romeo, juliet := managed(t, srv, "romeo"), managed(t, srv, "juliet")
		block := make(chan struct{})
		juliet.OnMessage(func(ctx context.Context, m *stanza.Message) { <-block })
		for i := range 3 {
			require.NoError(t, romeo.Send(t.Context(), &stanza.Message{To: juliet.User().Bare(), Type: stanza.MessageChat, Body: fmt.Sprint(i)}))
		}
		settle()
		go juliet.Close()
		settle()
		close(block)
		time.Sleep(time.Second)
		again := offline(t, srv, "juliet")
		got := again.ChatManager().Messages(t.Context())
		require.NoError(t, again.Login(t.Context(), "", ""))
		for i := range 3 {
			require.Equal(t, fmt.Sprint(i), (<-got).Body)
		}
		require.NoError(t, romeo.Close())
		require.NoError(t, again.Close())
	})
}

// An element that is no stanza doesn't count, so the acknowledgements stay true.
func TestANonzaDoesNotCount(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := managed(t, srv, "romeo")
		require.NoError(t, c.SendNonza(t.Context(), must(stanza.Parse("<active xmlns='urn:xmpp:csi:0'/>"))))
		ack, err := c.Submit(t.Context(), &stanza.Message{To: c.User().Bare(), Body: "one"})
		require.NoError(t, err)
		require.NoError(t, ack.Wait(t.Context()))
		require.NoError(t, c.Shutdown(t.Context()))
	})
}

// What comes twice because a session was lost is dropped once; what merely looks alike is not (R12).
func TestDoubles(t *testing.T) {
	const late = "<delay xmlns='urn:xmpp:delay' from='localhost' stamp='2020-01-01T00:00:00Z'/>"
	message := func(body, more string) string {
		return "<message from='bot@localhost/x' type='chat' id='1'><body>" + body + "</body>" + more + "</message>"
	}
	stored := func(id string) string {
		return "<stanza-id xmlns='urn:xmpp:sid:0' by='romeo@localhost' id='" + id + "'/>"
	}
	for name, tt := range map[string]struct {
		first, second string
		again         bool // in a new session
		want          int
	}{
		"late, in a new session":        {message("a", ""), message("a", late), true, 1},
		"late, in the same session":     {message("a", late), message("a", late), false, 2},
		"another text":                  {message("a", late), message("b", late), true, 2},
		"not late":                      {message("a", ""), message("a", ""), true, 2},
		"late by whose word":            {message("a", ""), message("a", strings.Replace(late, "localhost", "evil.example", 1)), true, 2},
		"the same place in the archive": {message("a", stored("1")), message("a", stored("1")), true, 1},
		"another place in the archive":  {message("a", stored("1")), message("a", stored("2")), true, 2},
		"another's archive":             {message("a", strings.Replace(stored("1"), "romeo", "eve", 1)), message("a", strings.Replace(stored("1"), "romeo", "eve", 1)), true, 2},
		"a room's history":              {strings.Replace(message("a", ""), "chat", "groupchat", 1), strings.Replace(message("a", late), "chat", "groupchat", 1), true, 2},
		"late, in a new session, no id": {strings.Replace(message("a", ""), " id='1'", "", 1), strings.Replace(message("a", late), " id='1'", "", 1), true, 2},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, &xmpptest.Options{NoArchive: true})
				c := online(t, srv, "romeo")
				seen := new(record[string])
				c.OnMessage(func(_ context.Context, m *stanza.Message) { seen.add(m.Body) })
				raw(srv, "romeo", tt.first)
				settle()
				if tt.again {
					srv.Drop("romeo")
					eventually(t, time.Minute, func() bool { return c.State() == xmpp.Online && srv.Dialer().Dials() == 2 })
				}
				raw(srv, "romeo", tt.second)
				settle()
				require.Len(t, seen.list(), tt.want)
				require.EqualValues(t, 2-tt.want, c.Stats().Doubled)
			})
		})
	}
}
