package main

import (
	"context"

	"github.com/gosmack/xmpp/bench/corpus"
	"github.com/gosmack/xmpp/bench/stat"
)

// allocations are those of a received chat message on its whole way from the socket to the handler.
func allocations(ctx context.Context, l *lab) (*section, error) {
	n := l.scaled(40_000)
	stanzas, _ := corpus.Make(corpus.ChatOnly, n)
	messages := float64(n)
	own := float64(len(stanzas)) / messages
	mallocs, garbage := map[string]stat.Sample{}, map[string]stat.Sample{}
	for range l.rounds {
		for _, c := range l.peers {
			if c.module == "" {
				continue
			}
			r, err := l.receiveMix(ctx, c, "chat", n)
			if err != nil {
				if err := l.failed(c, err); err != nil {
					return nil, err
				}
				continue
			}
			mallocs[c.name] = append(mallocs[c.name], float64(r.Mallocs)/messages)
			garbage[c.name] = append(garbage[c.name], float64(r.Bytes)/messages-own)
		}
	}
	s := &section{name: "allocations"}
	s.row("client", "allocations/message", "bytes/message beyond its own")
	for _, c := range l.peers {
		if mallocs[c.name] != nil {
			s.row(c.title, spread(mallocs[c.name], hundredths), spread(garbage[c.name], whole))
		}
	}
	s.note("A message of this corpus has %.0f bytes on average.", own)
	if a, b := mallocs["ours"], garbage["ours"]; a != nil {
		s.goal(a.Median() <= 4, "allocations for a chat message received, socket to handler", spread(a, hundredths), "≤ 4")
		s.goal(b.Median() <= 1500, "bytes for it beyond its own", spread(b, whole), "≤ 1 500")
	}
	return s, nil
}
