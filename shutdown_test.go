package xmpp_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// Shutdown writes all that waits before it ends the stream.
func TestShutdownFlushes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{BufferSize: 2 << 10})
		got := texts(online(t, srv, "juliet"))
		c := online(t, srv, "romeo")
		srv.SetFaults("romeo", xmpptest.Faults{})
		for i := range 500 {
			require.NoError(t, c.Send(t.Context(), text(fmt.Sprint(i))))
		}
		require.NoError(t, c.Shutdown(t.Context()))
		requireClosed(t, c, xmpp.ErrClosed)
		settle()
		require.Len(t, got.list(), 500)
		require.Empty(t, srv.Connections("romeo"))
	})
}

func TestShutdownSaysWhatWasUnsent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := online(t, srv, "romeo")
		srv.Dialer().Refuse(-1)
		srv.Drop("romeo")
		settle()
		require.NoError(t, c.Send(t.Context(), text("one")))
		require.NoError(t, c.Send(t.Context(), text("two")))
		var left *xmpp.ShutdownError
		require.ErrorAs(t, c.Shutdown(t.Context()), &left)
		require.True(t, xmpp.SafeToRetry(left))
		var bodies []string
		for _, s := range left.Unsent {
			bodies = append(bodies, s.(*stanza.Message).Body)
		}
		require.Equal(t, []string{"one", "two"}, bodies)
	})
}

// A peer that takes nothing: Shutdown is over after its 5 s, or with ctx, and Close after one.
func TestEndsWithoutThePeer(t *testing.T) {
	for name, tt := range map[string]struct {
		end func(*xmpp.Connection) error
		max time.Duration
	}{
		"Shutdown":            {func(c *xmpp.Connection) error { return c.Shutdown(context.Background()) }, 5 * time.Second},
		"Shutdown with time":  {shutdownIn(time.Minute), time.Minute},
		"Shutdown in a hurry": {shutdownIn(100 * time.Millisecond), 100 * time.Millisecond},
		"Close":               {(*xmpp.Connection).Close, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			for _, unread := range []bool{false, true} {
				bubble(t, func(t *testing.T) {
					srv := xmpptest.NewServer(t, &xmpptest.Options{BufferSize: -1})
					c := online(t, srv, "romeo")
					srv.Connections("romeo")[0].Stall(true, true)
					if unread {
						for range 3 {
							require.NoError(t, c.Send(t.Context(), text(strings.Repeat("x", 100_000))))
						}
						settle()
					}
					began := time.Now()
					err := tt.end(c)
					require.LessOrEqual(t, time.Since(began), tt.max+time.Second)
					requireClosed(t, c, xmpp.ErrClosed)
					if unread && name != "Close" {
						var left *xmpp.ShutdownError
						require.ErrorAs(t, err, &left)
						require.NotEmpty(t, left.Unsent)
						return
					}
					if name == "Close" {
						require.NoError(t, err)
						return
					}
					require.ErrorIs(t, err, xmpp.ErrUnknownOutcome, "the server never ended the stream")
				})
			}
		})
	}
}

// What was accepted before Close is written, if the peer reads: the first thing that anybody tries.
func TestCloseWritesWhatWasAccepted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		juliet := online(t, srv, "juliet")
		got := juliet.ChatManager().Messages(t.Context())
		for i := range 30 {
			c := online(t, srv, "romeo")
			require.NoError(t, c.Send(t.Context(), text(fmt.Sprint(i))))
			require.NoError(t, c.Close())
			require.Equal(t, fmt.Sprint(i), (<-got).Body)
		}
	})
}

func shutdownIn(d time.Duration) func(*xmpp.Connection) error {
	return func(c *xmpp.Connection) error {
		ctx, cancel := context.WithTimeout(context.Background(), d)
		defer cancel()
		return c.Shutdown(ctx)
	}
}

// Shutdown lets the running callback end, hands out nothing new and refuses new sends.
func TestShutdownLetsTheHandlerEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := online(t, srv, "juliet")
		seen := new(record[string])
		c.OnMessage(func(ctx context.Context, m *stanza.Message) {
			time.Sleep(2 * time.Second) // virtual
			seen.add(m.Body)
			if c.Send(ctx, &stanza.Message{To: m.From.Bare(), Body: "last words"}) != nil || c.Shutdown(ctx) != nil {
				seen.add("refused")
			}
		})
		romeo := online(t, srv, "romeo")
		answers := romeo.ChatManager().Messages(t.Context())
		for i := range 3 {
			require.NoError(t, romeo.Send(t.Context(), text(fmt.Sprint(i))))
		}
		pass(time.Second)
		ended := make(chan error)
		for range 3 {
			go func() { ended <- c.Shutdown(t.Context()) }()
		}
		settle()
		began := time.Now()
		for range 3 {
			require.NoError(t, <-ended)
		}
		require.Equal(t, time.Second, time.Since(began))
		require.Equal(t, []string{"0"}, seen.list())
		require.Equal(t, "last words", (<-answers).Body)
		require.ErrorIs(t, c.Send(t.Context(), text("too late")), xmpp.ErrClosed)
	})
}

// From every place where user code runs, in every state.
func TestCloseAndShutdownFromEverywhere(t *testing.T) {
	type end func(context.Context, *xmpp.Connection)
	places := map[string]func(t *testing.T, srv *xmpptest.Server, c *xmpp.Connection, once func(context.Context)){
		"OnMessage": func(t *testing.T, srv *xmpptest.Server, c *xmpp.Connection, once func(context.Context)) {
			c.OnMessage(func(ctx context.Context, _ *stanza.Message) { once(ctx) })
			require.NoError(t, c.Login(t.Context(), "", ""))
			raw(srv, "romeo", "<message from='juliet@localhost'><body>x</body></message>")
		},
		"IQ handler": func(t *testing.T, srv *xmpptest.Server, c *xmpp.Connection, once func(context.Context)) {
			c.Handle(xmpp.OnGet(func(ctx context.Context, _ uptimeQuery, _ *stanza.IQ) (any, error) { once(ctx); return nil, nil }))
			require.NoError(t, c.Login(t.Context(), "", ""))
			raw(srv, "romeo", "<iq type='get' id='1' from='juliet@localhost/x'><query xmlns='urn:example:uptime'/></iq>")
		},
		"Incoming": func(t *testing.T, srv *xmpptest.Server, c *xmpp.Connection, once func(context.Context)) {
			c.Use(xmpp.Extension{Name: "x", Incoming: func(ctx context.Context, m *stanza.Message) (*stanza.Message, error) { once(ctx); return m, nil }})
			require.NoError(t, c.Login(t.Context(), "", ""))
			raw(srv, "romeo", "<message from='juliet@localhost'><body>x</body></message>")
		},
		"OnState": func(t *testing.T, srv *xmpptest.Server, c *xmpp.Connection, once func(context.Context)) {
			c.OnState(func(s xmpp.StateChange) {
				if s.State == xmpp.Online {
					once(t.Context())
				}
			})
			_ = c.Login(t.Context(), "", "")
		},
		"Start": func(t *testing.T, srv *xmpptest.Server, c *xmpp.Connection, once func(context.Context)) {
			c.Use(xmpp.Extension{Name: "x", Start: func(ctx context.Context, _ *xmpp.Session) error { once(ctx); return nil }})
			require.ErrorIs(t, c.Login(t.Context(), "", ""), xmpp.ErrClosed)
		},
		"while connecting": func(t *testing.T, srv *xmpptest.Server, c *xmpp.Connection, once func(context.Context)) {
			srv.Dialer().BlackHole(-1)
			go func() { time.Sleep(time.Second); once(t.Context()) }() // virtual
			require.ErrorIs(t, c.Connect(t.Context()), xmpp.ErrClosed)
		},
		"connected": func(t *testing.T, srv *xmpptest.Server, c *xmpp.Connection, once func(context.Context)) {
			require.NoError(t, c.Connect(t.Context()))
			once(t.Context())
		},
		"while logging in": func(t *testing.T, srv *xmpptest.Server, c *xmpp.Connection, once func(context.Context)) {
			srv.Next(func(c *xmpptest.Conn) { c.SetFaults(xmpptest.Faults{StallAfterWrite: 1500}) })
			go func() { time.Sleep(time.Second); once(t.Context()) }() // virtual
			require.ErrorIs(t, c.Login(t.Context(), "", ""), xmpp.ErrClosed)
		},
		"reconnecting": func(t *testing.T, srv *xmpptest.Server, c *xmpp.Connection, once func(context.Context)) {
			require.NoError(t, c.Login(t.Context(), "", ""))
			srv.Dialer().BlackHole(-1)
			srv.Drop("romeo")
			pass(15 * time.Second)
			once(t.Context())
		},
	}
	for place, run := range places {
		for name, end := range map[string]end{
			"Close":    func(_ context.Context, c *xmpp.Connection) { _ = c.Close() },
			"Shutdown": func(ctx context.Context, c *xmpp.Connection) { _ = c.Shutdown(context.WithoutCancel(ctx)) },
		} {
			t.Run(place+"/"+name, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					srv := xmpptest.NewServer(t, nil)
					c := offline(t, srv, "romeo")
					var first sync.Once
					var took time.Duration
					run(t, srv, c, func(ctx context.Context) {
						first.Do(func() {
							began := time.Now()
							end(ctx, c)
							took = time.Since(began)
						})
					})
					<-c.Done()
					settle()
					require.LessOrEqual(t, took, time.Second)
					requireClosed(t, c, xmpp.ErrClosed)
					require.Empty(t, srv.Connections("romeo"), "the server knows at once")
				})
			})
		}
	}
}

// A connection that breaks while it is shut down is not waited for.
func TestShutdownOfAConnectionThatBreaks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := online(t, srv, "romeo")
		c.OnMessage(func(context.Context, *stanza.Message) { time.Sleep(time.Second) }) // virtual
		raw(srv, "romeo", "<message from='juliet@localhost/c' id='1'><body>x</body></message>")
		settle()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		ended := make(chan error)
		began := time.Now()
		go func() { ended <- c.Shutdown(ctx) }()
		settle()
		srv.Drop("romeo")
		require.ErrorIs(t, <-ended, xmpp.ErrUnknownOutcome)
		require.LessOrEqual(t, time.Since(began), 2*time.Second)
	})
}

// Shutdown of a connection that is ending by itself tells what was left, whoever closes it.
func TestShutdownOfAConnectionThatEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := online(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) { cfg.DisableReconnection = true })
		c.OnMessage(func(context.Context, *stanza.Message) { time.Sleep(2 * time.Second) }) // virtual
		raw(srv, "romeo", "<message from='juliet@localhost/c' id='1'><body>x</body></message>")
		settle()
		srv.Connections("romeo")[0].Stall(true, true)
		for range 20 {
			require.NoError(t, c.Send(t.Context(), text(strings.Repeat("x", 50_000))))
		}
		settle()
		srv.Drop("romeo")
		settle()
		var left *xmpp.ShutdownError
		require.ErrorAs(t, c.Shutdown(t.Context()), &left)
		require.NotEmpty(t, left.Unsent)
		requireClosed(t, c, xmpp.ErrClosed)
	})
}
