package discover_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/internal/discover"
)

// piped dials one end of a pipe.
type piped struct{ net.Conn }

func (p piped) DialContext(context.Context, string, string) (net.Conn, error) { return p.Conn, nil }

func TestProxyObeysContext(t *testing.T) { // S022
	for name, c := range map[string]struct {
		url   string
		reply string // before the silence
	}{
		"socks5":                {"socks5://p", ""},
		"socks5, half a method": {"socks5://p", "\x05"},
		"socks5, no reply":      {"socks5://p", "\x05\x00"},
		"socks5, password":      {"socks5://u:p@p", "\x05\x02"},
		"socks5, half a reply":  {"socks5://p", "\x05\x00\x05\x00\x00\x01"},
		"http":                  {"http://p", ""},
		"http, half a header":   {"http://p", "HTTP/1.1 200 OK\r\nVia"},
		"https":                 {"https://p", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				defer far.Close()
				go io.Copy(io.Discard, far)
				go io.WriteString(far, c.reply)
				ctx, cancel := context.WithTimeoutCause(t.Context(), 5*time.Second, errBoom)
				defer cancel()
				start := time.Now()
				_, err := dialer(t, c.url, piped{near}).DialContext(ctx, "tcp", target)
				require.ErrorIs(t, err, errBoom)
				require.Equal(t, 5*time.Second, time.Since(start))
				_, err = near.Write([]byte("x"))
				require.ErrorIs(t, err, io.ErrClosedPipe)
			})
		})
	}
	t.Run("no proxy there", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := &network{places: map[string]place{"p:1080": {after: -1}}}
			ctx, cancel := context.WithTimeoutCause(t.Context(), 5*time.Second, errBoom)
			defer cancel()
			_, err := dialer(t, "socks5://p", n).DialContext(ctx, "tcp", target)
			require.ErrorIs(t, err, errBoom)
			require.ErrorContains(t, err, "proxy socks5://p:1080: connect: ")
		})
	})
}

func TestProxyLeavesNoDeadline(t *testing.T) {
	for _, u := range []string{"socks5://p", "http://p"} {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			defer far.Close()
			go func() {
				r := bufio.NewReader(far)
				if strings.HasPrefix(u, "http") {
					readHead(r)
					io.WriteString(far, "HTTP/1.1 200 OK\r\n\r\n")
				} else {
					io.ReadFull(r, make([]byte, 3))
					io.WriteString(far, "\x05\x00")
					io.ReadFull(r, make([]byte, 4+1+len("xmpp.example.org")+2))
					io.WriteString(far, "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
				}
				time.Sleep(time.Hour) // of the bubble
				io.WriteString(far, "late")
			}()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			conn, err := dialer(t, u, piped{near}).DialContext(ctx, "tcp", target)
			require.NoError(t, err)
			defer conn.Close()
			_, err = io.ReadFull(conn, make([]byte, 4))
			require.NoError(t, err)
		})
	}
}

func TestProxyRefusesTargets(t *testing.T) {
	for _, address := range []string{"evil\r\nX: y:5222", "a b:1", "ü:1", "\x00:1"} {
		near, far := net.Pipe()
		defer far.Close()
		_, err := dialer(t, "http://p", piped{near}).DialContext(t.Context(), "tcp", address)
		require.ErrorContains(t, err, "target")
	}
	_, err := dialer(t, "http://p", new(network)).DialContext(t.Context(), "udp", target)
	require.ErrorContains(t, err, "TCP")
}

func TestProxyURL(t *testing.T) {
	long := strings.Repeat("s3cret", 50)
	for name, c := range map[string]struct{ raw, want string }{
		"scheme":         {"ftp://user:s3cret@p", "scheme"},
		"no scheme":      {"//user:s3cret@p", "scheme"},
		"no host":        {"http://user:s3cret@", "host is empty"},
		"port 0":         {"http://user:s3cret@p:0", "port"},
		"port":           {"http://user:s3cret@p:65536", "port"},
		"long password":  {"socks5://user:" + long + "@p", "password"},
		"no password":    {"socks5://user@p", "password"},
		"no user":        {"socks5://:s3cret@p", "user name"},
		"colon in Basic": {"http://us%3Aer:s3cret@p", "colon"},
	} {
		t.Run(name, func(t *testing.T) {
			u, err := url.Parse(c.raw)
			require.NoError(t, err)
			_, err = discover.Proxy(u, nil)
			require.ErrorContains(t, err, "proxy: ")
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "s3cret")
		})
	}
	_, err := discover.Proxy(nil, nil)
	require.ErrorContains(t, err, "no URL")
	for raw, address := range map[string]string{
		"socks5://p": "p:1080", "socks5h://p": "p:1080", "http://p": "p:80", "https://p": "p:443", "http://[::1]:8080": "[::1]:8080",
	} {
		n := new(network)
		_, err := dialer(t, raw, n).DialContext(t.Context(), "tcp", target)
		require.ErrorIs(t, err, errRefused)
		require.Equal(t, []string{address}, n.dialed)
	}
}
