package xmpp_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// presences records what a user's connections broadcast and direct.
func presences(srv *xmpptest.Server) *record[string] {
	seen := new(record[string])
	srv.Intercept(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element {
		if e.Local() == "presence" {
			seen.add(fmt.Sprint(e.Attr("to"), e.Attr("type"), " ", e.Child("jabber:client", "show").Text(), " ", e.Child("jabber:client", "status").Text()))
		}
		return []stanza.Element{e}
	})
	return seen
}

func TestOwnPresence(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{NoStreamManagement: true})
		seen := presences(srv)
		c := online(t, srv, "romeo")
		m, ctx := c.PresenceManager(), t.Context()
		require.Nil(t, m.Current(), "none was set")
		require.NoError(t, m.Set(ctx, &stanza.Presence{}), "that is what the session began with")
		away := &stanza.Presence{Show: stanza.ShowAway, Status: "lunch"}
		for range 3 {
			require.NoError(t, m.Set(ctx, away))
		}
		away.Status = "changed by the caller"
		require.Equal(t, "lunch", m.Current().Status)
		require.NoError(t, c.Send(ctx, &stanza.Presence{Show: stanza.ShowDND}))
		require.NoError(t, m.SendTo(ctx, juliet, &stanza.Presence{Show: stanza.ShowXA}))
		require.NoError(t, m.SendTo(ctx, juliet, &stanza.Presence{Show: stanza.ShowXA}), "directed presence is sent as often as asked")
		require.NoError(t, m.Unavailable(ctx, "bye"))
		require.NoError(t, m.Unavailable(ctx, "bye"))
		settle()
		want := []string{"  ", " away lunch", " dnd ", "juliet@localhost xa ", "juliet@localhost xa ", "unavailable  bye"}
		require.Equal(t, want, seen.list())

		// What was set last is what the next session begins with; it begins unavailable by itself.
		srv.Drop("romeo")
		eventually(t, time.Minute, func() bool { return c.State() == xmpp.Online })
		settle()
		require.Equal(t, want, seen.list())
		srv.Dialer().Refuse(-1)
		srv.Drop("romeo")
		settle()
		require.NoError(t, m.Set(ctx, &stanza.Presence{Show: stanza.ShowChat}))
		require.NoError(t, m.Set(ctx, &stanza.Presence{Show: stanza.ShowXA, Status: "later"}))
		srv.Dialer().Refuse(0)
		eventually(t, 2*time.Minute, func() bool { return c.State() == xmpp.Online })
		settle()
		require.Equal(t, append(want, " xa later"), seen.list())
		srv.Drop("romeo")
		eventually(t, 2*time.Minute, func() bool { return c.State() == xmpp.Online })
		settle()
		require.Equal(t, append(want, " xa later", " xa later"), seen.list())
	})
}

// What was set before the first login is what it begins with; what is set while it goes on isn't lost.
func TestPresenceBeforeAndDuringLogin(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		seen := presences(srv)
		c := offline(t, srv, "romeo")
		c.OnState(func(s xmpp.StateChange) {
			if s.State == xmpp.Connecting {
				require.NoError(t, c.PresenceManager().Set(t.Context(), &stanza.Presence{Show: stanza.ShowAway}))
			}
		})
		c.Use(xmpp.Extension{Name: "x", Online: func(ctx context.Context, _ *xmpp.Session) error {
			return c.PresenceManager().Set(ctx, &stanza.Presence{Show: stanza.ShowDND})
		}})
		require.NoError(t, c.Login(t.Context(), "", ""))
		settle()
		require.Equal(t, []string{" away ", " dnd "}, seen.list())
	})
}

func TestSubscriptionHandshake(t *testing.T) {
	for name, tt := range map[string]struct {
		decision    xmpp.Decision
		r, j        xmpp.Subscription
		asked, told bool
	}{
		"undecided": {xmpp.Undecided, xmpp.SubscriptionNone, "", true, true},
		"approve":   {xmpp.Approve, xmpp.SubscriptionTo, xmpp.SubscriptionFrom, false, false},
		"both":      {xmpp.ApproveAndSubscribe, xmpp.SubscriptionBoth, xmpp.SubscriptionBoth, false, false},
		"deny":      {xmpp.Deny, xmpp.SubscriptionNone, "", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, nil)
				r, j := online(t, srv, "romeo"), online(t, srv, "juliet")
				notes, told := new(record[string]), new(record[string])
				j.Roster().HandleRequests(func(_ context.Context, q xmpp.SubscriptionRequest) xmpp.Decision {
					notes.add(q.From.String() + " " + q.Note)
					return tt.decision
				})
				require.Panics(t, func() { j.Roster().HandleRequests(nil) })
				j.Roster().OnRequest(func(_ context.Context, q xmpp.SubscriptionRequest) { told.add(q.From.String()) })
				r.Roster().HandleRequests(func(context.Context, xmpp.SubscriptionRequest) xmpp.Decision { return xmpp.Approve })
				require.NoError(t, r.PresenceManager().SendTo(t.Context(), juliet, &stanza.Presence{Type: stanza.PresenceSubscribe, Status: "It is I"}))
				settle()
				require.Equal(t, []string{"romeo@localhost It is I"}, notes.list())
				require.Equal(t, tt.told, len(told.list()) == 1)
				contact, _ := r.Roster().Contact(juliet)
				require.Equal(t, tt.r, contact.Subscription)
				require.Equal(t, tt.asked, contact.Asked)
				contact, _ = j.Roster().Contact(srv.Address("romeo"))
				require.Equal(t, tt.j, contact.Subscription)
				require.Equal(t, tt.r == xmpp.SubscriptionTo || tt.r == xmpp.SubscriptionBoth, r.Roster().Available(juliet))
				if tt.decision == xmpp.Approve {
					require.NoError(t, j.Roster().Cancel(t.Context(), srv.Address("romeo")))
					settle()
					contact, _ = r.Roster().Contact(juliet)
					require.Equal(t, xmpp.SubscriptionNone, contact.Subscription)
					require.False(t, r.Roster().Available(juliet))
				}
			})
		})
	}
}

func TestPreApproveNeedsTheFeature(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := offline(t, srv, "romeo")
		require.ErrorIs(t, c.Roster().PreApprove(t.Context(), juliet), xmpp.ErrNotConnected)
		srv.Script(func(s *xmpptest.ScriptConn) error {
			if err := s.Greet(); err != nil {
				return err
			}
			if err := s.Authenticate("romeo"); err != nil {
				return err
			}
			_ = s.Send("<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>")
			iq, err := s.Expect("bind")
			s.Conn.Send("<iq type='result' id='" + iq.Attr("id") + "'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>romeo@localhost/r</jid></bind></iq>")
			iq, _ = s.Expect("jabber:iq:roster")
			s.Conn.Send("<iq type='result' id='" + iq.Attr("id") + "'><query xmlns='jabber:iq:roster'/></iq>")
			for err == nil {
				_, err = s.Await("")
			}
			return nil
		})
		require.NoError(t, c.Login(t.Context(), "", ""))
		err := c.Roster().PreApprove(t.Context(), juliet)
		require.ErrorIs(t, err, stanza.FeatureNotImplemented)
		require.True(t, xmpp.SafeToRetry(err))
	})
}

// TestSeesUs is who may ask what we are (S143).
func TestSeesUs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c, room := srv.Client(t, "romeo"), jid.MustParse("balcony@rooms.example/juliet")
		self := c.User()
		require.True(t, c.Roster().SeesUs(jid.JID{}))
		require.True(t, c.Roster().SeesUs(self.Bare()))
		require.True(t, c.Roster().SeesUs(jid.MustParse(self.Domain())))
		require.False(t, c.Roster().SeesUs(room))
		require.NoError(t, c.PresenceManager().SendTo(t.Context(), room.Bare(), &stanza.Presence{}))
		require.True(t, c.Roster().SeesUs(room), "it was told by directed presence")
		require.NoError(t, c.PresenceManager().SendTo(t.Context(), room.Bare(), &stanza.Presence{Type: stanza.PresenceUnavailable}))
		require.False(t, c.Roster().SeesUs(room))
	})
}
