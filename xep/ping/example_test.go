package ping_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/xep/ping"
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
	if err := conn.Login(ctx, "", ""); err != nil {
		log.Fatal(err)
	}

	took, err := ping.Ping(ctx, conn, jid.MustParse(srv.Domain()))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the server is there:", took < 10*time.Second)
	// Output: the server is there: true
}
