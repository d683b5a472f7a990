// Customiq is an own request and both of its sides: one connection answers how long it has been up, another asks. It brings
// its own server; on a real one nothing but the configurations would be different.
package main

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

type UptimeQuery struct {
	XMLName xml.Name `xml:"https://example.org/uptime query"`
}

type Uptime struct {
	XMLName xml.Name `xml:"https://example.org/uptime uptime"`
	Seconds int64    `xml:"seconds,attr"`
}

// handle answers requests from our own domain.
func handle(conn *xmpp.Connection) {
	start := time.Now()
	conn.Handle(xmpp.OnGet(func(ctx context.Context, _ UptimeQuery, iq *stanza.IQ) (any, error) {
		if iq.From.Domain() != conn.User().Domain() {
			return nil, stanza.Forbidden
		}
		return Uptime{Seconds: int64(time.Since(start).Seconds())}, nil
	}))
}

func ask(ctx context.Context, conn *xmpp.Connection, bot jid.JID) (time.Duration, error) {
	var up Uptime
	if err := conn.Get(ctx, bot, UptimeQuery{}, &up); err != nil {
		return 0, fmt.Errorf("uptime of %v: %w", bot, err)
	}
	return time.Duration(up.Seconds) * time.Second, nil
}

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "customiq:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, stdout io.Writer) error {
	srv, err := xmpptest.Start(nil)
	if err != nil {
		return err
	}
	defer srv.Close()
	bot, err1 := xmpp.NewConnection(srv.Configuration("bot"))
	romeo, err2 := xmpp.NewConnection(srv.Configuration("romeo"))
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	defer bot.Close()
	defer romeo.Close()
	handle(bot)
	if err := errors.Join(bot.Login(ctx, "", ""), romeo.Login(ctx, "", "")); err != nil {
		return err
	}
	up, err := ask(ctx, romeo, bot.User())
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, bot.User().Bare(), "has been up for", up)
	return nil
}
