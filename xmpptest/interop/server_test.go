package interop_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/gosmack/xmpp/internal/realserver"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/xmpptest"
)

// A server is one column of the table.
type server struct {
	name                string
	startTLS, directTLS int // ports on 127.0.0.1
	ca                  *x509.CertPool
	caFile              string
	limit               int // the largest stanza it takes, in bytes
	keeps               int // how many stanzas it lets wait for our acknowledgement before it ends the session; 0: any number
	add                 func(user, password string) error
	certificate         func(user string) (tls.Certificate, error) // for EXTERNAL; nil: not offered
	restart             func() error                               // it forgets all sessions; nil: it can't be

	// What this server is known to do, so that a change is seen.
	mechanisms []string // offered at least
	bearer     bool     // an account's password is its OAUTHBEARER token
	announces  bool     // its limits (XEP-0478)
	preApprove bool     // RFC 6121 §3.4
	approved   bool     // says so in the roster, in the attribute of RFC 6121 §2.1.2.2
	keepsCR    bool     // writes a carriage return in text as a reference; else XML makes a newline of it
	tellsEnd   bool     // sends the end of presence to who unsubscribes (RFC 6121 §3.3.3)
	extended   bool     // knows extended queries of archives (XEP-0313 §7)
	// losesInRestart: what it has put into the sender's archive may not be in the receiver's, nor anywhere, after a restart under load.
	losesInRestart bool
	notFound       bool // answers the removal of who isn't on the roster with item-not-found (RFC 6121 §2.5.3)
}

// known are the facts about each server, by name.
var known = map[string]server{
	inProcessName: {mechanisms: []string{
		"SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1",
		"OAUTHBEARER", "PLAIN", "ANONYMOUS"}, bearer: true, announces: true, preApprove: true, approved: true, keepsCR: true, tellsEnd: true, extended: true, notFound: true},
	"Prosody":  {mechanisms: []string{"SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "PLAIN"}, announces: true, preApprove: true, extended: true, notFound: true},
	"ejabberd": {mechanisms: []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN"}, tellsEnd: true, keeps: 5000, losesInRestart: true},
}

const inProcessName = "in-process"

// real is a server that runs beside the tests.
func real(r *realserver.Server) *server {
	s := known[r.Name]
	s.name, s.startTLS, s.directTLS, s.ca, s.caFile = r.Name, r.StartTLSPort, r.DirectTLSPort, r.CA, r.CAFile
	s.limit, s.add = realserver.DefaultStanzaLimit, r.AddAccount
	return &s
}

// inProcess starts the server of package xmpptest on TCP, with all that it has.
func inProcess() (s *server, stop func(), err error) {
	return inProcessWith(append(slices.Clone(known[inProcessName].mechanisms), "EXTERNAL"), nil)
}

// inProcessWith starts one with these mechanisms and channel bindings; nil are all of the latter.
func inProcessWith(mechanisms, bindings []string) (s *server, stop func(), err error) {
	return inProcessLike(xmpptest.Options{Mechanisms: mechanisms, ChannelBinding: bindings})
}

// inProcessLike starts one with these options.
func inProcessLike(o xmpptest.Options) (s *server, stop func(), err error) {
	o.Domain, o.Listen, o.StanzaLimit = domain, true, realserver.DefaultStanzaLimit
	x, err := xmpptest.Start(&o)
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "xmpptest-")
	if err != nil {
		x.Close()
		return nil, nil, err
	}
	stop = func() {
		x.Close()
		_ = os.RemoveAll(dir)
	}
	of := known[inProcessName]
	of.name, of.ca, of.caFile, of.limit = inProcessName, x.CA(), filepath.Join(dir, "ca.pem"), realserver.DefaultStanzaLimit
	of.startTLS, of.directTLS = portOf(x.Addr()), portOf(x.DirectTLSAddr())
	of.add, of.certificate, of.restart = x.AddAccount, x.ClientCertificate, func() error { x.Restart(); return nil }
	if err := os.WriteFile(of.caFile, x.CAPEM(), 0o644); err != nil {
		stop()
		return nil, nil, err
	}
	return &of, stop, nil
}

func portOf(address string) int {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		panic(err) // the test's own server
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		panic(err)
	}
	return n
}

var accounts atomic.Int64

// account makes an account that no other scenario has.
func (s *server) account() (user jid.JID, err error) {
	local := fmt.Sprintf("user%d", accounts.Add(1))
	return jid.MustParse(local + "@" + domain), s.add(local, passwordOf(local))
}

func passwordOf(local string) string { return "secret-of-" + local }
