// Echobot sends every message back to who wrote it, until it is interrupted:
//
//	XMPP_PASSWORD=… echobot romeo@montague.example
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stderr))
}

func run(ctx context.Context, args []string, stderr io.Writer) int {
	if len(args) != 1 {
		fmt.Fprintln(stderr, "usage: XMPP_PASSWORD=… echobot address")
		return 2
	}
	address, err := jid.Parse(args[0])
	if err == nil {
		err = serve(ctx, &xmpp.ConnectionConfiguration{Address: address, Password: xmpp.Secret(os.Getenv("XMPP_PASSWORD"))})
	}
	if err != nil {
		fmt.Fprintln(stderr, "echobot:", err)
		return 1
	}
	return 0
}

// serve stays online, whatever happens to the network, until ctx ends.
func serve(ctx context.Context, cfg *xmpp.ConnectionConfiguration) error {
	conn, err := xmpp.NewConnection(cfg)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.ChatManager().OnMessage(echo)
	return conn.Run(ctx)
}

func echo(ctx context.Context, c *xmpp.Chat, m *stanza.Message) {
	if err := c.SendMessage(ctx, m.Body); err != nil {
		log.Printf("reply to %v: %v", c.Peer(), err)
	}
}
