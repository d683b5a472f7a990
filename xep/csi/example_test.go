package csi_test

import (
	"context"
	"fmt"
	"log"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/csi"
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

	state := csi.New(conn)
	heard := make(chan string, 2)
	conn.OnMessage(func(_ context.Context, m *stanza.Message) { heard <- m.Body })
	if err := conn.Login(ctx, "", ""); err != nil {
		log.Fatal(err)
	}
	if err := state.Inactive(ctx); err != nil {
		log.Fatal(err)
	}
	// Presence and typing notices wait now; a message does not.
	if err := conn.ChatManager().CreateChat(conn.User()).SendMessage(ctx, "a note"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-heard)
	// Output: a note
}
