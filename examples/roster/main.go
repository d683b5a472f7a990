// Roster prints the contacts of an account, and their presence as it changes, until it is interrupted:
//
//	XMPP_PASSWORD=… roster romeo@montague.example
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) != 1 {
		fmt.Fprintln(stderr, "usage: XMPP_PASSWORD=… roster address")
		return 2
	}
	address, err := jid.Parse(args[0])
	if err == nil {
		err = watch(ctx, &xmpp.ConnectionConfiguration{Address: address, Password: xmpp.Secret(os.Getenv("XMPP_PASSWORD"))}, stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "roster:", err)
		return 1
	}
	return 0
}

// watch prints until ctx ends. Callbacks of one connection never run at the same time, so they may share stdout.
func watch(ctx context.Context, cfg *xmpp.ConnectionConfiguration, stdout io.Writer) error {
	conn, err := xmpp.NewConnection(cfg)
	if err != nil {
		return err
	}
	defer conn.Close()
	roster := conn.Roster()
	roster.OnChange(func(_ context.Context, change xmpp.RosterChange) {
		if change.Kind != xmpp.RosterLoaded {
			printContact(stdout, string(change.Kind), change.Contact)
			return
		}
		for c := range roster.Contacts() {
			printContact(stdout, "contact", c)
		}
	})
	roster.OnPresence(func(_ context.Context, a xmpp.Availability) {
		show := cmp.Or(a.Show, stanza.Show("online"))
		if !a.Available {
			show = "offline"
		}
		fmt.Fprintf(stdout, "presence %v is %s %q\n", a.Address, show, a.Status)
	})
	return conn.Run(ctx)
}

// printContact quotes what other people wrote: it might steer the terminal.
func printContact(w io.Writer, what string, c xmpp.Contact) {
	fmt.Fprintf(w, "%s %v %q, subscription %s, in %q\n", what, c.JID, c.Name, c.Subscription, c.Groups)
}
