package xmpp_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

var juliet = jid.MustParse("juliet@localhost")

func text(body string) *stanza.Message {
	return &stanza.Message{To: juliet, Type: stanza.MessageChat, Body: body}
}

// What can't be sent is refused with the field's name, and not one byte is written.
func TestSendRefuses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		var log func() string
		c := scripted(t, srv, "romeo", func(s *xmpptest.ScriptConn) error { log = s.Log; return s.Serve() })
		settle()
		before := log()
		roster, presence := c.Roster(), c.PresenceManager()
		ctx := t.Context()
		for want, err := range map[string]error{
			"message body":  c.Send(ctx, text("a\x00b")),
			"subject":       c.Send(ctx, &stanza.Message{To: juliet, Subject: "\x01"}),
			"U+FFFE":        c.Send(ctx, text("\uFFFE")),
			"body: ":        c.Send(ctx, text("\xff")),
			"stanza: it is": c.Send(ctx, nil),
			"message: it":   c.Send(ctx, (*stanza.Message)(nil)),
			"stanza: it":    c.Send(ctx, (*stanza.Presence)(nil)),
			"iq":            c.Send(ctx, &stanza.IQ{Type: stanza.IQGet, To: juliet}),
			"status":        presence.Set(ctx, &stanza.Presence{Status: "\x02"}),
			"presence: it":  presence.Set(ctx, nil),
			"presence to":   presence.Set(ctx, &stanza.Presence{To: juliet}),
			"presence type": presence.Set(ctx, &stanza.Presence{Type: stanza.PresenceProbe}),
			"to: it is":     presence.SendTo(ctx, jid.JID{}, &stanza.Presence{}),
			"presence:":     presence.SendTo(ctx, juliet, nil),
			"contact":       roster.Add(ctx, jid.JID{}, ""),
			"contact: it":   roster.Remove(ctx, jid.JID{}),
			"contact: ":     roster.Subscribe(ctx, jid.JID{}),
			"groups":        roster.Add(ctx, juliet, "", ""),
			"groups: ":      roster.Add(ctx, juliet, "", "a", "a"),
			"name":          roster.Add(ctx, juliet, "\x03"),
			"payload":       c.Get(ctx, juliet, nil, nil),
			"iq: it is nil": second(c.SendIQ(ctx, nil)),
			"iq: its type":  second(c.SendIQ(ctx, &stanza.IQ{Type: stanza.IQResult})),
			"nonza":         c.SendNonza(ctx, must(stanza.Parse("<message xmlns='jabber:client'/>"))),
			"nonza: ":       c.SendNonza(ctx, must(stanza.Parse("<a xmlns='urn:xmpp:sm:3' h='0'/>"))),
			"message: it i": c.Deliver(ctx, nil),
		} {
			require.ErrorContains(t, err, want)
			require.True(t, xmpp.SafeToRetry(err), "%v", err)
		}
		_, err := c.Submit(ctx, nil)
		require.Error(t, err)
		settle()
		require.Equal(t, before, log())
	})
}

func second[T any](_ T, err error) error { return err }

// Send neither changes nor keeps what it got, and gives each copy an id of its own.
func TestSendLeavesTheStanzaAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		got := online(t, srv, "juliet").Messages(t.Context())
		romeo := online(t, srv, "romeo")
		m := text("first")
		require.NoError(t, romeo.Send(t.Context(), m))
		require.Empty(t, m.ID)
		m.Body = "second"
		ack, err := romeo.Submit(t.Context(), m)
		require.NoError(t, err)
		m.Body, m.ID = "third", "mine"
		ack3, err := romeo.Submit(t.Context(), m)
		require.NoError(t, err)
		require.NoError(t, errors.Join(ack.Wait(t.Context()), ack3.Wait(t.Context())))
		require.NoError(t, ack.Err())
		one, two, three := <-got, <-got, <-got
		require.Equal(t, []string{"first", "second", "third"}, []string{one.Body, two.Body, three.Body})
		require.NotEmpty(t, one.ID)
		require.NotEqual(t, one.ID, two.ID)
		require.Equal(t, two.ID, ack.ID())
		require.Equal(t, "mine", three.ID)
		require.Equal(t, "mine", ack3.ID())
	})
}

// The outbox between sessions: 1024 stanzas, then Send waits and TrySend fails.
func TestFullOutbox(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		got := texts(online(t, srv, "juliet"))
		c := online(t, srv, "romeo")
		srv.Dialer().Refuse(-1)
		srv.Drop("romeo")
		settle()
		for i := range 1024 {
			require.NoError(t, c.TrySend(t.Context(), text(fmt.Sprint(i))))
		}
		require.Equal(t, 1024, c.Stats().Outbox)
		require.ErrorIs(t, c.TrySend(t.Context(), text("x")), xmpp.ErrBufferFull)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := c.Send(ctx, text("x"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.True(t, xmpp.SafeToRetry(err))
		waiting := make(chan error)
		go func() { waiting <- c.Send(t.Context(), text("1024")) }()
		settle()
		srv.Dialer().Refuse(0)
		c.NetworkChanged()
		require.NoError(t, <-waiting)
		settle()
		require.Len(t, got.list(), 1025)
		require.Equal(t, "1024", got.list()[1024])
	})
}

// In a callback nothing waits for room longer than a request would: what makes room may lie behind the callback.
func TestFullOutboxInACallback(t *testing.T) {
	for name, send := range map[string]func(ctx context.Context, c *xmpp.Connection, i int) error{
		"message": func(ctx context.Context, c *xmpp.Connection, _ int) error { return c.Send(ctx, text("x")) },
		"directed": func(ctx context.Context, c *xmpp.Connection, _ int) error {
			return c.PresenceManager().SendTo(ctx, juliet, &stanza.Presence{})
		},
		"presence": func(ctx context.Context, c *xmpp.Connection, i int) error {
			return c.PresenceManager().Set(ctx, &stanza.Presence{Status: fmt.Sprint(i)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, &xmpptest.Options{NoArchive: true})
				c := managed(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) { cfg.RequestTimeout = 5 * time.Second })
				ended := make(chan error, 1)
				c.OnMessage(func(ctx context.Context, _ *stanza.Message) {
					var err error
					for i, began := 0, time.Now(); err == nil && time.Since(began) < 10*time.Second; i++ {
						err = send(ctx, c, i)
					}
					ended <- err
				})
				settle()
				for _, conn := range srv.Connections("romeo") {
					conn.Stall(true, false)
				}
				raw(srv, "romeo", "<message from='juliet@localhost/x'><body>go</body></message>")
				require.ErrorIs(t, <-ended, xmpp.ErrTimeout)
			})
		})
	}
}

// A presence that waits for room must not keep the next session from beginning.
func TestPresenceInAFullOutbox(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{BufferSize: 1 << 10})
		c := online(t, srv, "romeo")
		srv.Connections("romeo")[0].Stall(true, false)
		for c.TrySend(t.Context(), text(strings.Repeat("x", 8000))) == nil {
			settle()
		}
		for c.TrySend(t.Context(), text("x")) == nil {
		}
		set := make(chan error)
		go func() { set <- c.PresenceManager().Set(t.Context(), &stanza.Presence{Show: stanza.ShowDND}) }()
		settle()
		require.NotPanics(t, func() { c.PresenceManager().Current() }, "it waits for nobody")
		srv.Drop("romeo")
		require.NoError(t, <-set, "the next session begins with it")
		eventually(t, time.Minute, func() bool { return c.State() == xmpp.Online })
		juliet := online(t, srv, "juliet")
		require.NoError(t, juliet.Roster().Subscribe(t.Context(), srv.Address("romeo")))
		require.NoError(t, c.Roster().Approve(t.Context(), srv.Address("juliet")))
		eventually(t, time.Minute, func() bool {
			a, ok := juliet.Roster().Best(srv.Address("romeo"))
			return ok && a.Show == stanza.ShowDND
		})
	})
}

func TestPlacesOfOtherStanzasBetweenSessions(t *testing.T) {
	for _, manage := range []bool{true, false} {
		bubble(t, func(t *testing.T) {
			srv := xmpptest.NewServer(t, &xmpptest.Options{NoStreamManagement: !manage})
			c := online(t, srv, "romeo")
			srv.Dialer().Refuse(-1)
			srv.Drop("romeo")
			settle()
			ctx := t.Context()
			require.NoError(t, c.Send(ctx, &stanza.Presence{Show: stanza.ShowAway}), "it becomes the current one")
			require.Equal(t, stanza.ShowAway, c.PresenceManager().Current().Show)
			for _, err := range []error{
				c.Send(ctx, &stanza.Presence{To: juliet}),
				c.Send(ctx, &stanza.IQ{Type: stanza.IQResult, ID: "old", To: juliet}),
				c.SendNonza(ctx, must(stanza.Parse("<x xmlns='urn:x'/>"))),
				c.Roster().Approve(ctx, juliet), c.Roster().PreApprove(ctx, juliet),
			} {
				require.ErrorIs(t, err, xmpp.ErrNotConnected)
				require.True(t, xmpp.SafeToRetry(err))
			}
		})
	}
}

// A server that says how much it takes (XEP-0478) is not sent more.
func TestTooLarge(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{StanzaLimit: 10_000})
		c := online(t, srv, "romeo")
		err := c.Send(t.Context(), text(strings.Repeat("x", 10_000)))
		require.ErrorIs(t, err, xmpp.ErrTooLarge)
		require.True(t, xmpp.SafeToRetry(err))
		require.NoError(t, c.Send(t.Context(), text(strings.Repeat("x", 9_000))))
		settle()
		require.Equal(t, xmpp.Online, c.State())
	})
}

func TestAckAtACut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{BufferSize: -1, NoStreamManagement: true})
		c := online(t, srv, "romeo")
		srv.Connections("romeo")[0].Stall(true, false)
		written, err := c.Submit(t.Context(), text(strings.Repeat("x", 100_000)))
		require.NoError(t, err)
		settle() // the writer hangs in the middle of it
		queued, err := c.Submit(t.Context(), text("queued"))
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, written.Wait(ctx), context.DeadlineExceeded)
		require.NoError(t, written.Err(), "not known yet")
		srv.Dialer().Refuse(-1)
		srv.Drop("romeo")
		err = written.Wait(t.Context())
		require.ErrorIs(t, err, xmpp.ErrUnknownOutcome)
		require.False(t, xmpp.SafeToRetry(err))
		require.NoError(t, c.Close())
		err = queued.Wait(t.Context())
		require.ErrorIs(t, err, xmpp.ErrClosed)
		require.True(t, xmpp.SafeToRetry(err))
	})
}
