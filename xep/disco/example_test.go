package disco_test

import (
	"context"
	"fmt"
	"log"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/xep/disco"
	"github.com/gosmack/xmpp/xmpptest"
)

func Example() {
	ctx := context.Background()
	srv, err := xmpptest.Start(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()

	bot, err := xmpp.NewConnection(srv.Configuration("bot"))
	if err != nil {
		log.Fatal(err)
	}
	defer bot.Close()
	disco.New(bot, &disco.Options{Identities: []disco.Identity{{Category: "client", Type: "bot", Name: "Echo"}}})
	if err := bot.Login(ctx, "", ""); err != nil {
		log.Fatal(err)
	}

	entity, err := disco.Info(ctx, bot, bot.User(), "") // any address would do
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(entity.Identities[0].Name, entity.Has("urn:xmpp:ping"))
	// Output: Echo true
}
