package ping_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/ping"
	"github.com/gosmack/xmpp/xmpptest"
)

func TestRoundTrip(t *testing.T) { xmpptest.RoundTrip(t, ping.Request{}) }

func TestPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		romeo, juliet := srv.Client(t, "romeo"), srv.Client(t, "juliet")
		_, err := ping.Ping(t.Context(), romeo, juliet.User())
		require.ErrorIs(t, err, stanza.ServiceUnavailable, "who may not see a client's presence can't tell it from none")
		juliet.Roster().HandleRequests(func(context.Context, xmpp.SubscriptionRequest) xmpp.Decision { return xmpp.Approve })
		require.NoError(t, romeo.Roster().Subscribe(t.Context(), juliet.User()))
		synctest.Wait()
		srv.SetFaults("romeo", xmpptest.Faults{Delay: 30 * time.Millisecond})
		for name, to := range map[string]jid.JID{
			"our server": {}, "our account": romeo.User().Bare(), "a domain": jid.MustParse(srv.Domain()), "a client": juliet.User(),
		} {
			took, err := ping.Ping(t.Context(), romeo, to)
			require.NoError(t, err, name)
			require.Equal(t, 30*time.Millisecond, took, name)
		}
	})
}

func TestErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		romeo := srv.Client(t, "romeo")
		server, client := jid.MustParse(srv.Domain()), srv.Address("nobody")
		client, err := client.WithResource("phone")
		require.NoError(t, err)
		part, err := server.WithResource("part")
		require.NoError(t, err)
		for _, test := range []struct {
			name      string
			to        jid.JID
			typ       stanza.ErrorType
			condition stanza.Condition
			answered  bool
		}{
			{"a server that knows no pings", server, stanza.ErrorCancel, stanza.ServiceUnavailable, true},
			{"our account's server likewise", romeo.User().Bare(), stanza.ErrorCancel, stanza.ServiceUnavailable, true},
			{"no address", jid.JID{}, stanza.ErrorCancel, stanza.ServiceUnavailable, true},
			{"a server that calls it a feature", server, stanza.ErrorCancel, stanza.FeatureNotImplemented, true},
			{"a client that isn't there, or doesn't know pings", client, stanza.ErrorCancel, stanza.ServiceUnavailable, false},
			{"a part of a service that may not be there", part, stanza.ErrorCancel, stanza.ServiceUnavailable, false},
			{"a service that is down", server, stanza.ErrorWait, stanza.ServiceUnavailable, false},
			{"a server that can't be reached", server, stanza.ErrorCancel, stanza.RemoteServerNotFound, false},
		} {
			refuse(srv, &stanza.Error{Type: test.typ, Condition: test.condition}, func() {
				took, err := ping.Ping(t.Context(), romeo, test.to)
				if test.answered {
					require.NoError(t, err, test.name)
					return
				}
				require.ErrorIs(t, err, test.condition, test.name)
				require.Zero(t, took, test.name)
			})
		}
	})
}

// refuse makes the server answer requests with an error while f runs.
func refuse(srv *xmpptest.Server, e *stanza.Error, f func()) {
	defer srv.Intercept(func(c *xmpptest.Conn, x stanza.Element) []stanza.Element {
		if s, err := stanza.FromElement(x); err == nil {
			if reply, err := stanza.Append(nil, stanza.ErrorReply(s, e)); err == nil {
				c.Send(string(reply))
				return nil
			}
		}
		return []stanza.Element{x}
	})()
	f()
}

func TestNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		romeo := srv.Client(t, "romeo")
		srv.Intercept(func(*xmpptest.Conn, stanza.Element) []stanza.Element { return nil })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		took, err := ping.Ping(ctx, romeo, jid.JID{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Zero(t, took)
	})
}
