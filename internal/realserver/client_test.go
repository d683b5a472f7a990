package realserver_test

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/internal/realserver"
)

// client is the least that can talk to a server: text out, text in.
type client struct {
	t    *testing.T
	conn net.Conn
}

func dial(t *testing.T, port int) *client {
	t.Helper()
	conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), 10*time.Second)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	return &client{t: t, conn: conn}
}

// exchange writes text and reads until one of the ends has come.
func (c *client) exchange(text string, ends ...string) string {
	c.t.Helper()
	_, err := io.WriteString(c.conn, text)
	require.NoError(c.t, err)
	var got strings.Builder
	buf := make([]byte, 4096)
	for {
		for _, end := range ends {
			if strings.Contains(got.String(), end) {
				return got.String()
			}
		}
		n, err := c.conn.Read(buf)
		got.Write(buf[:n])
		if n == 0 {
			require.NoError(c.t, err, "have %q", got.String())
		}
	}
}

func (c *client) open(domain, from string) string {
	c.t.Helper()
	if from != "" {
		from = fmt.Sprintf(" from='%s@%s'", from, domain)
	}
	return c.exchange(fmt.Sprintf("<?xml version='1.0'?><stream:stream to='%s'%s version='1.0' xmlns='jabber:client' "+
		"xmlns:stream='http://etherx.jabber.org/streams'>", domain, from), "</stream:features>")
}

// secure does the TLS handshake and returns its error.
func (c *client) secure(s *realserver.Server) error {
	conn := tls.Client(c.conn, &tls.Config{
		RootCAs: s.CA, ServerName: s.Domain, NextProtos: []string{"xmpp-client"}, MinVersion: tls.VersionTLS12,
	})
	c.conn = conn
	return conn.Handshake()
}

// securedByStartTLS goes through RFC 6120 §5 and returns the features after it.
func securedByStartTLS(t *testing.T, s *realserver.Server) (*client, string) {
	t.Helper()
	c := dial(t, s.StartTLSPort)
	features := c.open(s.Domain, "")
	require.Contains(t, features, "urn:ietf:params:xml:ns:xmpp-tls")
	require.NotContains(t, features, "<mechanism>", "no credentials before TLS")
	c.exchange("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "<proceed")
	require.NoError(t, c.secure(s))
	return c, c.open(s.Domain, "early")
}

// login tries SASL PLAIN (RFC 4616) on the direct TLS port.
func login(t *testing.T, s *realserver.Server, user, password string) bool {
	t.Helper()
	c := dial(t, s.DirectTLSPort)
	require.NoError(t, c.secure(s))
	c.open(s.Domain, user)
	secret := base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
	answer := c.exchange("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"+secret+"</auth>",
		"<success", "</failure>")
	return strings.Contains(answer, "<success")
}

// handshake returns the error of a direct TLS handshake.
func handshake(t *testing.T, s *realserver.Server) error {
	t.Helper()
	return dial(t, s.DirectTLSPort).secure(s)
}
