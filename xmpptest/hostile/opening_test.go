package hostile_test

import (
	"crypto/tls"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"crypto/x509"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

var (
	badCert  = all(as[*tls.CertificateVerificationError], terminal)
	direct   = func(cfg *xmpp.ConnectionConfiguration) { cfg.Port = 5223 }
	password = func(cfg *xmpp.ConnectionConfiguration) { cfg.Mechanisms = []string{"SCRAM-SHA-1", "PLAIN"} }
	stranded = strings.Replace(header, " version='1.0'>", ">", 1)
)

// terminal is a check that the error says that trying again is no help.
func terminal(err error) error {
	if !xmpp.Terminal(err) {
		return errors.New("it is not terminal")
	}
	return nil
}

// forgets plays a server that offers the best in clear, and only PLAIN behind TLS.
func forgets(c *xmpptest.ScriptConn) (string, error) {
	clear := strings.Replace(offerTLS, "</stream:features>", strings.TrimPrefix(offer2("", "", "SCRAM-SHA-256-PLUS", "PLAIN"), "<stream:features>"), 1)
	err := errors.Join(second(c.Header()), c.Send(header+clear), second(c.Expect("starttls")), c.Send(proceed), c.Handshake(), second(c.Header()))
	return header + offer("PLAIN"), err
}

// S001 to S014: TLS and the opening of the stream.
var _ = add(
	row{id: "S001", title: "STARTTLS is stripped", oracle: abortRow, scenes: aborts(
		abort{name: "no starttls", trap: clear(header + offer("PLAIN", "SCRAM-SHA-1")), err: is(xmpp.ErrTLSRequired), step: "starttls"},
		abort{name: "SASL2 in place of it", trap: clear(header + offer2("", "", "PLAIN", "SCRAM-SHA-1")), err: is(xmpp.ErrTLSRequired), step: "starttls"},
		abort{name: "nothing at all", trap: clear(header + "<stream:features/>"), err: is(xmpp.ErrTLSRequired), step: "starttls"},
		abort{name: "in another namespace", trap: clear(header + "<stream:features><starttls xmlns='urn:x'/></stream:features>"), err: is(xmpp.ErrTLSRequired), step: "starttls"},
		abort{name: "deeper", trap: clear(header + "<stream:features><x>" + strings.TrimSuffix(strings.TrimPrefix(offerTLS, "<stream:features>"), "</stream:features>") + "</x></stream:features>"), err: is(xmpp.ErrTLSRequired), step: "starttls"},
		abort{name: "PLAIN may be used", trap: clear(header + offer("PLAIN")), err: is(xmpp.ErrTLSRequired), step: "starttls", with: password},
	)},
	row{id: "S002", title: "STARTTLS is stripped, and the bytes come in every order of arrival", oracle: abortRow, scenes: aborts(
		abort{name: "random ways of cutting", trap: clear(header + offer("PLAIN", "SCRAM-SHA-1")), err: is(xmpp.ErrTLSRequired), step: "starttls", random: 1000},
	)},
	row{id: "S003", title: "Something else in place of <proceed/>", oracle: abortRow, scenes: aborts(
		abort{name: "failure", trap: wantTLS("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"), err: text("in place of <proceed/>"), step: "starttls"},
		abort{name: "features", trap: wantTLS(offer("PLAIN")), err: text("in place of <proceed/>"), step: "starttls"},
		abort{name: "message", trap: wantTLS("<message/>"), err: text("in place of <proceed/>"), step: "starttls"},
		abort{name: "success of SASL", trap: wantTLS("<success xmlns='" + nsSASL + "'/>"), err: text("in place of <proceed/>"), step: "starttls"},
		abort{name: "another namespace", trap: wantTLS("<proceed xmlns='urn:x'/>"), err: text("in place of <proceed/>"), step: "starttls"},
		abort{name: "no namespace", trap: wantTLS("<proceed/>"), err: text("in place of <proceed/>"), step: "starttls"},
		abort{name: "the end", trap: wantTLS("</stream:stream>"), err: is(io.EOF), step: "starttls"},
		abort{name: "a new stream", trap: wantTLS(header + offer("PLAIN")), err: text("restricted-xml"), step: "starttls"},
	)},
	row{id: "S004", title: "Plaintext behind <proceed/>", oracle: abortRow, scenes: aborts(
		abort{name: "in one segment", trap: wantTLS(proceed + header + offer("PLAIN")), err: text("bytes in clear behind <proceed/>"), step: "starttls", whole: true},
		abort{name: "white space in one segment", trap: wantTLS(proceed + " "), err: text("bytes in clear behind <proceed/>"), step: "starttls", whole: true},
		// Cut, it is the handshake that meets them.
		abort{name: "in segments", trap: wantTLS(proceed + header + offer("PLAIN")), err: text("bytes in clear behind <proceed/>", "first record does not look like a TLS handshake"), handshake: true},
	)},
	row{id: "S005", title: "Features from before TLS are remembered", oracle: abortRow, scenes: aborts(
		abort{name: "PLAIN behind TLS", trap: forgets, err: is(sasl.ErrNoMechanism), step: "authenticate"},
		abort{name: "PLAIN behind TLS, and SCRAM was used before", trap: forgets, err: is(sasl.ErrDowngrade), step: "authenticate", before: true, with: password},
	)},
	row{id: "S006", title: "A certificate for another name", oracle: abortRow + ", " + rejectRow, scenes: slices.Concat(
		badCertificate("default configuration", kind(xmpptest.CertificateOtherName), badCert),
		badCertificate("no roots", kind(xmpptest.CertificateValid), badCert, func(cfg *xmpp.ConnectionConfiguration) { cfg.TLS = nil }),
		badCertificate("own name asked for, another shown", kind(xmpptest.CertificateOtherName), badCert, func(cfg *xmpp.ConnectionConfiguration) { cfg.TLS.ServerName = "localhost" }),
		badCertificate("opted in to a third name", kind(xmpptest.CertificateOtherName), badCert, func(cfg *xmpp.ConnectionConfiguration) { cfg.VerifyName = "third.example" }),
		badCertificate("opted in, own name shown", kind(xmpptest.CertificateValid), badCert, func(cfg *xmpp.ConnectionConfiguration) { cfg.VerifyName = "other.example" }),
		refusals(
			refusal{"the host's name in tls.Config", func(cfg *xmpp.ConnectionConfiguration) { cfg.TLS.ServerName = "xmpp.example" }},
			refusal{"verification switched off in tls.Config", func(cfg *xmpp.ConnectionConfiguration) { cfg.TLS.InsecureSkipVerify = true }},
		),
		accepted(
			login{name: "twin: opted in", lazy: kind(xmpptest.CertificateOtherName), with: func(cfg *xmpp.ConnectionConfiguration) { cfg.VerifyName = "other.example" }},
			login{name: "twin: the right one"},
		),
	)},
	row{id: "S007", title: "DNS leads elsewhere, with a valid certificate of that place", oracle: abortRow, scenes: []scene{{name: "SRV", play: ledAstray}}},
	row{id: "S008", title: "Constraints of certificate authorities", oracle: abortRow, scenes: slices.Concat(
		badCertificate("signed by a certificate that is no authority", chain("localhost", nil, nil), badCert, trusting),
		badCertificate("signed by an authority for other names", chain("localhost", nil, func(c *x509.Certificate) {
			authorityCert(c)
			c.PermittedDNSDomainsCritical, c.PermittedDNSDomains = true, []string{"example.org"}
		}), badCert, trusting),
		badCertificate("for clients", chain("localhost", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }), badCert, trusting),
		badCertificate("the name only in the subject", chain("localhost", func(c *x509.Certificate) { c.DNSNames = nil }), badCert, trusting),
		accepted(login{name: "twin: an authority between", lazy: chain("localhost", nil, authorityCert), with: trusting}),
	)},
	row{id: "S009", title: "Certificates that are expired, not yet valid or nobody's", oracle: abortRow, scenes: slices.Concat(
		badCertificate("expired", kind(xmpptest.CertificateExpired), badCert),
		badCertificate("self-signed", kind(xmpptest.CertificateSelfSigned), badCert),
		badCertificate("not yet valid", chain("localhost", func(c *x509.Certificate) { c.NotBefore = c.NotAfter.AddDate(-1, 0, 0) }), badCert, trusting),
		badCertificate("expired by the clock of tls.Config", chain("localhost", nil), badCert, trusting, func(cfg *xmpp.ConnectionConfiguration) {
			cfg.TLS.Time = func() time.Time { return time.Date(2150, 1, 1, 0, 0, 0, 0, time.UTC) }
		}),
		accepted(login{name: "twin: as it should be", lazy: chain("localhost", nil), with: trusting}),
	)},
	row{id: "S011", title: "Wildcards", oracle: abortRow, scenes: slices.Concat(
		badCertificate("*.example.org for example.org", chain("example.org", wildcard("*.example.org")), badCert, trusting),
		badCertificate("*.example.org for a.b.example.org", chain("a.b.example.org", wildcard("*.example.org")), badCert, trusting),
		badCertificate("* for example", chain("example", wildcard("*")), badCert, trusting),
		badCertificate("c*.example.org for chat.example.org", chain("chat.example.org", wildcard("c*.example.org")), badCert, trusting),
		accepted(login{name: "twin: *.example.org for chat.example.org", lazy: chain("chat.example.org", wildcard("*.example.org")), with: trusting}),
	)},
	row{id: "S012", title: "Old versions of TLS", oracle: abortRow, scenes: slices.Concat(
		badCertificate("1.1", tlsOnly(tls.VersionTLS10, tls.VersionTLS11), text("protocol version not supported")),
		badCertificate("1.0 that the configuration allows", tlsOnly(tls.VersionTLS10, tls.VersionTLS10), text("protocol version not supported"), func(cfg *xmpp.ConnectionConfiguration) { cfg.TLS.MinVersion = tls.VersionTLS10 }),
		accepted(login{name: "twin: 1.2", lazy: tlsOnly(tls.VersionTLS12, tls.VersionTLS12)}),
	)},
	row{id: "S013", title: "The connection ends in the middle of a stanza", oracle: ignoreRow, scenes: []scene{{name: "cut at every byte", play: truncated}}},
	row{id: "S014", title: "TLS selects another protocol", oracle: abortRow, scenes: slices.Concat(
		aborts(abort{name: "http/1.1", trap: handshake(true), err: text("no application protocol"), step: "tls", whole: true, with: direct, options: protocols("http/1.1")}),
		accepted(
			login{name: "twin: none", lazy: func() *xmpptest.Options { return protocols() }, with: direct},
			login{name: "twin: xmpp-client", lazy: func() *xmpptest.Options { return protocols("h2", "xmpp-client") }, with: direct},
		),
	)},
	row{id: "S018", title: "A stream without version 1.0", oracle: abortRow, scenes: aborts(
		abort{name: "in clear", trap: clear(stranded + offerTLS), says: stanza.StreamUnsupportedVersion, step: "stream"},
		abort{name: "version 0.9", trap: clear(strings.Replace(header, "'1.0'>", "'0.9'>", 1) + offerTLS), says: stanza.StreamUnsupportedVersion, step: "stream"},
		abort{name: "behind TLS", trap: headed(stranded + offer("SCRAM-SHA-1")), says: stanza.StreamUnsupportedVersion, step: "stream"},
		abort{name: "behind TLS, with no features", trap: secured("<stream:features/>"), err: is(sasl.ErrNoMechanism), step: "authenticate"},
		abort{name: "of another protocol", trap: clear("<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='urn:x' version='1.0'>"), says: stanza.StreamInvalidNamespace, step: "stream"},
		abort{name: "of none", trap: clear("HTTP/1.1 400 Bad Request\r\n\r\n"), err: text("not-well-formed"), step: "stream"},
	)},
	row{id: "S021", title: "A port for direct TLS that speaks in clear", oracle: abortRow, scenes: aborts(
		abort{name: "a stream", trap: at("" + header + offer("PLAIN")), err: as[tls.RecordHeaderError], step: "tls", with: direct, handshake: true},
		abort{name: "HTTP", trap: at("HTTP/1.1 400 Bad Request\r\n\r\n"), err: as[tls.RecordHeaderError], step: "tls", with: direct, handshake: true},
	)},
)

// at is the trap of a server that speaks first.
func at(trigger string) trap {
	return func(*xmpptest.ScriptConn) (string, error) { return trigger, nil }
}

func wildcard(name string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.DNSNames = []string{name} }
}

func kind(k xmpptest.CertificateKind) func() *xmpptest.Options {
	return func() *xmpptest.Options { return &xmpptest.Options{Certificate: k} }
}

func chain(domain string, links ...func(*x509.Certificate)) func() *xmpptest.Options {
	return func() *xmpptest.Options { return shows(domain, links...) }
}

func tlsOnly(least, most uint16) func() *xmpptest.Options {
	return func() *xmpptest.Options {
		return &xmpptest.Options{TLS: func(c *tls.Config) { c.MinVersion, c.MaxVersion = least, most }}
	}
}

func protocols(names ...string) *xmpptest.Options {
	return &xmpptest.Options{TLS: func(c *tls.Config) { c.NextProtos = names }}
}
