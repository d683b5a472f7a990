package discover_test

import (
	"errors"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/internal/discover"
)

func TestSOCKS(t *testing.T) {
	for name, c := range map[string]struct {
		user, methods, auth string
		choice              byte
	}{
		"open":     {methods: "\x05\x01\x00"},
		"password": {"us%3Aer:s3cret@", "\x05\x02\x00\x02", "\x01\x05us:er\x06s3cret", 2},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan string, 3)
			expect := func(c net.Conn, n int, reply string) {
				b := make([]byte, n)
				io.ReadFull(c, b)
				got <- string(b)
				io.WriteString(c, reply)
			}
			request := "\x05\x01\x00\x03\x10xmpp.example.org\x14\x66"
			addr := serve(t, func(conn net.Conn) {
				expect(conn, len(c.methods), "\x05"+string(c.choice))
				if c.auth != "" {
					expect(conn, len(c.auth), "\x01\x00")
				}
				expect(conn, len(request), "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00hello")
				echo(conn)
			})
			conn, err := dialer(t, "socks5://"+c.user+addr, nil).DialContext(t.Context(), "tcp", target)
			require.NoError(t, err)
			defer conn.Close()
			require.Equal(t, c.methods, <-got)
			if c.auth != "" {
				require.Equal(t, c.auth, <-got)
			}
			require.Equal(t, request, <-got)
			exchange(t, conn, "hello")
		})
	}
}

func TestSOCKSRefusal(t *testing.T) {
	for name, c := range map[string]struct{ replies, want string }{
		"password":    {"\x05\x02\x01\x01", "authentication"},
		"no method":   {"\x05\xff", "no acceptable"},
		"not SOCKS":   {"HTTP/1.1 400", "unexpected protocol version"},
		"host":        {"\x05\x00\x05\x04\x00\x01", "host unreachable"},
		"hangs up":    {"\x05", "EOF"},
		"odd address": {"\x05\x00\x05\x00\x00\x07", "unknown address type"},
	} {
		t.Run(name, func(t *testing.T) {
			addr := serve(t, func(conn net.Conn) {
				io.WriteString(conn, c.replies)
				conn.(*net.TCPConn).CloseWrite()
				io.Copy(io.Discard, conn)
			})
			_, err := dialer(t, "socks5://user:s3cret@"+addr, nil).DialContext(t.Context(), "tcp", target)
			failed, ok := errors.AsType[*discover.ProxyError](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, "handshake", failed.Step)
			require.ErrorContains(t, err, "socks5://"+addr)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "s3cret")
		})
	}
}
