package disco_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/disco"
	"github.com/gosmack/xmpp/xmpptest"
)

func samples(t testing.TB) []any {
	return []any{
		disco.Entity{
			Node:       "n",
			Identities: []disco.Identity{{Category: "client", Type: "pc", Name: "Psi", Lang: "el"}, {Category: "client", Type: "pc"}},
			Features:   []string{"urn:example:1", "urn:example:1"},
			Forms:      []stanza.Element{element(t, form)},
		},
		disco.Entity{},
		disco.ItemList{Node: "n", Items: []disco.Item{{JID: jid.MustParse("a@b/c"), Node: "d", Name: "e"}, {JID: jid.MustParse("b")}}},
		disco.ItemList{},
	}
}

func TestRoundTrip(t *testing.T) { xmpptest.RoundTrip(t, samples(t)...) }

func FuzzPayloads(f *testing.F) { xmpptest.FuzzRoundTrip(f, samples(f)...) }

func TestAskServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		romeo := srv.Client(t, "romeo")

		server, err := disco.Info(t.Context(), romeo, jid.MustParse(srv.Domain()), "")
		require.NoError(t, err)
		require.True(t, server.Is("server", "im"))
		require.True(t, server.Has("urn:xmpp:ping"))

		account, err := disco.Info(t.Context(), romeo, jid.JID{}, "")
		require.NoError(t, err)
		require.True(t, account.Is("account", "registered"))

		_, err = disco.Info(t.Context(), romeo, jid.JID{}, "urn:example:node")
		require.ErrorIs(t, err, stanza.ItemNotFound)
		require.Empty(t, items(t, romeo, jid.JID{}, ""))
	})
}

type (
	infoQuery struct {
		XMLName xml.Name `xml:"http://jabber.org/protocol/disco#info query"`
	}
	itemsQuery struct {
		XMLName xml.Name `xml:"http://jabber.org/protocol/disco#items query"`
	}
)

// One bad entry costs neither the list nor the others, and is logged.
func TestBadEntries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		liar := connection(t, srv, "liar")
		info := element(t, `<query xmlns="http://jabber.org/protocol/disco#info"><identity category="client"/><identity type="pc" category="client"/>`+
			`<feature/><feature var="a"/><feature var="a"/><other var="b"/><feature xmlns="urn:example" var="c"/></query>`)
		list := element(t, `<query xmlns="http://jabber.org/protocol/disco#items"><item jid="a@@"/><item/><item jid="a@b"/><item jid="c"/></query>`)
		liar.Handle(xmpp.OnGet(func(context.Context, infoQuery, *stanza.IQ) (any, error) { return info, nil }))
		asked := 0
		liar.Handle(xmpp.OnGet(func(context.Context, itemsQuery, *stanza.IQ) (any, error) { asked++; return list, nil }))
		require.NoError(t, liar.Login(t.Context(), "", ""))

		var logged bytes.Buffer
		cfg := srv.Configuration("romeo")
		cfg.Logger = slog.New(slog.NewTextHandler(&logged, nil))
		romeo, err := xmpp.NewConnection(cfg)
		require.NoError(t, err)
		t.Cleanup(func() { romeo.Close() })
		require.NoError(t, romeo.Login(t.Context(), "", ""))

		e, err := disco.Info(t.Context(), romeo, liar.User(), "")
		require.NoError(t, err)
		require.Equal(t, []disco.Identity{{Category: "client", Type: "pc"}}, e.Identities)
		require.Equal(t, []string{"a", "a"}, e.Features, "who checks a hash must see what stands twice")
		require.Len(t, e.Faults, 2)
		require.Contains(t, logged.String(), "identity without category or type")

		require.Len(t, items(t, romeo, liar.User(), ""), 2)
		require.Contains(t, logged.String(), "item: jid")

		seq := disco.Items(t.Context(), romeo, liar.User(), "")
		require.Equal(t, 1, asked, "nothing is asked before the range")
		for range seq {
			break
		}
		for range seq {
			break
		}
		require.Equal(t, 3, asked, "each range asks anew")
	})
}

func TestItemWithoutAddressIsNotSent(t *testing.T) {
	_, err := stanza.Marshal(disco.ItemList{Items: []disco.Item{{Name: "nowhere"}}})
	require.ErrorContains(t, err, "jid")
}
