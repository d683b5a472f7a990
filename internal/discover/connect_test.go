package discover_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/internal/discover"
)

func TestConnect(t *testing.T) {
	for name, c := range map[string]struct{ user, header, answer, greeting string }{
		"plain":           {"", "", "HTTP/1.1 200 OK\r\n\r\n", ""},
		"early bytes":     {"", "", "HTTP/1.0 200 Connection established\r\nVia: x\r\n\r\nhello", "hello"},
		"interim":         {"", "", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200\r\n\r\nhello", "hello"},
		"password":        {"user:s3cret@", "Proxy-Authorization: Basic dXNlcjpzM2NyZXQ=\r\n", "HTTP/1.1 200 OK\r\n\r\n", ""},
		"longest header":  {"", "", longest(discover.MaxHeader), ""},
		"body is no body": {"", "", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhello", "hello"},
	} {
		for _, scheme := range []string{"http", "https"} {
			t.Run(name+" over "+scheme, func(t *testing.T) {
				got := make(chan string, 1)
				cert, roots := authority(t, "127.0.0.1")
				addr := serve(t, func(raw net.Conn) {
					conn := raw
					if scheme == "https" {
						conn = tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{cert}})
						defer conn.Close()
					}
					got <- readHead(conn)
					io.WriteString(conn, c.answer)
					echo(conn)
				})
				d := dialer(t, scheme+"://"+c.user+addr, nil)
				if scheme == "https" {
					discover.TrustProxy(d, roots)
				}
				conn, err := d.DialContext(t.Context(), "tcp", target)
				require.NoError(t, err)
				defer conn.Close()
				require.Equal(t, "CONNECT "+target+" HTTP/1.1\r\nHost: "+target+"\r\n"+c.header+"\r\n", <-got)
				exchange(t, conn, c.greeting)
			})
		}
	}
}

// longest is an answer whose header has just n bytes.
func longest(n int) string {
	const start, end = "HTTP/1.1 200 OK\r\nX: ", "\r\n\r\n"
	return start + strings.Repeat("x", n-len(start)-len(end)) + end
}

func TestConnectRefusal(t *testing.T) {
	for name, c := range map[string]struct {
		answer, want string
		status       int
	}{
		"407":            {"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "refused with status 407 Proxy Authentication Required", 407},
		"redirect":       {"HTTP/1.1 302 Found\r\nLocation: http://evil.test/\r\n\r\n", "refused with status 302 Found", 302},
		"dirty reason":   {"HTTP/1.1 503 a\x1b[31m\u202eb" + strings.Repeat("z", 500) + "\r\n\r\n", "503 a?[31m?b" + strings.Repeat("z", 70), 503},
		"password back":  {"HTTP/1.1 403 no s3cret here\r\n\r\n", "status 403", 403},
		"base64 back":    {"HTTP/1.1 403 no dXNlcjpzM2NyZXQ=\r\n\r\n", "status 403", 403},
		"no HTTP":        {"SSH-2.0-OpenSSH_9.9\r\n\r\n", "not HTTP", 0},
		"HTTP/2":         {"HTTP/2 200\r\n\r\n", "not HTTP", 0},
		"odd status":     {"HTTP/1.1 2000 OK\r\n\r\n", "not HTTP", 0},
		"signed status":  {"HTTP/1.1 +20 OK\r\n\r\n", "not HTTP", 0},
		"switching":      {"HTTP/1.1 101 Switching\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "not HTTP", 0},
		"hangs up":       {"HTTP/1.1 200 OK\r\nVia: x\r\n", "hung up", 0},
		"silent hang-up": {"", "hung up", 0},
		"one byte more":  {longest(discover.MaxHeader + 1), "16 KiB", 0},
		"endless line":   {strings.Repeat("x", 1<<20), "16 KiB", 0},
		"endless 100":    {strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 1<<14), "16 KiB", 0},
	} {
		t.Run(name, func(t *testing.T) {
			addr := serve(t, func(conn net.Conn) {
				readHead(conn)
				io.WriteString(conn, c.answer)
				conn.(*net.TCPConn).CloseWrite()
				io.Copy(io.Discard, conn)
			})
			_, err := dialer(t, "http://user:s3cret@"+addr, nil).DialContext(t.Context(), "tcp", target)
			failed, ok := errors.AsType[*discover.ProxyError](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, c.status, failed.Status)
			require.ErrorContains(t, err, "proxy http://"+addr+": handshake: ")
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "s3cret")
			require.NotContains(t, err.Error(), "dXNl")
			require.Less(t, len(err.Error()), 250)
		})
	}
}

func TestProxyCertificateIsVerified(t *testing.T) {
	for name, host := range map[string]string{"unknown authority": "127.0.0.1", "other name": "192.0.2.1"} {
		t.Run(name, func(t *testing.T) {
			cert, roots := authority(t, host)
			head := make(chan string, 1)
			addr := serve(t, func(raw net.Conn) {
				head <- readHead(tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{cert}}))
			})
			d := dialer(t, "https://user:s3cret@"+addr, nil)
			if host != "127.0.0.1" {
				discover.TrustProxy(d, roots)
			}
			_, err := d.DialContext(t.Context(), "tcp", target)
			failed, ok := errors.AsType[*discover.ProxyError](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, "TLS", failed.Step)
			_, ok = errors.AsType[*tls.CertificateVerificationError](err)
			require.True(t, ok, "%v", err)
			require.Empty(t, <-head, "no request before the certificate was verified")
		})
	}
}
