package xmpp_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// flood is n messages whose bodies are their numbers and some padding.
func flood(n, size int) string {
	var b strings.Builder
	pad := strings.Repeat(".", size)
	for i := range n {
		fmt.Fprintf(&b, "<message from='juliet@localhost/x' type='chat'><body>%d %s</body></message>", i, pad)
	}
	return b.String()
}

func number(body string) string {
	n, _, _ := strings.Cut(body, " ")
	return n
}

// A handler may request and wait, inside a thousand messages.
func TestHandlersThatRequest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := online(t, srv, "romeo")
		juliet := online(t, srv, "juliet")
		juliet.Handle(xmpp.OnGet(func(_ context.Context, q uptimeQuery, _ *stanza.IQ) (any, error) {
			return uptime{Seconds: len(q.Of)}, nil
		}))
		got := new(record[string])
		c.ChatManager().OnMessage(func(ctx context.Context, chat *xmpp.Chat, m *stanza.Message) {
			var up uptime
			if err := c.Get(ctx, juliet.User(), uptimeQuery{Of: number(m.Body)}, &up); err != nil || up.Seconds != len(number(m.Body)) {
				t.Error(err, up)
			}
			got.add(number(m.Body))
		})
		raw(srv, "romeo", flood(1000, 100))
		eventually(t, time.Minute, func() bool { return len(got.list()) == 1000 })
		for i, s := range got.list() {
			require.Equal(t, fmt.Sprint(i), s)
		}
	})
}

// The bounds between router and application, and the event that tells of them.
func TestFloodAgainstASleeper(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{BufferSize: 1 << 10})
		srv.Intercept(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element {
			if e.Attr("to") == "silent@localhost" {
				return nil
			}
			return []stanza.Element{e}
		})
		c := online(t, srv, "romeo")
		slow := new(record[xmpp.SlowConsumer])
		c.OnSlowConsumer(slow.add)
		got, awake := new(record[string]), make(chan struct{})
		c.OnMessage(func(_ context.Context, m *stanza.Message) {
			<-awake
			got.add(number(m.Body))
		})
		const n = 6000
		raw(srv, "romeo", flood(n, 100))
		pass(time.Second)
		require.InDelta(t, 256, c.Stats().Waiting, 1, "the soft bound")
		pass(11 * time.Second)
		events := slow.list()
		require.Len(t, events, 2)
		require.InDelta(t, 5, events[0].Paused.Seconds(), 0.5)
		require.InDelta(t, 10, events[1].Paused.Seconds(), 0.5)
		require.InDelta(t, 5, events[0].Handler.Seconds(), 0.5)
		require.InDelta(t, 256, events[0].Stanzas, 1)
		require.Greater(t, events[0].Bytes, 256*100)

		asked := make(chan error, 1)
		go func() { asked <- c.Get(t.Context(), must(parse("silent@localhost")), uptimeQuery{}, nil) }()
		pass(time.Second)
		require.InDelta(t, 4096, c.Stats().Waiting, 1, "the hard bound, while a request is outstanding")
		require.ErrorIs(t, <-asked, xmpp.ErrTimeout)
		close(awake)
		eventually(t, time.Minute, func() bool { return len(got.list()) == n })
		for i, s := range got.list() {
			require.Equal(t, fmt.Sprint(i), s)
		}
		require.Zero(t, c.Stats().Waiting)
	})
}

// The bounds in bytes.
func TestLargeFloodAgainstASleeper(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{BufferSize: 1 << 10})
		c := online(t, srv, "romeo")
		awake := make(chan struct{})
		c.OnMessage(func(context.Context, *stanza.Message) { <-awake })
		raw(srv, "romeo", flood(12, 500_000))
		pass(time.Second)
		require.InDelta(t, 9, c.Stats().Waiting, 1, "4 MiB")
		close(awake)
		eventually(t, time.Minute, func() bool { return c.Stats().Waiting == 0 })
	})
}

// While a handler blocks, another goroutine's request is answered at once.
func TestBlockedHandlerHoldsUpNoRequest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := online(t, srv, "romeo")
		c.OnMessage(func(context.Context, *stanza.Message) { time.Sleep(2 * time.Second) }) // virtual
		raw(srv, "romeo", flood(3000, 10))
		pass(100 * time.Millisecond)
		began := time.Now()
		err := c.Get(t.Context(), srv.Address("nobody"), uptimeQuery{}, nil)
		require.ErrorIs(t, err, stanza.ServiceUnavailable)
		require.Zero(t, time.Since(began))
		require.NoError(t, c.Close())
		pass(2 * time.Second)
	})
}

// Nothing of a session reaches the application before its Online.
func TestOnlineComesFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{NoStreamManagement: true})
		c := offline(t, srv, "romeo")
		seen := new(record[string])
		c.OnState(func(s xmpp.StateChange) {
			if s.State == xmpp.Online {
				time.Sleep(time.Second) // virtual
				seen.add(fmt.Sprint("online ", s.Reset))
			}
		})
		c.OnMessage(func(_ context.Context, m *stanza.Message) { seen.add(m.Body) })
		c.PresenceManager().OnPresence(func(_ context.Context, p *stanza.Presence) {
			if p.From.Bare() == juliet {
				seen.add("presence")
			}
		})
		early := func(s *xmpptest.ScriptConn) error {
			if _, err := s.Login("romeo"); err != nil {
				return err
			}
			s.Conn.Send("<message from='juliet@localhost'><body>early</body></message><presence from='juliet@localhost/x'/>")
			return s.Serve()
		}
		srv.Script(early)
		require.NoError(t, c.Login(t.Context(), "", ""))
		pass(2 * time.Second)
		srv.Script(early)
		srv.Drop("romeo")
		pass(15 * time.Second)
		require.Equal(t, []string{"online false", "early", "presence", "online true", "early", "presence"}, seen.list())
	})
}

func TestPanicHook(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		panics := new(record[any])
		c := offline(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) {
			cfg.OnPanic = func(v any, stack []byte) { panics.add(v) }
		})
		boom := func(s string) { panic(s) }
		c.Use(xmpp.Extension{Name: "x",
			Incoming: func(_ context.Context, m *stanza.Message) (*stanza.Message, error) {
				if m.Body == "step" {
					boom("step")
				}
				return m, nil
			},
			Presence: func(context.Context, *stanza.Presence) bool { panic("presence") },
			Closed:   func(error) { boom("closed") },
		})
		got := texts(c)
		c.OnMessage(func(_ context.Context, m *stanza.Message) { boom("callback") })
		c.OnState(func(s xmpp.StateChange) {
			if s.State == xmpp.Online {
				boom("state")
			}
		})
		require.NoError(t, c.Login(t.Context(), "", ""))
		raw(srv, "romeo", "<message from='juliet@localhost'><body>step</body></message><message from='juliet@localhost'><body>m</body></message>")
		settle()
		require.NoError(t, c.Close())
		settle()
		require.Equal(t, []string{"step", "m"}, got.list(), "a step's panic costs the step")
		require.Subset(t, panics.list(), []any{"step", "callback", "state", "closed", "presence"})
	})
}

func TestDeliver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := offline(t, srv, "romeo")
		steps := new(record[string])
		note := func(name string) func(context.Context, *stanza.Message) (*stanza.Message, error) {
			return func(_ context.Context, m *stanza.Message) (*stanza.Message, error) {
				steps.add(name)
				if m.Body == "consumed" {
					return nil, nil
				}
				return m, nil
			}
		}
		c.Use(xmpp.Extension{Name: "x", Unwrap: note("unwrap"), Decrypt: note("decrypt"), Incoming: note("incoming")})
		c.ChatManager().OnMessage(func(context.Context, *xmpp.Chat, *stanza.Message) { time.Sleep(time.Second); steps.add("heard") }) // virtual
		require.NoError(t, c.Login(t.Context(), "", ""))
		began := time.Now()
		require.NoError(t, c.Deliver(t.Context(), &stanza.Message{From: juliet, Body: "old"}))
		require.Equal(t, []string{"decrypt", "incoming", "heard"}, steps.list())
		require.Equal(t, time.Second, time.Since(began), "it returns when the listeners did")
		require.NoError(t, c.Deliver(t.Context(), &stanza.Message{From: juliet, Body: "consumed"}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		require.ErrorIs(t, c.Deliver(ctx, &stanza.Message{From: juliet, Body: "slow"}), context.DeadlineExceeded)
		settle()
		pass(time.Second)
	})
}
