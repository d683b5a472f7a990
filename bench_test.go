package xmpp_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// What a client of a busy account receives. % is one of several senders, # the place of a number that no other has.
const (
	benchChat = `<message from='romeo@montague.example/orchard-%' to='juliet@capulet.example/balcony' id='5Zg0Qb1mO2k7x9cD-#00000000' type='chat' xml:lang='en'>` +
		`<body>But, soft! what light through yonder window breaks? It is the east, and Juliet is the sun.</body>` +
		`<thread>e0ffe42b28561960c6b12b944a092794b9683a38</thread>` +
		`<active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/>` +
		`<stanza-id xmlns='urn:xmpp:sid:0' by='juliet@capulet.example' id='1733225112-#00000000'/></message>`
	benchGroupchat = `<message from='verona@chat.capulet.example/nick-%' to='juliet@capulet.example/balcony' id='9af1c3d2-4b5e-#00000000' type='groupchat'>` +
		`<body>Thou know&apos;st the mask of night is on my face, else would a maiden blush bepaint my cheek &amp; all.</body>` +
		`<occupant-id xmlns='urn:xmpp:occupant-id:0' id='dd72603deec90a38ba552f7c68cbcc61bca202cd'/>` +
		`<stanza-id xmlns='urn:xmpp:sid:0' by='verona@chat.capulet.example' id='28482-#00000000'/></message>`
	benchPresence = `<presence from='nurse@capulet.example/phone-%' to='juliet@capulet.example/balcony' xml:lang='en'><show>away</show><status>at the market #00000000</status><priority>5</priority>` +
		`<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://client.example/caps' ver='QgayPKawpkPSDYmwT/WM94uAlu0='/>` +
		`<x xmlns='vcard-temp:x:update'><photo>8668c8ba2ee1b6b5d9b5c2fe6ec9e9d8e0b0a35e</photo></x><idle xmlns='urn:xmpp:idle:1' since='2026-11-20T21:58:00Z'/></presence>`
	benchArchive = `<message from='juliet@capulet.example' to='juliet@capulet.example/balcony'><result xmlns='urn:xmpp:mam:2' queryid='f27' id='28482-98726-#00000000'>` +
		`<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2026-07-10T23:08:25Z'/>` +
		`<message xmlns='jabber:client' from='romeo@montague.example/orchard-%' to='juliet@capulet.example' type='chat' id='#00000000'>` +
		`<body>Wherefore art thou, and what is in a name that we call a rose?</body><origin-id xmlns='urn:xmpp:sid:0' id='#00000000'/></message></forwarded></result></message>`
)

// A feed serves stanzas in turn, left of them.
type feed struct {
	stanzas [][]byte
	n, left int
	part    []byte
}

func newFeed(n int, kinds ...string) *feed {
	f := &feed{left: n}
	for i := range 100 {
		f.stanzas = append(f.stanzas, []byte(strings.Replace(kinds[i%len(kinds)], "%", strconv.Itoa(i%37), 1)))
	}
	return f
}

// size is that of a stanza, on average.
func (f *feed) size() int { return len(bytes.Join(f.stanzas, nil)) / len(f.stanzas) }

func (f *feed) next() {
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

func (f *feed) Read(p []byte) (n int, err error) {
	for n < len(p) && (len(f.part) > 0 || f.left > 0) {
		if len(f.part) == 0 {
			f.next()
		}
		c := copy(p[n:], f.part)
		n, f.part = n+c, f.part[c:]
	}
	return n, nil
}

// A cheapConn costs next to nothing behind the login: what is read comes from a feed, what is written is counted and acknowledged.
type cheapConn struct {
	net.Conn
	feed   atomic.Pointer[feed]
	drains atomic.Bool
	h      uint32
	acks   chan uint32
}

func (c *cheapConn) Read(p []byte) (int, error) {
	for {
		if f := c.feed.Load(); f != nil {
			if n, err := f.Read(p); n > 0 {
				return n, err
			}
			c.feed.CompareAndSwap(f, nil)
		}
		n, err := c.Conn.Read(p)
		if n > 1 || err != nil {
			return n, err // one alone says that there is a feed now
		}
	}
}

func (c *cheapConn) Write(p []byte) (int, error) {
	if !c.drains.Load() {
		return c.Conn.Write(p)
	}
	c.h += uint32(bytes.Count(p, []byte("<message")))
	if bytes.Contains(p, []byte("<r ")) {
		select {
		case <-c.acks: // a later one says it, too
		default:
		}
		c.acks <- c.h
	}
	return len(p), nil
}

// cheap is a client that is online on a cheapConn.
func cheap(b testing.TB) (c *xmpp.Connection, conn *cheapConn, serve func(*feed)) {
	ours, theirs := net.Pipe()
	conn = &cheapConn{Conn: ours, acks: make(chan uint32, 1)}
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(theirs, format, args...) }
	go func() {
		features := []string{`<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>`,
			`<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/>`}
		buf := make([]byte, 64<<10)
		for len(features) > 0 || !conn.drains.Load() {
			n, err := theirs.Read(buf)
			if err != nil {
				return
			}
			got := string(buf[:n])
			_, id, _ := strings.Cut(got, "id='")
			id, _, _ = strings.Cut(id, "'")
			if strings.Contains(got, "<stream:stream") {
				say(`<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' from='capulet.example' id='1' version='1.0'><stream:features>%s</stream:features>`, features[0])
				features = features[1:]
			}
			if strings.Contains(got, "<auth") {
				say(`<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>`)
			}
			if strings.Contains(got, "<bind") {
				say(`<iq type='result' id='%s'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>juliet@capulet.example/balcony</jid></bind></iq>`, id)
			}
			if strings.Contains(got, "<enable ") {
				say(`<enabled xmlns='urn:xmpp:sm:3' id='1' resume='true'/>`)
			}
			if strings.Contains(got, "<presence") {
				break
			}
		}
		for {
			select {
			case h := <-conn.acks:
				say(`<a xmlns='urn:xmpp:sm:3' h='%d'/>`, h)
			case <-b.Context().Done():
				return
			}
		}
	}()
	cfg := &xmpp.ConnectionConfiguration{Address: jid.MustParse("juliet@capulet.example"), Password: "r0m30", Host: "localhost", Security: xmpp.SecurityPlaintext,
		Mechanisms: []string{"PLAIN"}, AllowPlainInClear: true, DisableRoster: true, DisableReconnection: true,
		Dialer: dialFunc(func(context.Context, string, string) (net.Conn, error) { return conn, nil })}
	c, err := xmpp.NewConnection(cfg)
	require.NoError(b, err)
	b.Cleanup(func() { _ = theirs.Close(); _ = c.Close() })
	require.NoError(b, c.Login(b.Context(), "", ""))
	return c, conn, func(f *feed) {
		conn.feed.Store(f)
		_, _ = io.WriteString(theirs, " ")
	}
}

func (c *cheapConn) SetWriteDeadline(time.Time) error { return nil }

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

func (d dialFunc) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return d(ctx, network, address)
}

// BenchmarkReceive is the way from the socket to the handler, without the socket.
func BenchmarkReceive(b *testing.B) {
	for _, kind := range []struct {
		name    string
		stanzas []string
	}{{"mix", []string{benchChat, benchGroupchat, benchPresence, benchArchive}}, {"chat", []string{benchChat}},
		{"groupchat", []string{benchGroupchat}}, {"presence", []string{benchPresence}}, {"archive", []string{benchArchive}}} {
		b.Run(kind.name, func(b *testing.B) {
			c, _, serve := cheap(b)
			f := newFeed(b.N, kind.stanzas...)
			n, done := 0, make(chan struct{})
			heard := func() {
				if n++; n == b.N {
					close(done)
				}
			}
			c.OnMessage(func(context.Context, *stanza.Message) { heard() })
			c.PresenceManager().OnPresence(func(context.Context, *stanza.Presence) { heard() })
			b.SetBytes(int64(f.size()))
			b.ReportAllocs()
			b.ResetTimer()
			serve(f)
			<-done
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "stanzas/s")
		})
	}
}

// BenchmarkSend is the way from the caller to the socket, without the socket.
func BenchmarkSend(b *testing.B) {
	for _, senders := range []int{1, 64} {
		b.Run(strconv.Itoa(senders), func(b *testing.B) {
			c, conn, _ := cheap(b)
			conn.drains.Store(true)
			chat := c.ChatManager().CreateChat(jid.MustParse("romeo@montague.example"))
			b.ReportAllocs()
			b.SetParallelism((senders + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
			send := func() {
				if err := chat.SendMessage(b.Context(), "Wherefore art thou Romeo?"); err != nil {
					b.Error(err)
				}
			}
			b.ResetTimer()
			if senders == 1 {
				for range b.N {
					send()
				}
			} else {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						send()
					}
				})
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// mallocs is what f allocates, by its own and by goroutines that work for it.
func mallocs(f func()) (objects, bytes uint64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs, after.TotalAlloc - before.TotalAlloc
}

// A received chat message costs four objects, its bytes among them, and a sent one two; what the queues between
// the goroutines need is shared by many.
func TestAllocationsOfAMessage(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates and drops from pools at random")
	}
	const n = 20_000
	each := func(objects uint64) float64 { return float64(objects) / n }
	t.Run("received", func(t *testing.T) {
		c, _, serve := cheap(t)
		f := newFeed(n, benchChat)
		heard, done := 0, make(chan struct{})
		c.ChatManager().OnMessage(func(context.Context, *xmpp.Chat, *stanza.Message) {
			if heard++; heard == n {
				close(done)
			}
		})
		c.ChatManager().CreateChat(jid.MustParse("romeo@montague.example"))
		objects, bytes := mallocs(func() {
			serve(f)
			<-done
		})
		t.Logf("%.2f objects, %.0f bytes beyond its own", each(objects), each(bytes)-float64(f.size()))
		require.LessOrEqual(t, each(objects), 4.0)
		require.LessOrEqual(t, each(bytes)-float64(f.size()), 1500.0)
	})
	t.Run("sent", func(t *testing.T) {
		c, conn, _ := cheap(t)
		conn.drains.Store(true)
		chat := c.ChatManager().CreateChat(jid.MustParse("romeo@montague.example"))
		objects, _ := mallocs(func() {
			for range n {
				require.NoError(t, chat.SendMessage(t.Context(), "Wherefore art thou Romeo?"))
			}
		})
		t.Logf("%.2f objects", each(objects))
		require.LessOrEqual(t, each(objects), 2.0)
	})
}
