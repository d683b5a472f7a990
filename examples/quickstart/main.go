// Quickstart logs bjsujb1 in, sends "Hello word!" to bjsujb and prints what bjsujb received. Without flags both are accounts
// of a server inside this program; with flags it does the same on a real one:
//
//	quickstart -address bjsujb1@example.org -password … -to bjsujb@example.org -to-password …
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/gosmack/xmpp"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	p, err := parse(args)
	if err == nil {
		err = quickstart(ctx, p, stdout)
		p.close()
	}
	if err != nil {
		fmt.Fprintln(stderr, "quickstart:", explain(err))
		return 1
	}
	return 0
}

func quickstart(ctx context.Context, p *place, stdout io.Writer) error {
	received, err := p.listen(ctx)
	if err != nil {
		return fmt.Errorf("logging %v in: %w", p.to, err)
	}

	conn, err := xmpp.NewConnection(&xmpp.ConnectionConfiguration{Host: p.host, Port: p.port, Domain: p.domain, TLS: p.tls})
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.Connect(ctx); err != nil {
		return err
	}
	if err := conn.Login(ctx, p.user, p.password); err != nil {
		return err
	}
	fmt.Fprintln(stdout, conn.User())

	began := time.Now()
	if err := conn.ChatManager().CreateChat(p.to).SendMessage(ctx, "Hello word!"); err != nil {
		return err
	}
	if received == nil {
		fmt.Fprintf(stdout, "sent to %v; -to-password lets this program read it there\n", p.to)
		return conn.Shutdown(ctx)
	}
	for m := range received {
		if m.From == conn.User() {
			fmt.Fprintf(stdout, "%v received %q from %v after %v\n", p.to, m.Body, m.From, time.Since(began))
			return nil
		}
	}
	return fmt.Errorf("waiting for the message at %v: %w", p.to, context.Cause(ctx))
}
