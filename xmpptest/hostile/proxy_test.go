package hostile_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/xmpptest"
)

const (
	httpOK    = "HTTP/1.1 200 OK\r\n\r\n"
	socksDone = "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00" // RFC 1928 §6
)

// S021a: a proxy is a part of the network.
var _ = add(row{id: "S021a", title: "A proxy that answers something else than it was asked", oracle: abortRow, also: "internal/discover.TestConnectRefusal internal/discover.TestProxyObeysContext", scenes: []scene{
	proxied("SOCKS5, another version", "socks5://p", "\x04\x00").scene(),
	proxied("SOCKS5, no method", "socks5://p", "\x05\xff").scene(),
	proxied("SOCKS5, a password that nobody has", "socks5://p", "\x05\x02").scene(),
	proxied("SOCKS5, a method that was not offered", "socks5://user:pass@p", "\x05\x01").scene(),
	proxied("SOCKS5, the password is wrong", "socks5://user:pass@p", "\x05\x02", "\x01\x01").scene(),
	proxied("SOCKS5, another version of the password's protocol", "socks5://user:pass@p", "\x05\x02", "\x07\x00").scene(),
	proxied("SOCKS5, another version of the answer", "socks5://p", "\x05\x00", "\x04"+socksDone[1:]).scene(),
	proxied("SOCKS5, refused", "socks5://p", "\x05\x00", "\x05\x02"+socksDone[2:]).scene(),
	proxied("SOCKS5, an address of no kind", "socks5://p", "\x05\x00", "\x05\x00\x00\x02"+socksDone[4:]).scene(),
	proxied("SOCKS5, HTTP", "socks5://p", httpOK).scene(),
	proxied("SOCKS5, the end", "socks5://p", "\x05\x00", "").scene(),
	proxied("HTTP, another protocol", "http://p", "SSH-2.0-x\r\n\r\n").scene(),
	proxied("HTTP, SOCKS5", "http://p", "\x05\x00\r\n\r\n").scene(),
	proxied("HTTP, a password that nobody has", "http://p", "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n").scene(),
	proxied("HTTP, elsewhere", "http://p", "HTTP/1.1 302 Found\r\nLocation: http://evil.example/\r\n\r\n").scene(),
	proxied("HTTP, our password sent back", "http://user:"+canary+"@p", "HTTP/1.1 403 "+canary+"\r\n\r\n").scene(),
	proxied("HTTP, a header of 100 kB", "http://p", "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 100_000)+"\r\n\r\n").scene(),
	proxied("HTTP, a header without end", "http://p", "HTTP/1.1 200 OK\r\n"+strings.Repeat("X: x\r\n", 100_000)).scene(),
	proxied("HTTP, announcements without end", "http://p", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 100_000)).scene(),
	proxied("HTTP, half an answer", "http://p", "HTTP/1.1 200 OK\r\nX: ").scene(),
	// Where the tunnel begins the proxy may say what it likes: it is a server without TLS.
	proxied("HTTP, a server behind the answer", "http://p", httpOK+header+offer("PLAIN", sha)).within(xmpp.ErrTLSRequired),
	proxied("SOCKS5, a server behind the answer", "socks5://p", "\x05\x00", socksDone+header+offer("PLAIN", sha)).within(xmpp.ErrTLSRequired),
	proxied("HTTP, XML behind the answer", "http://p", httpOK+"hello").within(nil),
	{name: "twin: HTTP", play: tunneled("http://p", httpOK)},
	{name: "twin: HTTP, with announcements", play: tunneled("http://p", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200\r\nVia: x\r\n\r\n")},
	{name: "twin: SOCKS5", play: tunneled("socks5://p", "\x05\x00", socksDone)},
	{name: "twin: SOCKS5, with a password", play: tunneled("socks5://user:pass@p", "\x05\x02", "\x01\x00", socksDone)},
}})

// A liar is a proxy that answers so: one answer to each thing that it hears. The last one ends the connection.
type liar struct {
	name, url string
	answers   []string
	// inside: it is the tunnel that fails, with this.
	inside error
	tunnel bool
}

func proxied(name, u string, answers ...string) liar {
	return liar{name: name, url: u, answers: answers}
}

func (l liar) scene() scene { return scene{name: l.name, play: l.play, cut: true} }

func (l liar) within(err error) scene {
	l.inside, l.tunnel = err, true
	return l.scene()
}

// mostOfProxy is how much of a proxy's answer may be read.
const mostOfProxy = 20 << 10

func (l liar) play(t *testing.T) error {
	return serve(t, nil, func(srv *xmpptest.Server) error {
		for _, way := range cuts(l.name) {
			if err := l.once(t, srv, way); err != nil {
				return whenCut(way, err)
			}
		}
		return nil
	})
}

func (l liar) once(t *testing.T, srv *xmpptest.Server, way cut) error {
	end := new(wire)
	defer end.wait()
	client, err := xmpp.NewConnection(configuration(srv, end.through(l.url, func(proxy net.Conn) { end.lie(proxy, l.answers, way) })))
	if err != nil {
		return err
	}
	defer client.Close()
	began := time.Now()
	err = client.Login(t.Context(), "", "")
	var f faults
	f = append(f, as[*xmpp.ConnectError](err))
	if err != nil {
		f = append(f, brief(err))
	}
	if l.inside != nil {
		f = append(f, is(l.inside)(err))
	}
	if took := time.Since(began); took > time.Second {
		f.addf("it took %v", took)
	}
	pass(10 * time.Minute)
	if end.dials != 1 {
		f.addf("it connected %d times", end.dials)
	}
	if n := end.said; n > mostOfProxy {
		f.addf("it read %d bytes", n)
	}
	heard := end.heard.String()
	if w := containsAny(heard, "<auth", "<iq", "<message", "<presence", "<resume", "from="); w != "" || !l.tunnel && strings.Contains(heard, "<") {
		f.addf("the proxy heard %q", short(heard))
	}
	return append(f, exposed(fmt.Sprintf("%v %+v %#v", err, err, err), "")).err()
}

// A wire is a client's connection to a proxy.
type wire struct {
	dials, said int // owned by the proxy's goroutine until wait has returned, or all is quiet
	heard       bytes.Buffer
	all         sync.WaitGroup
}

func (w *wire) wait() { w.all.Wait() }

// through makes the client go through the proxy at u, which play is.
func (w *wire) through(u string, play func(net.Conn)) with {
	return func(cfg *xmpp.ConnectionConfiguration) {
		to, err := url.Parse(u)
		if err != nil {
			panic(err)
		}
		cfg.Dialer, err = xmpp.Proxy(to, dialFunc(func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			w.dials++
			w.all.Go(func() {
				defer far.Close()
				play(far)
			})
			return near, nil
		}))
		if err != nil {
			panic(err)
		}
	}
}

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

func (f dialFunc) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return f(ctx, network, address)
}

// hear reads what the client says at once.
func (w *wire) hear(proxy net.Conn) bool {
	b := make([]byte, 4096)
	n, err := proxy.Read(b)
	w.heard.Write(b[:n])
	return err == nil
}

// lie answers each thing that it hears, in pieces, and what comes behind that with the end.
func (w *wire) lie(proxy net.Conn, answers []string, way cut) {
	answered := make(chan struct{})
	for i, answer := range answers {
		if !w.hear(proxy) {
			return
		}
		said := func() {
			_ = way.deliver(answer, func(piece string) error {
				n, err := io.WriteString(proxy, piece)
				w.said += n
				return err
			})
		}
		if i < len(answers)-1 {
			said()
			continue
		}
		go func() { // beside reading: a pipe holds nothing
			defer close(answered)
			said()
		}()
	}
	_ = proxy.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
	for w.hear(proxy) {
	}
	_ = proxy.Close()
	<-answered
}

// tunneled logs in through a proxy that does what it is asked.
func tunneled(u string, answers ...string) func(*testing.T) error {
	return func(t *testing.T) error {
		return serve(t, nil, func(srv *xmpptest.Server) error {
			for _, way := range cuts(u)[:quickCuts] {
				end := new(wire)
				cfg := configuration(srv, end.through(u, func(proxy net.Conn) { end.forward(proxy, answers, way, srv.Dialer()) }))
				err := (abort{}).good(t, cfg)
				end.wait()
				if err != nil {
					return whenCut(way, err)
				}
			}
			return nil
		})
	}
}

// forward answers, and then it is the tunnel.
func (w *wire) forward(proxy net.Conn, answers []string, way cut, server xmpp.Dialer) {
	for _, answer := range answers {
		if !w.hear(proxy) || way.deliver(answer, func(piece string) error { return second(io.WriteString(proxy, piece)) }) != nil {
			return
		}
	}
	conn, err := server.DialContext(context.Background(), "tcp", "xmpp.example:5222")
	if err != nil {
		return
	}
	var there sync.WaitGroup
	there.Go(func() {
		_, err := io.Copy(conn, proxy)
		_ = errors.Join(err, conn.Close())
	})
	_, _ = io.Copy(proxy, conn)
	_ = proxy.Close()
	there.Wait()
}
