package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/gosmack/xmpp/bench/corpus"
	"github.com/gosmack/xmpp/bench/peer"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/forward"
	"github.com/gosmack/xmpp/xep/mam"
)

// receive reads a corpus through ordinary listeners.
func receive(o peer.Options) (*peer.Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), peer.Timeout)
	defer cancel()
	conn, err := connect(o)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var tally *peer.Tally
	conn.OnMessage(func(_ context.Context, m *stanza.Message) { hear(tally, m) })
	conn.PresenceManager().OnPresence(func(_ context.Context, p *stanza.Presence) {
		tally.Hear(corpus.Presence, len(p.From.String()), len(p.Status))
	})
	for range o.Handlers - 1 {
		conn.OnMessage(func(context.Context, *stanza.Message) {})
	}
	if err := conn.Login(ctx, "", ""); err != nil {
		return nil, err
	}
	tally = peer.NewTally()
	if err := begin(ctx, conn, o); err != nil {
		return nil, err
	}
	select {
	case <-tally.Done:
	case <-conn.Done():
		return nil, fmt.Errorf("the connection ended: %w", conn.Err())
	case <-ctx.Done():
		return nil, errors.New("the end of the corpus did not come")
	}
	return &tally.Result, nil
}

func hear(tally *peer.Tally, m *stanza.Message) {
	switch {
	case m.Type == stanza.MessageGroupchat:
		tally.Hear(corpus.Groupchat, len(m.From.String()), len(m.Body))
	case m.Type == stanza.MessageChat:
		if m.From.Local() == peer.EndLocal {
			tally.End()
			return
		}
		tally.Hear(corpus.Chat, len(m.From.String()), len(m.Body))
	default:
		result := m.Element().Child(mam.NS, "result")
		forwarded, err := stanza.Decode[forward.Forwarded](result.Child(forward.NS, "forwarded"))
		if inner := forwarded.Message(); err == nil && inner != nil {
			tally.Hear(corpus.Archive, len(inner.From.String()), len(inner.Body))
		}
	}
}
