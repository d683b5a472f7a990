package stanzaid_test

import (
	"fmt"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/stanzaid"
)

func Example() {
	room := jid.MustParse("room@muc.example")
	m := &stanza.Message{From: room, Type: stanza.MessageGroupchat, Body: "Typical body text"}
	stanza.Add(m, stanzaid.StanzaID{ID: "5f3dbc5e", By: room})
	stanza.Add(m, stanzaid.StanzaID{ID: "forged", By: jid.MustParse("romeo@montague.example")})

	announces := func(entity jid.JID) bool { return entity == room } // what service discovery said
	id, err := stanzaid.Trusted(m, jid.MustParse("romeo@montague.example"), announces)
	fmt.Println(id.ID, err)
	// Output: 5f3dbc5e <nil>
}
