package xmpptest_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/xmpptest"
	"github.com/stretchr/testify/require"
)

// rawClient speaks to the server without the library: what it sends is
// written out in the test.
type rawClient struct {
	t    *testing.T
	srv  *xmpptest.Server
	conn net.Conn
	r    *xmlstream.Reader
	tls  *tls.Conn
}

func dial(t *testing.T, srv *xmpptest.Server, address string) *rawClient {
	t.Helper()
	conn, err := srv.Dialer().DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return &rawClient{t: t, srv: srv, conn: conn, r: xmlstream.NewReader(conn, xmlstream.Limits{})}
}

func (c *rawClient) send(format string, args ...any) {
	c.t.Helper()
	_, err := fmt.Fprintf(c.conn, format, args...)
	require.NoError(c.t, err)
}

// next returns the next element, the error as it is.
func (c *rawClient) read() (xmlstream.Element, error) {
	c.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	return c.r.Next()
}

func (c *rawClient) next() xmlstream.Element {
	c.t.Helper()
	e, err := c.read()
	require.NoError(c.t, err)
	return e
}

func text(e xmlstream.Element) string { return string(e.Append(nil, "jabber:client")) }

// expect reads one element that has all these parts.
func (c *rawClient) expect(parts ...string) xmlstream.Element {
	c.t.Helper()
	e := c.next()
	for _, p := range parts {
		require.Contains(c.t, text(e), p)
	}
	return e
}

// sync makes sure that nothing else came: the answer to a ping is next.
func (c *rawClient) sync() {
	c.t.Helper()
	c.send("<iq type='get' id='sync'><ping xmlns='urn:xmpp:ping'/></iq>")
	c.expect("<iq", "id='sync'", "type='result'")
}

// silent makes sure that nothing comes, not even an answer. It takes a second,
// which only a bubble has.
func (c *rawClient) silent() {
	c.t.Helper()
	c.conn.SetReadDeadline(time.Now().Add(time.Second))
	e, err := c.r.Next()
	require.ErrorIs(c.t, err, os.ErrDeadlineExceeded, "%v", e)
}

// open sends a header and returns the features.
func (c *rawClient) open() xmlstream.Element {
	c.t.Helper()
	c.send("<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='%s' version='1.0'>", c.srv.Domain())
	c.header()
	f := c.next()
	require.Equal(c.t, "features", f.Local(), text(f))
	return f
}

func (c *rawClient) header() xmlstream.Element {
	c.t.Helper()
	c.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	h, err := c.r.Header()
	require.NoError(c.t, err)
	require.Equal(c.t, "http://etherx.jabber.org/streams", h.Space())
	require.Equal(c.t, c.srv.Domain(), h.Attr("from"))
	require.GreaterOrEqual(c.t, len(h.Attr("id")), 22)
	return h
}

func (c *rawClient) handshake(config *tls.Config) error {
	if config == nil {
		config = &tls.Config{}
	}
	config.RootCAs, config.ServerName = c.srv.CA(), c.srv.Domain()
	c.tls = tls.Client(c.conn, config)
	if err := c.tls.HandshakeContext(context.Background()); err != nil {
		return err
	}
	c.conn = c.tls
	c.r = xmlstream.NewReader(c.conn, xmlstream.Limits{})
	return nil
}

// secured returns a client behind STARTTLS, and the features there.
func secured(t *testing.T, srv *xmpptest.Server) (*rawClient, xmlstream.Element) {
	t.Helper()
	c := dial(t, srv, srv.Addr())
	f := c.open()
	require.Contains(t, text(f), "<required/>")
	require.NotContains(t, text(f), "mechanism")
	c.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	c.expect("<proceed")
	require.NoError(t, c.handshake(nil))
	return c, c.open()
}

func (c *rawClient) plain(user, password string) xmlstream.Element {
	c.t.Helper()
	msg := base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
	c.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%s</auth>", msg)
	return c.next()
}

func (c *rawClient) bind(resource string) xmlstream.Element {
	c.t.Helper()
	c.send("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>%s</resource></bind></iq>", resource)
	return c.next()
}

// login returns a client with a resource, making the account.
func login(t *testing.T, srv *xmpptest.Server, user, resource string) *rawClient {
	t.Helper()
	c, _ := secured(t, srv)
	require.Equal(t, "success", c.plain(user, srv.Password(user)).Local())
	c.r.Restart()
	require.Contains(t, text(c.open()), "urn:ietf:params:xml:ns:xmpp-bind")
	require.Contains(t, text(c.bind(resource)), user+"@"+srv.Domain()+"/"+resource)
	return c
}

// online is login, the roster, and initial presence with its echo.
func online(t *testing.T, srv *xmpptest.Server, user, resource string) *rawClient {
	t.Helper()
	c := login(t, srv, user, resource)
	c.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
	c.expect("id='r'", "type='result'")
	c.send("<presence/>")
	c.expect("<presence", user+"@"+srv.Domain()+"/"+resource)
	return c
}

// ended fails unless the stream ends now, with that stream error if it is not "".
func (c *rawClient) ended(condition string) {
	c.t.Helper()
	if condition != "" {
		e := c.next()
		require.Equal(c.t, "error", e.Local(), text(e))
		require.Equal(c.t, condition, e.First().Local())
	}
	_, err := c.read()
	require.ErrorIs(c.t, err, io.EOF)
}

// lost fails unless the connection breaks without an end of stream.
func (c *rawClient) lost() {
	c.t.Helper()
	_, err := c.read()
	require.Error(c.t, err)
	require.NotErrorIs(c.t, err, io.EOF)
	var timeout net.Error
	require.False(c.t, errors.As(err, &timeout) && timeout.Timeout(), "still there")
}

// everywhere runs a test in memory inside a bubble, and on TCP.
func everywhere(t *testing.T, options xmpptest.Options, test func(t *testing.T, srv *xmpptest.Server)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) {
		bubble(t, func(t *testing.T) { test(t, xmpptest.NewServer(t, &options)) })
	})
	t.Run("TCP", func(t *testing.T) {
		o := options
		o.Listen = true
		test(t, xmpptest.NewServer(t, &o))
	})
}
