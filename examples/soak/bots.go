package main

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
)

// A bot writes numbered messages and notes those that it gets.
type bot struct {
	number   int
	conn     *xmpp.Connection
	ledger   *ledger
	accepted atomic.Int64 // messages
	written  atomic.Int64 // messages, each time that one is

	reconnects, resumes, resets, told atomic.Int64
}

func newBot(number int, cfg *xmpp.ConnectionConfiguration, l *ledger) (*bot, error) {
	b := &bot{number: number, ledger: l}
	cfg.Silence = 10 * time.Second // a dead connection is found within 25 s, so that more of them fit in
	cfg.OnError = func(error) { b.told.Add(1) }
	cfg.Trace = func(e xmpp.TraceEvent) {
		if e.Out && bytes.HasPrefix(e.Data, []byte("<message")) {
			b.written.Add(1)
		}
	}
	var err error
	if b.conn, err = xmpp.NewConnection(cfg); err != nil {
		return nil, err
	}
	b.conn.OnState(b.state)
	b.conn.ChatManager().OnMessage(func(_ context.Context, _ *xmpp.Chat, m *stanza.Message) {
		var sender, n int
		if _, err := fmt.Sscanf(m.Body, "soak %d %d", &sender, &n); err == nil {
			l.receive(sender, n)
		}
	})
	return b, nil
}

func (b *bot) state(s xmpp.StateChange) {
	switch {
	case s.State == xmpp.Reconnecting:
		b.reconnects.Add(1)
	case s.Resumed:
		b.resumes.Add(1)
	case s.Reset:
		b.resets.Add(1)
	}
}
