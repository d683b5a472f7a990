package main

import (
	"context"
	"fmt"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// login tries again where the network is at fault, which is to be expected here.
func (b *bot) login(ctx context.Context) error {
	for {
		err := b.conn.Login(ctx, "", "")
		if err == nil || xmpp.Terminal(err) || !pause(ctx, time.Second) {
			return err
		}
	}
}

// send spreads the messages over the time.
func (b *bot) send(ctx context.Context, to jid.JID, s *settings) error {
	began := time.Now()
	for n := range s.messages {
		if !pause(ctx, time.Until(began.Add(s.duration*time.Duration(n)/time.Duration(s.messages)))) {
			return fmt.Errorf("bot %d was stopped before message %d", b.number, n)
		}
		m := &stanza.Message{To: to, Type: stanza.MessageChat, Body: fmt.Sprintf("soak %d %d", b.number, n)}
		if err := b.conn.Send(ctx, m); err != nil {
			return fmt.Errorf("bot %d, message %d: %w", b.number, n, err)
		}
		b.accepted.Add(1)
		b.ledger.send()
	}
	return nil
}
