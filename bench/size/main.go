// Size is the least program that is a client: it connects, logs in and sends. Its binary is what
// the library costs a program at least.
package main

import (
	"context"
	"log"
	"os"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
)

func main() {
	ctx := context.Background()
	conn, err := xmpp.Dial(ctx, os.Args[1], xmpp.Secret(os.Getenv("XMPP_PASSWORD")))
	if err != nil {
		log.Fatal(err)
	}
	if err := conn.ChatManager().CreateChat(jid.MustParse(os.Args[2])).SendMessage(ctx, "hello"); err != nil {
		log.Fatal(err)
	}
	if err := conn.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
}
