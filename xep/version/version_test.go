package version_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/version"
	"github.com/gosmack/xmpp/xmpptest"
)

var echo = version.Software{Name: "Echo", Version: "1.2", OS: "Plan 9"}

// answering logs in a connection that answers.
func answering(t *testing.T, srv *xmpptest.Server, user string, o *version.Options) *xmpp.Connection {
	t.Helper()
	conn, err := xmpp.NewConnection(srv.Configuration(user))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	version.Handle(conn, o)
	require.NoError(t, conn.Login(t.Context(), "", ""))
	return conn
}

func TestRoundTrip(t *testing.T) { xmpptest.RoundTrip(t, version.Software{}, echo) }

func FuzzPayloads(f *testing.F) { xmpptest.FuzzRoundTrip(f, version.Software{}, echo) }

func TestGetFromServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		romeo := srv.Client(t, "romeo")
		for _, of := range []jid.JID{{}, jid.MustParse(srv.Domain())} {
			s, err := version.Get(t.Context(), romeo, of)
			require.NoError(t, err)
			require.Equal(t, version.Software{Name: "xmpptest", Version: "1"}, s)
		}
	})
}

// S143: whoever may not see our presence learns nothing.
func TestWhoGetsAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		bot := answering(t, srv, "bot", &version.Options{Name: echo.Name, Version: echo.Version, OS: echo.OS})
		bot.Roster().HandleRequests(func(context.Context, xmpp.SubscriptionRequest) xmpp.Decision { return xmpp.Approve })
		own, romeo := srv.Client(t, "bot"), srv.Client(t, "romeo")

		s, err := version.Get(t.Context(), own, bot.User())
		require.NoError(t, err)
		require.Equal(t, echo, s)

		_, err = version.Get(t.Context(), romeo, bot.User())
		unknown := romeo.Get(t.Context(), bot.User(), element(t, `<query xmlns="urn:example:unknown"/>`), nil)
		require.ErrorIs(t, err, stanza.ServiceUnavailable)
		require.Equal(t, unknown, err, "a stranger must not see a difference")

		require.NoError(t, romeo.Roster().Subscribe(t.Context(), bot.User()))
		synctest.Wait()
		s, err = version.Get(t.Context(), romeo, bot.User())
		require.NoError(t, err)
		require.Equal(t, echo, s)

		require.NoError(t, bot.Roster().Cancel(t.Context(), romeo.User()))
		synctest.Wait()
		_, err = version.Get(t.Context(), romeo, bot.User())
		require.ErrorIs(t, err, stanza.ServiceUnavailable)

		// To see their presence is not to be seen.
		romeo.Roster().HandleRequests(func(context.Context, xmpp.SubscriptionRequest) xmpp.Decision { return xmpp.Approve })
		require.NoError(t, bot.Roster().Subscribe(t.Context(), romeo.User()))
		synctest.Wait()
		c, _ := bot.Roster().Contact(romeo.User())
		require.Equal(t, xmpp.SubscriptionTo, c.Subscription)
		_, err = version.Get(t.Context(), romeo, bot.User())
		require.ErrorIs(t, err, stanza.ServiceUnavailable)
	})
}

// The server asks on its own behalf, or with no address at all.
func TestServerGetsAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		bot := answering(t, srv, "bot", nil)
		for from, answered := range map[string]bool{"": true, srv.Domain(): true, srv.Domain() + "/x": false, "elsewhere.example": false} {
			answers := make(chan stanza.Element, 1)
			stop := srv.Intercept(func(c *xmpptest.Conn, e stanza.Element) []stanza.Element {
				switch {
				case e.Attr("id") == "question":
					answers <- e
					return nil
				case e.Child("urn:xmpp:ping", "ping").IsZero():
					return []stanza.Element{e}
				}
				iq := &stanza.IQ{Type: stanza.IQGet, ID: "question", To: bot.User()}
				if from != "" {
					iq.From = jid.MustParse(from)
				}
				stanza.Add(iq, version.Software{})
				data, err := stanza.Append(nil, iq)
				require.NoError(t, err)
				c.Send(string(data))
				return []stanza.Element{e}
			})
			require.NoError(t, bot.Get(t.Context(), jid.JID{}, element(t, `<ping xmlns="urn:xmpp:ping"/>`), nil)) // to have the server ask
			want := map[bool]string{true: "result", false: "error"}[answered]
			require.Equal(t, want, (<-answers).Attr("type"), from)
			stop()
		}
	})
}

func TestEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		bot := answering(t, srv, "bot", &version.Options{Name: "Echo", Version: "1.2", Everybody: true})
		s, err := version.Get(t.Context(), srv.Client(t, "romeo"), bot.User())
		require.NoError(t, err)
		require.Equal(t, version.Software{Name: "Echo", Version: "1.2"}, s)
	})
}

func TestDefaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		bot := answering(t, srv, "bot", nil)
		require.Contains(t, features(bot), version.NS)
		s, err := version.Get(t.Context(), srv.Client(t, "bot"), bot.User())
		require.NoError(t, err)
		require.NotEmpty(t, s.Name)    // XEP-0092 §2: required
		require.NotEmpty(t, s.Version) // likewise
		require.Empty(t, s.OS)         // §5: only on request
	})
}

func features(conn *xmpp.Connection) (all []string) {
	for f := range conn.Features() {
		all = append(all, f)
	}
	return all
}

func element(t *testing.T, text string) stanza.Element {
	t.Helper()
	e, err := stanza.Parse(text)
	require.NoError(t, err)
	return e
}
