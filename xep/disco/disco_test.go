package disco_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/disco"
	"github.com/gosmack/xmpp/xep/version"
	"github.com/gosmack/xmpp/xmpptest"
)

const form = `<x xmlns="jabber:x:data" type="result"><field var="FORM_TYPE" type="hidden"><value>urn:example</value></field></x>`

// connection makes one that is closed with the test.
func connection(t *testing.T, srv *xmpptest.Server, user string) *xmpp.Connection {
	t.Helper()
	conn, err := xmpp.NewConnection(srv.Configuration(user))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestAnswersWhatIsAttached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		bot := connection(t, srv, "bot")
		d := disco.New(bot, nil)
		version.Handle(bot, nil)
		bot.Use(xmpp.Extension{Name: "own", Features: []string{"urn:example:own", disco.NSInfo}})
		d.AddForm(element(t, form))
		require.NoError(t, bot.Login(t.Context(), "", ""))

		e, err := disco.Info(t.Context(), srv.Client(t, "bot"), bot.User(), "")
		require.NoError(t, err)
		require.Equal(t, []disco.Identity{{Category: "client", Type: "bot"}}, e.Identities)
		require.Equal(t, []string{disco.NSInfo, disco.NSItems, version.NS, "urn:example:own", "urn:xmpp:ping"}, e.Features)
		require.True(t, e.Has("urn:example:own"))
		require.False(t, e.Has("urn:example:other"))
		require.Len(t, e.Forms, 1)
		require.Equal(t, element(t, form).String(), e.Forms[0].String())
		require.Equal(t, d.Self().Features, e.Features)

		require.Empty(t, items(t, srv.Client(t, "bot"), bot.User(), ""))
	})
}

func TestIdentities(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		pc := connection(t, srv, "romeo")
		given := []disco.Identity{{Category: "client", Type: "pc", Name: "Balcony", Lang: "en"}}
		d := disco.New(pc, &disco.Options{Identities: given, Forms: []stanza.Element{element(t, form)}})
		d.AddIdentity(disco.Identity{Category: "automation", Type: "rpc"})
		require.NoError(t, pc.Login(t.Context(), "", ""))

		e, err := disco.Info(t.Context(), srv.Client(t, "romeo"), pc.User(), "")
		require.NoError(t, err)
		require.Equal(t, append(given, disco.Identity{Category: "automation", Type: "rpc"}), e.Identities)
		require.True(t, e.Is("automation", "rpc"))
		require.False(t, e.Is("automation", "pc"))
		require.Len(t, e.Forms, 1)

		require.Panics(t, func() { d.AddIdentity(given[0]) }, "what is announced must not change")
		require.Panics(t, func() { d.AddForm(element(t, form)) })
	})
}

// S143: whoever may not see our presence learns nothing, not even that a node is missing.
func TestWhoGetsAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		bot := connection(t, srv, "bot")
		disco.New(bot, nil)
		bot.Roster().HandleRequests(func(context.Context, xmpp.SubscriptionRequest) xmpp.Decision { return xmpp.Approve })
		require.NoError(t, bot.Login(t.Context(), "", ""))
		romeo := srv.Client(t, "romeo")

		unknown := romeo.Get(t.Context(), bot.User(), element(t, `<query xmlns="urn:example:unknown"/>`), nil)
		require.ErrorIs(t, unknown, stanza.ServiceUnavailable)
		for _, node := range []string{"", "urn:example:node"} {
			_, err := disco.Info(t.Context(), romeo, bot.User(), node)
			require.Equal(t, unknown, err)
			for _, err := range disco.Items(t.Context(), romeo, bot.User(), node) {
				require.Equal(t, unknown, err)
			}
		}

		require.NoError(t, romeo.Roster().Subscribe(t.Context(), bot.User()))
		synctest.Wait()
		_, err := disco.Info(t.Context(), romeo, bot.User(), "")
		require.NoError(t, err)
	})
}

// The server asks on its own behalf, or with no address at all.
func TestServerGetsAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		bot := connection(t, srv, "bot")
		disco.New(bot, nil)
		require.NoError(t, bot.Login(t.Context(), "", ""))
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
				stanza.Add(iq, disco.Entity{})
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
		bot := connection(t, srv, "bot")
		disco.New(bot, &disco.Options{Everybody: true})
		require.NoError(t, bot.Login(t.Context(), "", ""))
		_, err := disco.Info(t.Context(), srv.Client(t, "romeo"), bot.User(), "")
		require.NoError(t, err)
	})
}

func TestNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		bot := connection(t, srv, "bot")
		d := disco.New(bot, nil)
		require.NoError(t, bot.Login(t.Context(), "", ""))
		asker := srv.Client(t, "bot")
		info := func(node string) (disco.Entity, error) { return disco.Info(t.Context(), asker, bot.User(), node) }

		_, err := info("commands")
		require.ErrorIs(t, err, stanza.ItemNotFound)
		for _, err := range disco.Items(t.Context(), asker, bot.User(), "commands") {
			require.ErrorIs(t, err, stanza.ItemNotFound)
		}

		list := disco.Entity{Identities: []disco.Identity{{Category: "automation", Type: "command-list"}}, Features: []string{disco.NSInfo}}
		ping := disco.Item{JID: bot.User(), Node: "ping", Name: "Ping somebody"}
		remove := d.AddNode(disco.Node{
			Name:  "commands",
			Info:  func(context.Context, jid.JID) (disco.Entity, error) { return list, nil },
			Items: func(context.Context, jid.JID) ([]disco.Item, error) { return []disco.Item{ping}, nil },
		})
		d.AddNode(disco.Node{Name: "ping"})
		d.AddNode(disco.Node{Name: "secret", Items: func(_ context.Context, asker jid.JID) ([]disco.Item, error) { return nil, stanza.Forbidden }})

		e, err := info("commands")
		require.NoError(t, err)
		require.Equal(t, "commands", e.Node, "XEP-0030 §3.2")
		require.True(t, e.Is("automation", "command-list"))
		require.Equal(t, []disco.Item{ping}, items(t, asker, bot.User(), "commands"))

		var mirrored disco.ItemList
		require.NoError(t, asker.Get(t.Context(), bot.User(), disco.ItemList{Node: "commands"}, &mirrored))
		require.Equal(t, "commands", mirrored.Node, "§4.2: likewise")

		e, err = info("ping")
		require.NoError(t, err)
		require.True(t, e.Is("hierarchy", "leaf"))
		require.Empty(t, items(t, asker, bot.User(), "ping"))

		e, err = info("secret")
		require.NoError(t, err)
		require.True(t, e.Is("hierarchy", "branch"))
		for _, err := range disco.Items(t.Context(), asker, bot.User(), "secret") {
			require.ErrorIs(t, err, stanza.Forbidden)
		}

		require.Panics(t, func() { d.AddNode(disco.Node{Name: "commands"}) })
		require.Panics(t, func() { d.AddNode(disco.Node{}) })
		remove()
		_, err = info("commands")
		require.ErrorIs(t, err, stanza.ItemNotFound)
	})
}

func items(t *testing.T, conn *xmpp.Connection, of jid.JID, node string) (all []disco.Item) {
	t.Helper()
	for i, err := range disco.Items(t.Context(), conn, of, node) {
		require.NoError(t, err)
		all = append(all, i)
	}
	return all
}

func element(t testing.TB, text string) stanza.Element {
	t.Helper()
	e, err := stanza.Parse(text)
	require.NoError(t, err)
	return e
}
