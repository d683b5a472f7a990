package mam_test

import (
	"context"
	"fmt"
	"log"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/xep/mam"
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

	archive := mam.New(conn, nil)
	if err := conn.Login(ctx, "", ""); err != nil {
		log.Fatal(err)
	}
	juliet := srv.Address("juliet")
	chat := conn.ChatManager().CreateChat(juliet)
	for _, line := range []string{"Lady, by yonder blessed moon I swear", "What shall I swear by?"} {
		if err := chat.SendMessage(ctx, line); err != nil {
			log.Fatal(err)
		}
	}
	for m, err := range archive.Messages(ctx, mam.Query{With: juliet, Newest: true, Limit: 10}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(m.Body)
	}
	// Output:
	// What shall I swear by?
	// Lady, by yonder blessed moon I swear
}
