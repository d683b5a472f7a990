package main

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

func TestRun(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out))
	require.Equal(t, "bot@localhost has been up for 0s\n", out.String())
}

func TestPayloads(t *testing.T) { xmpptest.RoundTrip(t, UptimeQuery{}, Uptime{Seconds: 90}) }

func TestBothSides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		bot, err := xmpp.NewConnection(srv.Configuration("bot"))
		require.NoError(t, err)
		defer bot.Close()
		handle(bot)
		require.NoError(t, bot.Login(t.Context(), "", ""))
		romeo := srv.Client(t, "romeo")

		time.Sleep(90 * time.Second) // of virtual time
		up, err := ask(t.Context(), romeo, bot.User())
		require.NoError(t, err)
		require.Equal(t, 90*time.Second, up)

		_, err = ask(t.Context(), bot, romeo.User())
		require.ErrorIs(t, err, stanza.ServiceUnavailable, "romeo doesn't answer")
		_, err = ask(t.Context(), romeo, jid.MustParse("bot@localhost/elsewhere"))
		require.ErrorContains(t, err, "bot@localhost/elsewhere")
	})
}

func TestStrangersAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		bot, err := xmpp.NewConnection(srv.Configuration("bot"))
		require.NoError(t, err)
		defer bot.Close()
		handle(bot)
		require.NoError(t, bot.Login(t.Context(), "", ""))

		answers := make(chan stanza.Element, 1)
		srv.Intercept(func(c *xmpptest.Conn, e stanza.Element) []stanza.Element {
			switch {
			case e.Attr("id") == "forged":
				answers <- e
				return nil
			case e.Attr("type") == "unavailable":
				c.Send(`<iq xmlns="jabber:client" type="get" id="forged" from="mallory@elsewhere.example/x" to="` + bot.User().String() +
					`"><query xmlns="https://example.org/uptime"/></iq>`)
			}
			return []stanza.Element{e}
		})
		require.NoError(t, bot.PresenceManager().Unavailable(t.Context(), "")) // something to answer with the forgery
		require.Equal(t, stanza.Forbidden, stanza.ErrorFrom((<-answers).Child(stanza.NS, "error")).Condition)
	})
}
