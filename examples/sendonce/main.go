// Sendonce sends one message, for scripts and alerts, and ends when the server has it:
//
//	echo "disk full" | XMPP_PASSWORD=… sendonce monitor@example.org admin@example.org
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stderr))
}

func run(ctx context.Context, args []string, stdin io.Reader, stderr io.Writer) int {
	if len(args) != 2 {
		fmt.Fprintln(stderr, "usage: XMPP_PASSWORD=… sendonce from to < text")
		return 2
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	from, err1 := jid.Parse(args[0])
	to, err2 := jid.Parse(args[1])
	err := errors.Join(err1, err2)
	if err == nil {
		err = send(ctx, &xmpp.ConnectionConfiguration{Address: from, Password: xmpp.Secret(os.Getenv("XMPP_PASSWORD"))}, to, stdin)
	}
	if err != nil {
		fmt.Fprintln(stderr, "sendonce:", err)
		return 1
	}
	return 0
}

func send(ctx context.Context, cfg *xmpp.ConnectionConfiguration, to jid.JID, stdin io.Reader) error {
	text, err := io.ReadAll(stdin)
	if err != nil {
		return err
	}
	body := strings.TrimSpace(string(text))
	if body == "" {
		return errors.New("there is no text on standard input")
	}
	// Nobody is to see us come and go, or to write to us meanwhile.
	cfg.DisablePresence, cfg.DisableRoster = true, true
	conn, err := xmpp.NewConnection(cfg)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.Login(ctx, "", ""); err != nil {
		return err
	}
	ack, err := conn.ChatManager().CreateChat(to).Submit(ctx, body)
	if err != nil {
		return err
	}
	if err := ack.Wait(ctx); err != nil {
		return err
	}
	return conn.Shutdown(ctx)
}
