package stanza_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// chat is a message of about 500 bytes, as chat servers deliver them.
const chat = `<message xmlns='jabber:client' from='romeo@montague.example/orchard' to='juliet@capulet.example/balcony' id='5Zg0Qb1mO2k7x9cD4eF8hA' type='chat' xml:lang='en'>` +
	`<body>But, soft! what light through yonder window breaks? It is the east, and Juliet is the sun.</body>` +
	`<thread>e0ffe42b28561960c6b12b944a092794b9683a38</thread>` +
	`<active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/>` +
	`<delay xmlns='urn:xmpp:delay' stamp='2026-01-02T03:04:05Z'/></message>`

func chatElement(t testing.TB) stanza.Element {
	e, err := stanza.Parse(chat)
	require.NoError(t, err)
	return e
}

func outgoing() *stanza.Message {
	m := &stanza.Message{ID: "5Zg0Qb1mO2k7x9cD4eF8hA", To: jid.MustParse("juliet@capulet.example/balcony"), Type: stanza.MessageChat,
		Body: "But, soft! what light through yonder window breaks?"}
	stanza.Add(m, &delay{stamp: "2026-01-02T03:04:05Z"})
	return m
}

func TestAllocations(t *testing.T) {
	e := chatElement(t)
	received, err := stanza.FromElement(e) // also fills the cache of addresses
	require.NoError(t, err)
	buf := make([]byte, 0, 4096)
	made := outgoing()
	for name, c := range map[string]struct {
		most float64
		f    func()
	}{
		"FromElement":     {1, func() { _, _ = stanza.FromElement(e) }},
		"Append received": {0, func() { _, _ = stanza.Append(buf, received) }},
		"Append made":     {0, func() { _, _ = stanza.Append(buf, made) }},
		"Payload":         {1, func() { _, _ = stanza.Payload[delay](received) }},
		"Payload absent":  {0, func() { _, _ = stanza.Payload[mood](received) }},
		"Has":             {0, func() { stanza.Has[mood](received) }},
		"HasBody":         {0, func() { received.(*stanza.Message).HasBody() }},
	} {
		got := testing.AllocsPerRun(1000, c.f)
		t.Logf("%s: %v", name, got)
		if !raceEnabled { // the detector drops from pools at random
			require.LessOrEqual(t, got, c.most, name)
		}
	}
}

func BenchmarkFromElement(b *testing.B) {
	e := chatElement(b)
	b.SetBytes(int64(len(chat)))
	b.ReportAllocs()
	for b.Loop() {
		_, _ = stanza.FromElement(e)
	}
}

func BenchmarkAppend(b *testing.B) {
	received, err := stanza.FromElement(chatElement(b))
	require.NoError(b, err)
	for name, s := range map[string]stanza.Stanza{"received": received, "made": outgoing()} {
		b.Run(name, func(b *testing.B) {
			buf := make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				_, _ = stanza.Append(buf, s)
			}
		})
	}
}

func BenchmarkPayload(b *testing.B) {
	s, err := stanza.FromElement(chatElement(b))
	require.NoError(b, err)
	reflected := &stanza.Message{}
	e, err := stanza.Parse(`<mood xmlns='https://example.org/mood' colour='blue'><depth>3</depth></mood>`)
	require.NoError(b, err)
	stanza.Add(reflected, e)
	b.Run("codec", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = stanza.Payload[delay](s)
		}
	})
	b.Run("reflected", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = stanza.Payload[mood](reflected)
		}
	})
	b.Run("absent", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = stanza.Payload[mood](s)
		}
	})
}

func BenchmarkReflectedWrite(b *testing.B) {
	m := &stanza.Message{}
	stanza.Add(m, mood{Colour: "blue", Depth: 3})
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = stanza.Append(buf, m)
	}
}
