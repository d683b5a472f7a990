package xmpp_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// benchStanzas are what a client of a busy account receives.
var benchStanzas = map[string]string{
	"chat": `<message from='romeo@montague.example/orchard-%d' to='juliet@capulet.example/balcony' id='5Zg0Qb1mO2k7x9cD4eF-#00000000' type='chat' xml:lang='en'>` +
		`<body>But, soft! what light through yonder window breaks? It is the east, and Juliet is the sun.</body>` +
		`<thread>e0ffe42b28561960c6b12b944a092794b9683a38</thread>` +
		`<active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/>` +
		`<stanza-id xmlns='urn:xmpp:sid:0' by='juliet@capulet.example' id='1733225112-#00000000'/></message>`,
	"groupchat": `<message from='verona@chat.capulet.example/nick-%d' to='juliet@capulet.example/balcony' id='9af1c3d2-4b5e--#00000000' type='groupchat'>` +
		`<body>Thou know&apos;st the mask of night is on my face, else would a maiden blush bepaint my cheek &amp; all.</body>` +
		`<occupant-id xmlns='urn:xmpp:occupant-id:0' id='dd72603deec90a38ba552f7c68cbcc61bca202cd'/>` +
		`<origin-id xmlns='urn:xmpp:sid:0' id='9af1c3d2-4b5e--#00000000'/><stanza-id xmlns='urn:xmpp:sid:0' by='verona@chat.capulet.example' id='28482--#00000000'/></message>`,
	"presence": `<presence from='nurse@capulet.example/phone-%d' to='juliet@capulet.example/balcony' xml:lang='en'><show>away</show><status>at the market -#00000000</status><priority>5</priority>` +
		`<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://client.example/caps' ver='QgayPKawpkPSDYmwT/WM94uAlu0='/>` +
		`<x xmlns='vcard-temp:x:update'><photo>8668c8ba2ee1b6b5d9b5c2fe6ec9e9d8e0b0a35e</photo></x><idle xmlns='urn:xmpp:idle:1' since='2026-11-20T21:58:00Z'/></presence>`,
	"archive": `<message from='juliet@capulet.example' to='juliet@capulet.example/balcony'><result xmlns='urn:xmpp:mam:2' queryid='f27' id='28482-98726--#00000000'>` +
		`<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2026-07-10T23:08:25Z'/>` +
		`<message xmlns='jabber:client' from='romeo@montague.example/orchard-%d' to='juliet@capulet.example' type='chat' id='-#00000000'>` +
		`<body>Wherefore art thou, and what is in a name that we call a rose?</body><origin-id xmlns='urn:xmpp:sid:0' id='-#00000000'/></message></forwarded></result></message>`,
}

// corpus is stanzas of the kinds in turn, from several addresses.
func corpus(kinds ...string) (stanzas [][]byte) {
	for i := range 100 {
		stanzas = append(stanzas, []byte(strings.Replace(benchStanzas[kinds[i%len(kinds)]], "%d", strconv.Itoa(i%37), 1)))
	}
	return stanzas
}

// A source is a connection that costs next to nothing: behind the login its reads are served from memory.
type source struct {
	net.Conn
	from   atomic.Pointer[stream]
	to     atomic.Int64 // bytes written since
	refuse chan struct{}
}

// A stream serves stanzas in turn, left of them, each with a number of its own.
type stream struct {
	stanzas [][]byte
	chunk   int
	n, left int
	part    []byte
}

func (f *stream) next() {
	f.part = f.stanzas[f.n%len(f.stanzas)]
	f.n++
	f.left--
	for rest := f.part; ; {
		i := bytes.IndexByte(rest, '#')
		if i < 0 {
			return
		}
		for n, at := f.n, i+8; at > i; at, n = at-1, n/10 {
			rest[at] = byte('0' + n%10)
		}
		rest = rest[i+1:]
	}
}

func (s *source) Read(p []byte) (n int, err error) {
	f := s.from.Load()
	if f == nil {
		n, err = s.Conn.Read(p)
		if f = s.from.Load(); f == nil || err != nil {
			return n, err
		}
	}
	for n < min(len(p), f.chunk) {
		if len(f.part) == 0 {
			if f.left == 0 {
				break
			}
			f.next()
		}
		c := copy(p[n:min(len(p), f.chunk)], f.part)
		n, f.part = n+c, f.part[c:]
	}
	if n == 0 {
		s.from.CompareAndSwap(f, nil)
		return s.Conn.Read(p)
	}
	return n, nil
}

func (s *source) Write(p []byte) (int, error) {
	if s.refuse != nil {
		s.to.Add(int64(len(p)))
		return len(p), nil
	}
	return s.Conn.Write(p)
}

// benchClient is online on a source; serve makes the source serve a stream.
func benchClient(b testing.TB, changes ...with) (c *xmpp.Connection, src *source, serve func(*stream)) {
	ours, theirs := net.Pipe()
	src = &source{Conn: ours}
	go func() {
		const head = `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' from='capulet.example' id='1' version='1.0'>`
		steps := map[string]string{
			"<auth":     `<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>`,
			"<bind":     `<iq type='result' id='%s'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>juliet@capulet.example/balcony</jid></bind></iq>`,
			"<enable ":  `<enabled xmlns='urn:xmpp:sm:3' id='1' resume='true'/>`,
			"<presence": " ",
		}
		features := []string{`<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms></stream:features>`,
			`<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/></stream:features>`}
		buf := make([]byte, 64<<10)
		for {
			n, err := theirs.Read(buf)
			if err != nil {
				return
			}
			got := string(buf[:n])
			if strings.Contains(got, "<stream:stream") {
				_, _ = io.WriteString(theirs, head+features[0])
				features = features[1:]
			}
			for sign, answer := range steps {
				if strings.Contains(got, sign) {
					if sign == "<bind" || sign == "<auth" {
						_, id, _ := strings.Cut(got, "id='")
						id, _, _ = strings.Cut(id, "'")
						answer = strings.Replace(answer, "%s", id, 1)
					}
					_, _ = io.WriteString(theirs, answer)
				}
			}
		}
	}()
	cfg := xmpp.ConnectionConfiguration{Address: jid.MustParse("juliet@capulet.example"), Password: "r0m30", Host: "localhost", Security: xmpp.SecurityPlaintext,
		Mechanisms: []string{"PLAIN"}, AllowPlainInClear: true, DisableRoster: true, DisableReconnection: true, Dialer: dialer(func(context.Context, string, string) (net.Conn, error) { return src, nil })}
	for _, change := range changes {
		change(&cfg)
	}
	c, err := xmpp.NewConnection(&cfg)
	require.NoError(b, err)
	b.Cleanup(func() { _ = theirs.Close(); _ = c.Close() })
	require.NoError(b, c.Connect(b.Context()))
	require.NoError(b, c.Login(b.Context(), "", ""))
	return c, src, func(s *stream) {
		src.from.Store(s)
		_, _ = io.WriteString(theirs, " ")
	}
}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return d(ctx, network, address)
}

// BenchmarkReceive is the way from the socket's bytes to the handler, without the socket.
func BenchmarkReceive(b *testing.B) {
	for name, kinds := range map[string][]string{"mix": {"chat", "groupchat", "presence", "archive"}, "chat": {"chat"}, "groupchat": {"groupchat"}, "presence": {"presence"}, "archive": {"archive"}} {
		b.Run(name, func(b *testing.B) {
			c, _, serve := benchClient(b)
			stanzas := corpus(kinds...)
			b.SetBytes(int64(len(bytes.Join(stanzas, nil)) / len(stanzas)))
			b.ReportAllocs()
			n, done := 0, make(chan struct{})
			heard := func() {
				if n++; n == b.N {
					close(done)
				}
			}
			c.OnMessage(func(_ context.Context, m *stanza.Message) { heard() })
			c.PresenceManager().OnPresence(func(_ context.Context, p *stanza.Presence) { heard() })
			b.ResetTimer()
			serve(&stream{stanzas: stanzas, chunk: 16 << 10, left: b.N})
			<-done
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "stanzas/s")
		})
	}
}
