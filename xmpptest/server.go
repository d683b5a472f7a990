package xmpptest

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gosmack/xmpp/jid"
)

// Server is an XMPP server in this process. Its methods may be called from
// any goroutine, also from handlers of clients that are connected to it.
//
// It has for each connection one goroutine that reads and acts on what it
// read and one that writes, and one for each TCP port.
type Server struct {
	options  Options // complete and never changed
	domain   string
	id       string // makes roster versions unique to this server
	ca       *authority
	tls      *tls.Config
	leaf     *x509.Certificate // what the server shows, for channel binding; may be nil
	dialer   *Dialer
	settings atomic.Pointer[StreamManagement]
	log      *slog.Logger
	wg       sync.WaitGroup

	starttls, direct net.Listener // nil in memory

	mu        sync.Mutex // guards all below, held for moments only, never while waiting
	closed    bool
	conns     map[*Conn]struct{}
	accounts  map[jid.JID]*account
	resumable map[string]*managed     // by the session's identifier
	former    map[string]former       // likewise, of those that ended
	next      []func(*Conn)           // for the connections to come, one each
	scripts   []*Script               // likewise
	every     func(*ScriptConn) error // for each connection without one of its own
	in, out   hooks
	report    func(error) // of a script that failed; nil outside of tests
}

// Start starts a server. Nil options mean the zero value. The caller must
// Close it. Its errors say which option is wrong, or why a port can't be had.
func Start(options *Options) (*Server, error) {
	o, err := options.complete()
	if err != nil {
		return nil, err
	}
	s := &Server{
		options:   o,
		domain:    o.Domain,
		id:        rand.Text()[:8],
		log:       o.Logger,
		conns:     map[*Conn]struct{}{},
		accounts:  map[jid.JID]*account{},
		resumable: map[string]*managed{},
		former:    map[string]former{},
	}
	s.SetStreamManagement(o.StreamManagement)
	s.dialer = &Dialer{server: s}
	if s.ca, err = newAuthority(); err != nil {
		return nil, err
	}
	if err := s.configureTLS(); err != nil {
		return nil, err
	}
	for user, password := range o.Accounts {
		if err := s.AddAccount(user, password); err != nil {
			return nil, err
		}
	}
	if o.Listen {
		if err := s.listen(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// NewServer starts a server for the length of a test and fails the test if it
// can't. An error that a [Script] returns is an error of the test. Inside a
// testing/synctest bubble the server must be one in memory and made there.
func NewServer(t testing.TB, options *Options) *Server {
	t.Helper()
	s, err := Start(options)
	if err != nil {
		t.Fatalf("xmpptest: %v", err)
	}
	s.mu.Lock()
	s.report = func(err error) { t.Errorf("xmpptest: script: %v", err) }
	s.mu.Unlock()
	t.Cleanup(s.Close)
	return s
}

// Close cuts all connections and returns when no goroutine of the server is
// left; it waits for scripts and interceptors that still run. A second Close
// does nothing.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	conns := s.list(func(*Conn) bool { return true })
	for _, m := range s.resumable {
		if m.timer != nil {
			s.finish(m.holder)
		}
	}
	s.mu.Unlock()
	for _, l := range []net.Listener{s.starttls, s.direct} {
		if l != nil {
			l.Close()
		}
	}
	for _, c := range conns {
		c.Cut()
	}
	s.wg.Wait()
}

// list returns the connections that match. The caller holds s.mu.
func (s *Server) list(match func(*Conn) bool) []*Conn {
	var found []*Conn
	for c := range s.conns {
		if match(c) {
			found = append(found, c)
		}
	}
	return found
}

// Domain returns the server's address, as a host name or IP address.
func (s *Server) Domain() string { return s.domain }

// CA returns the pool that a client has to trust. It is the caller's own.
func (s *Server) CA() *x509.CertPool { return s.ca.pool() }

// CAPEM returns the certificate of the same authority in PEM, for other programs.
func (s *Server) CAPEM() []byte { return s.ca.pem() }

// ClientCertificate issues a certificate with which the user can log in by
// EXTERNAL, if the server offers that.
func (s *Server) ClientCertificate(user string) (tls.Certificate, error) {
	address, err := jid.New(user, s.domain, "")
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("xmpptest: user %q: %w", user, err)
	}
	return s.ca.sign(leaf(address.String(), x509.ExtKeyUsageClientAuth), false)
}

func (s *Server) configureTLS() error {
	cert, err := s.ca.issue(s.options.Certificate, s.domain)
	if err != nil {
		return err
	}
	s.tls = &tls.Config{
		Certificates: []tls.Certificate{cert},
		NextProtos:   []string{"xmpp-client"}, // XEP-0368 §3
		ClientCAs:    s.ca.pool(),
		MinVersion:   tls.VersionTLS12,
	}
	if s.offers("EXTERNAL") {
		s.tls.ClientAuth = tls.VerifyClientCertIfGiven
	}
	if s.options.TLS != nil {
		s.options.TLS(s.tls)
	}
	if len(s.tls.Certificates) > 0 {
		s.leaf, err = x509.ParseCertificate(s.tls.Certificates[0].Certificate[0])
	}
	return err
}
