package version_test

import (
	"context"
	"fmt"
	"log"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/xep/version"
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
	version.Handle(bot, &version.Options{Name: "Echo", Version: "1.2"})
	if err := bot.Login(ctx, "", ""); err != nil {
		log.Fatal(err)
	}

	software, err := version.Get(ctx, bot, bot.User()) // any address would do
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(software.Name, software.Version)
	// Output: Echo 1.2
}
