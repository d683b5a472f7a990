package xmpp_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// An archive that doesn't answer holds up a login for half a minute and no longer: what it leaves unknown is sent again, and told.
func TestReconcileIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{StreamManagement: xmpptest.StreamManagement{Resumption: xmpptest.ResumeFailsWithoutCount}})
		juliet := online(t, srv, "juliet")
		got := texts(juliet)
		reported := new(record[error])
		c := offline(t, srv, "romeo", complaints(reported))
		c.Use(xmpp.Extension{Name: "archive", Reconcile: func(ctx context.Context, _ []*stanza.Message) ([]xmpp.Arrival, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		require.NoError(t, c.Login(t.Context(), "", ""))
		srv.Connections("romeo")[0].Stall(true, false)
		require.NoError(t, c.Send(t.Context(), &stanza.Message{To: juliet.User(), Type: stanza.MessageChat, Body: "hello"}))
		settle()
		srv.Drop("romeo")
		eventually(t, 45*time.Second, func() bool { return c.State() == xmpp.Online && srv.Dialer().Dials() == 3 })
		settle()
		require.Equal(t, []string{"hello"}, got.list())
		require.Contains(t, errorText(reported.list()), "may arrive twice")
	})
}

// What an archive says of each message holds for that one alone.
func TestReconcileEach(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{StreamManagement: xmpptest.StreamManagement{Resumption: xmpptest.ResumeFailsWithoutCount}})
		juliet := online(t, srv, "juliet")
		got := texts(juliet)
		reported := new(record[error])
		c := offline(t, srv, "romeo", complaints(reported), func(cfg *xmpp.ConnectionConfiguration) { cfg.Resend = xmpp.ReportUnknown })
		c.Use(xmpp.Extension{Name: "archive", Reconcile: func(_ context.Context, all []*stanza.Message) ([]xmpp.Arrival, error) {
			says := map[string]xmpp.Arrival{"arrived": xmpp.Arrived, "not": xmpp.NotArrived}
			var out []xmpp.Arrival
			for _, m := range all {
				out = append(out, says[m.Body])
			}
			return out, nil
		}})
		require.NoError(t, c.Login(t.Context(), "", ""))
		srv.Connections("romeo")[0].Stall(true, false)
		acks := map[string]*xmpp.Ack{}
		for _, s := range []string{"arrived", "nobody knows", "not"} {
			a, err := c.Submit(t.Context(), &stanza.Message{To: juliet.User(), Type: stanza.MessageChat, Body: s})
			require.NoError(t, err)
			acks[s] = a
		}
		settle()
		srv.Drop("romeo")
		require.NoError(t, acks["arrived"].Wait(t.Context()))
		require.NoError(t, acks["not"].Wait(t.Context()))
		require.ErrorIs(t, acks["nobody knows"].Wait(t.Context()), xmpp.ErrUnknownOutcome)
		require.Equal(t, []string{"not"}, got.list())
	})
}

// Who waits for room with what belongs to a session hears of its end at once.
func TestAWaitForRoomEndsWithTheSession(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{StreamManagement: xmpptest.StreamManagement{Mute: true}})
		c := online(t, srv, "romeo")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for c.TrySend(ctx, text("x")) == nil || settled(func() bool { return c.TrySend(ctx, text("x")) == nil }) {
		}
		done := make(chan error, 1)
		go func() { done <- c.SendNonza(ctx, must(stanza.Parse("<x xmlns='urn:x'/>"))) }()
		settle()
		select {
		case err := <-done:
			t.Fatal("there is no room: ", err)
		default:
		}
		srv.Dialer().Refuse(-1)
		srv.Drop("romeo")
		settle()
		require.ErrorIs(t, <-done, xmpp.ErrNotConnected)
	})
}

// What the server said at the login isn't printed: the session's id is as good as a password to whoever can log in as somebody else.
func TestSessionsAreDiscreet(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, modern())
		c := offline(t, srv, "romeo")
		x := catches()
		var bound, printed string
		x.Start = func(_ context.Context, s *xmpp.Session) error {
			bound, printed = s.Bound.Child("urn:xmpp:sm:3", "enabled").Attr("id"), fmt.Sprintf("%v %+v %#v %s", s, s, s, s)
			return nil
		}
		c.Use(x)
		require.NoError(t, c.Login(t.Context(), "", ""))
		require.NotEmpty(t, bound)
		require.NotContains(t, printed, bound)
	})
}

// settled tells whether ok holds once everything has happened that can.
func settled(ok func() bool) bool {
	settle()
	return ok()
}
