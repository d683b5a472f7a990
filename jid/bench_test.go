package jid_test

import (
	"fmt"
	"testing"

	"github.com/gosmack/xmpp/jid"
)

var sink jid.JID

func benchmarkParse(b *testing.B, parse func(string) (jid.JID, error), inputs ...string) {
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		j, err := parse(inputs[i%len(inputs)])
		if err != nil {
			b.Fatal(err)
		}
		sink = j
	}
}

func unique() []string {
	s := make([]string, 1<<16)
	for i := range s {
		s[i] = fmt.Sprintf("user%d@example.org/Conversations.%d", i, i)
	}
	return s
}

func BenchmarkParse(b *testing.B) {
	const plain, folded = "juliet@conference.example.org/balcony", "Juliet@B\u00fccher.Example/balcony"
	b.Run("cached", func(b *testing.B) { benchmarkParse(b, jid.Parse, plain) })
	b.Run("plain", func(b *testing.B) { benchmarkParse(b, jid.ParseUncached, plain) })
	b.Run("folded", func(b *testing.B) { benchmarkParse(b, jid.ParseUncached, folded) })
	b.Run("flood", func(b *testing.B) { benchmarkParse(b, jid.Parse, unique()...) })
	b.Run("parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				_, _ = jid.Parse(plain)
			}
		})
	})
}

func BenchmarkEscape(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		jid.Escape("d'artagnan@musketeers.example")
	}
}
