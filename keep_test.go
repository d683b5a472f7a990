package xmpp_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// managed makes a connection with stream management that is logged in.
func managed(t *testing.T, srv *xmpptest.Server, user string, changes ...with) *xmpp.Connection {
	t.Helper()
	c := offline(t, srv, user, changes...)
	for c.Login(t.Context(), "", "") != nil {
	}
	return c
}

// TestAResumedSessionGoesOn is R08: after a resumption nothing is redone, pending requests complete, and an Ack ends when the server has the message.
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
		figure(t, "R08", "no bind, roster or presence behind a resumption; a request that was pending completes")
	})
}

// TestAForgottenSession is R06: where the server has forgotten the session, what it may have got is sent again under the same id and said to be late; or
// reported, if that is the policy.
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
	figure(t, "R06", "a forgotten session, nobody knows: sent again with its id and a delay, or reported as of unknown outcome, as configured; 0 in silence")
}

// TestAForgottenSessionThatWasCounted is R04: where the server has forgotten the session but knows how much of it it had handled, the rest is sent again
// whatever the policy, and nothing twice.
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
		figure(t, "R04", "a forgotten session whose count is known, 20 messages, 10 of them handled: 0 lost, 0 doubled, 0 reported")
	})
}

// TestSilenceIsFound is R20: a server that falls silent is found within 75 s; with stream management the probe is an <r/>.
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
			figure(t, "R20", "probe by %s: silence found after %v", map[bool]string{true: "<r/>", false: "ping"}[manage], time.Since(began).Round(time.Second))
		})
	}
}

// TestUnhandledMessagesComeAgain is R11: a message is received when its handler has returned; what was not is sent again to who comes next.
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
		time.Sleep(time.Second) // virtual
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

// TestDoubles is R12: what comes twice because a session was lost is dropped once; what merely looks alike is not.
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
		"a subject is no body":          {message("a", late), strings.ReplaceAll(message("a", late), "body>", "subject>"), true, 2},
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
	figure(t, "R12", "what comes again is dropped once: by its place in the archive, or by sender, id and the server's word that it is late; what merely looks alike is not")
}

// A handler that answers each message gets through any burst: acknowledgements that it waits for are not stuck behind what it has not handled yet.
func TestAnEchoInABurst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const burst = 10_000
		srv := xmpptest.NewServer(t, nil)
		bot, juliet := managed(t, srv, "romeo"), managed(t, srv, "juliet")
		got := juliet.ChatManager().Messages(t.Context())
		bot.OnMessage(func(ctx context.Context, m *stanza.Message) {
			if err := bot.Send(ctx, &stanza.Message{To: m.From, Type: stanza.MessageChat, Body: m.Body}); err != nil {
				t.Error(err)
			}
		})
		srv.Connections("romeo")[0].Stall(false, true)
		for n := range burst {
			require.NoError(t, juliet.Send(t.Context(), &stanza.Message{To: bot.User(), Type: stanza.MessageChat, Body: fmt.Sprint(n)}))
		}
		settle()
		srv.Connections("romeo")[0].Stall(false, false)
		for n := range burst {
			select {
			case m := <-got:
				require.Equal(t, fmt.Sprint(n), m.Body)
			case <-time.After(time.Hour):
				t.Fatalf("no answer to message %d; bot %+v, juliet %+v, %+v", n, bot.Stats(), juliet.Stats(), srv.Sessions("romeo"))
			}
		}
	})
}

// A server that speaks but has stopped to take what we send, since the session was resumed, is found as well: its session is given up, and
// what it had not taken is sent in a new one.
func TestADeafServerIsFound(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{NoArchive: true})
		juliet := online(t, srv, "juliet")
		got := texts(juliet)
		c := online(t, srv, "romeo")
		said := func(s string) *xmpp.Ack {
			a, err := c.Submit(t.Context(), &stanza.Message{To: juliet.User(), Type: stanza.MessageChat, Body: s})
			require.NoError(t, err)
			return a
		}
		require.NoError(t, said("before").Wait(t.Context()))
		srv.Drop("romeo")
		eventually(t, time.Minute, func() bool { return c.State() == xmpp.Online && srv.Dialer().Dials() == 3 })
		require.NoError(t, said("resumed").Wait(t.Context()))
		// From here on it neither handles nor acknowledges, and goes on speaking.
		seen := states(c)
		conn := srv.Connections("romeo")[0]
		conn.Stall(true, false)
		began := time.Now()
		lost := said("lost")
		for c.State() == xmpp.Online {
			require.Less(t, time.Since(began), 3*time.Minute)
			conn.Send("<presence from='juliet@localhost/x'/>")
			pass(5 * time.Second)
		}
		require.NoError(t, lost.Wait(t.Context()))
		require.Equal(t, []string{"before", "resumed", "lost"}, got.list())
		require.Equal(t, []string{"reconnecting", "online reset"}, seen.list(), "that session was no good")
	})
}
