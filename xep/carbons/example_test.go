package carbons_test

import (
	"context"
	"fmt"
	"log"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/carbons"
	"github.com/gosmack/xmpp/xep/forward"
	"github.com/gosmack/xmpp/xmpptest"
)

func Example() {
	ctx := context.Background()
	srv, err := xmpptest.Start(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	conn, err := xmpp.NewConnection(srv.Configuration("romeo"))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	carbons.Enable(conn)
	done := make(chan struct{})
	conn.ChatManager().OnSent(func(_ context.Context, c *xmpp.Chat, m *stanza.Message) {
		fmt.Printf("to %v, from another device: %s\n", c.Peer(), m.Body)
		close(done)
	})
	// This server knows no copies, so its part is played here.
	srv.Intercept(func(c *xmpptest.Conn, e stanza.Element) []stanza.Element {
		if e.First().Is(carbons.NS, "enable") {
			c.Send("<iq type='result' id='" + e.Attr("id") + "'/>")
			return nil
		}
		return []stanza.Element{e}
	})
	if err := conn.Login(ctx, "", ""); err != nil {
		log.Fatal(err)
	}
	phone, err := conn.User().WithResource("phone")
	if err != nil {
		log.Fatal(err)
	}
	m := &stanza.Message{From: phone, To: srv.Address("juliet"), Type: stanza.MessageChat, Body: "Neither, fair saint, if either thee dislike."}
	copied := &stanza.Message{From: conn.User().Bare(), To: conn.User(), Type: stanza.MessageChat}
	stanza.Add(copied, carbons.Sent{Forwarded: forward.Forwarded{Stanza: m}})
	data, err := stanza.Append(nil, copied)
	if err != nil {
		log.Fatal(err)
	}
	srv.Connections("romeo")[0].Send(string(data))
	<-done
	// Output: to juliet@localhost, from another device: Neither, fair saint, if either thee dislike.
}
