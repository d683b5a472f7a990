package hostile_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/xmpptest"
)

// S025: what was verified once is verified again.
var _ = add(row{id: "S025", title: "The certificate changes between two connections", oracle: abortRow, also: "TestTLSChangesNothing TestTicket", scenes: []scene{
	{name: "to that of another name", play: swapped("localhost", func(c *x509.Certificate) { c.DNSNames = []string{"other.example"} }, true)},
	{name: "to nobody's", play: swapped("localhost", nil, false)},
	{name: "it expires, and the TLS session could be resumed", play: expires},
	{name: "what was verified a day ago, and the TLS session could be resumed", play: aDayOld},
	{name: "our roots change, and the TLS session could be resumed", play: uprooted},
	{name: "our roots change, and the TLS session could be resumed, by direct TLS", play: func(t *testing.T) error { return uprootedOn(t, 5223) }},
}})

// keyPair is a certificate that root has signed, or nobody.
func keyPair(name string, change func(*x509.Certificate), signed bool) (tls.Certificate, error) {
	signer, err := root()
	if err != nil {
		return tls.Certificate{}, err
	}
	if !signed {
		signer = new(authority)
	}
	leaf, err := signer.issue(name, change)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{leaf.cert.Raw}, PrivateKey: leaf.key}, nil
}

// A masked server is another one while it is evil: with another certificate and another key of its tickets.
type masked struct {
	good, bad tls.Certificate
	evil      atomic.Bool
	offered   atomic.Bool // a ticket, while it was evil
	resumed   record[bool]
}

func (m *masked) configure(c *tls.Config) {
	c.Certificates = []tls.Certificate{m.good}
	c.VerifyConnection = func(cs tls.ConnectionState) error { m.resumed.add(cs.DidResume); return nil }
	other := c.Clone()
	other.Certificates = []tls.Certificate{m.bad}
	c.SetSessionTicketKeys([][32]byte{{1}})
	other.SetSessionTicketKeys([][32]byte{{2}})
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if !m.evil.Load() {
			return nil, nil
		}
		const preSharedKey = 41 // RFC 8446 §4.2.11
		if slices.Contains(hello.Extensions, preSharedKey) {
			m.offered.Store(true)
		}
		return other, nil
	}
}

// swapped shows another certificate from the third connection on, and refuses the TLS session's ticket, which is under another key; later
// both are the first ones again.
func swapped(name string, change func(*x509.Certificate), signed bool) func(*testing.T) error {
	return func(t *testing.T) error {
		good, err := keyPair(name, nil, true)
		bad, other := keyPair(name, change, signed)
		if err = errors.Join(err, other); err != nil {
			return err
		}
		m := &masked{good: good, bad: bad}
		options := &xmpptest.Options{TLS: m.configure, ChannelBinding: []string{"tls-exporter"}}
		return serve(t, options, func(srv *xmpptest.Server) error {
			seen := new(record[string])
			c, err := xmpp.NewConnection(configuration(srv, trusting, func(cfg *xmpp.ConnectionConfiguration) {
				cfg.Trace = func(e xmpp.TraceEvent) {
					if e.Out {
						seen.add(string(e.Data))
					}
				}
			}))
			if err != nil {
				return err
			}
			defer c.Close()
			if err := c.Login(t.Context(), "", ""); err != nil {
				return err
			}
			moment()
			var f faults
			srv.Drop("romeo")
			pass(time.Minute)
			if got := m.resumed.list(); c.State() != xmpp.Online || !slices.Equal(got, []bool{false, true}) {
				f.addf("before: %v, TLS sessions resumed: %v", c.State(), got)
			}
			m.evil.Store(true)
			said := seen.len()
			srv.Drop("romeo")
			pass(10 * time.Minute)
			if !m.offered.Load() || slices.Contains(m.resumed.list()[2:], true) {
				f.addf("a ticket was offered: %v, TLS sessions resumed: %v", m.offered.Load(), m.resumed.list())
			}
			if c.State() != xmpp.Reconnecting {
				f.addf("it is %v", c.State())
			}
			after := strings.Join(seen.since(said), "")
			if w := containsAny(after, "<auth", "<resume", "<iq", "from="); w != "" {
				f.addf("it wrote %s", w)
			}
			if !strings.Contains(after, "<starttls") {
				f.addf("it didn't try")
			}
			m.evil.Store(false)
			pass(10 * time.Minute)
			if c.State() != xmpp.Online {
				f.addf("with the right certificate it is %v", c.State())
			}
			return f.err()
		})
	}
}

// expires outlives its certificate while it is online. The ticket of the first connection is no way around that.
func expires(t *testing.T) error {
	soon, err := keyPair("localhost", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(time.Hour) }, true)
	if err != nil {
		return err
	}
	var resumed record[bool]
	options := &xmpptest.Options{TLS: func(c *tls.Config) {
		c.Certificates = []tls.Certificate{soon}
		c.VerifyConnection = func(cs tls.ConnectionState) error { resumed.add(cs.DidResume); return nil }
	}}
	return serve(t, options, func(srv *xmpptest.Server) error {
		c, err := xmpp.NewConnection(configuration(srv, trusting))
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.Login(t.Context(), "", ""); err != nil {
			return err
		}
		moment()
		srv.Drop("romeo")
		pass(time.Minute)
		var f faults
		if c.State() != xmpp.Online || !resumed.list()[resumed.len()-1] {
			f.addf("while it is good: %v, TLS sessions resumed: %v", c.State(), resumed.list())
		}
		pass(2 * time.Hour)
		srv.Drop("romeo")
		pass(10 * time.Minute)
		if c.State() != xmpp.Reconnecting {
			f.addf("when it has expired: %v", c.State())
		}
		return f.err()
	})
}

// aDayOld comes back to a server that would resume its TLS session, once within a day and once behind it: then it is a full handshake.
func aDayOld(t *testing.T) error {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		var resumed record[bool]
		options := shows("localhost", nil)
		show := options.TLS
		options.TLS = func(c *tls.Config) {
			show(c)
			c.MinVersion, c.MaxVersion = version, version
			c.VerifyConnection = func(cs tls.ConnectionState) error { resumed.add(cs.DidResume); return nil }
		}
		err := serve(t, options, func(srv *xmpptest.Server) error {
			c, err := xmpp.NewConnection(configuration(srv, trusting))
			if err != nil {
				return err
			}
			defer c.Close()
			if err := c.Login(t.Context(), "", ""); err != nil {
				return err
			}
			for _, after := range []time.Duration{23 * time.Hour, 25 * time.Hour} {
				pass(after)
				srv.Drop("romeo")
				pass(time.Minute)
			}
			if got := resumed.list(); c.State() != xmpp.Online || !slices.Equal(got, []bool{false, true, false}) {
				return fmt.Errorf("with version %x it is %v, TLS sessions resumed: %v", version, c.State(), got)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func uprooted(t *testing.T) error { return uprootedOn(t, 5222) }

// uprootedOn shares TLS sessions between connections that don't believe the same authorities. One authority more takes nothing from what was
// verified. Where the first one is gone its session is not resumed: the certificate counts, be it bad or good.
func uprootedOn(t *testing.T, port int) error {
	cache := tls.NewLRUClientSessionCache(8)
	var resumed record[bool]
	var replaced atomic.Bool
	options := shows("localhost", nil)
	show := options.TLS
	options.TLS = func(c *tls.Config) {
		own := c.Certificates[0] // of the test server's own authority
		show(c)
		first := c.Certificates[0]
		c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			if replaced.Load() {
				return &own, nil
			}
			return &first, nil
		}
		c.VerifyConnection = func(cs tls.ConnectionState) error { resumed.add(cs.DidResume); return nil }
	}
	return serve(t, options, func(srv *xmpptest.Server) error {
		var f faults
		shared := func(cfg *xmpp.ConnectionConfiguration) { cfg.TLS.ClientSessionCache, cfg.Port = cache, port }
		more := func(cfg *xmpp.ConnectionConfiguration) { cfg.TLS.RootCAs.AppendCertsFromPEM(srv.CAPEM()) }
		for _, believes := range []with{trusting, trusting, both(trusting, more)} {
			f = append(f, (abort{}).good(t, configuration(srv, believes, shared)))
		}
		c, err := xmpp.NewConnection(configuration(srv, shared)) // it believes only the test server's own authority
		if err != nil {
			return err
		}
		defer c.Close()
		f = append(f, badCert(c.Login(t.Context(), "", "")))
		replaced.Store(true)
		f = append(f, (abort{}).good(t, configuration(srv, shared)))
		if got := resumed.list(); !slices.Equal(got, []bool{false, true, true, false, false}) {
			f.addf("TLS sessions resumed: %v", got)
		}
		return f.err()
	})
}
