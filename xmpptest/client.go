package xmpptest

import (
	"crypto/tls"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/gosmack/xmpp"
)

// Configuration returns what a client needs to log in as user: address,
// password, this server's dialer and certificate authority. An account that is
// missing is made. The configuration is the caller's own.
func (s *Server) Configuration(user string) *xmpp.ConnectionConfiguration {
	host, port, _ := net.SplitHostPort(s.Addr()) // made by net or by Addr itself
	number, _ := strconv.Atoi(port)
	c := &xmpp.ConnectionConfiguration{
		Address:  s.Address(user),
		Password: xmpp.Secret(s.Password(user)),
		Host:     host,
		Port:     number,
		Dialer:   s.dialer,
		TLS:      &tls.Config{RootCAs: s.CA()},
	}
	if s.options.Plaintext {
		c.Security, c.AllowPlainInClear = xmpp.SecurityPlaintext, true
	}
	// Without SCRAM the client has to be told that less is wanted.
	if !strings.Contains(strings.Join(s.options.Mechanisms, " "), "SCRAM") {
		c.Mechanisms = s.options.Mechanisms
	}
	return c
}

// Client returns a connection of user, logged in and online, that is closed at
// the end of the test. It fails the test, from the test's own goroutine, if
// that can't be done before the test's context ends.
func (s *Server) Client(t testing.TB, user string) *xmpp.Connection {
	t.Helper()
	conn, err := xmpp.NewConnection(s.Configuration(user))
	if err != nil {
		t.Fatalf("xmpptest: client %s: %v", user, err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.Connect(t.Context()); err != nil {
		t.Fatalf("xmpptest: client %s: %v", user, err)
	}
	if err := conn.Login(t.Context(), "", ""); err != nil {
		t.Fatalf("xmpptest: client %s: %v", user, err)
	}
	return conn
}
