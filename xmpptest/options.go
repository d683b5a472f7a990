package xmpptest

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/gosmack/xmpp/jid"
)

// Options say what a server offers. The zero value is a server in memory that
// asks for TLS and offers SCRAM with channel binding.
type Options struct {
	// Domain is the server's address and the name in its certificate: a host
	// name or an IP address. Empty means "localhost".
	Domain string

	// Listen opens two TCP ports on loopback, one for STARTTLS and one for
	// direct TLS, so that other programs can log in. False means a server in
	// memory, which only [Server.Dialer] reaches.
	Listen bool

	// Address is where Listen opens its STARTTLS port, "host:port"; the port
	// for direct TLS is any free one of the same host. Empty means
	// "127.0.0.1:0", a free port.
	Address string

	// BufferSize is how many bytes a connection in memory holds in each
	// direction before a write waits. 0 means 64 KiB. A negative one means
	// that of [net.Pipe]: none, a write returns when its bytes were read.
	BufferSize int

	// Mechanisms are the SASL mechanisms on offer, in this order. Known are
	// SCRAM-SHA-1, -256 and -512, each also with -PLUS, OAUTHBEARER (whose
	// token is the account's password), PLAIN, EXTERNAL (see
	// [Server.ClientCertificate]) and ANONYMOUS. Nil means all of SCRAM and
	// PLAIN. Without TLS the -PLUS ones are not offered.
	Mechanisms []string

	// ChannelBinding are the channel binding types that can be used and are
	// announced (XEP-0440), of tls-exporter and tls-server-end-point. Nil
	// means both if there is a -PLUS mechanism; an empty list means that
	// none is offered. Types without such a mechanism look like an attack.
	ChannelBinding []string

	// HashOffer adds the hash of XEP-0474 to SCRAM, by which a client sees
	// that nobody changed the lists of mechanisms and binding types.
	HashOffer bool

	// Iterations is the iteration count of SCRAM. 0 means 4096.
	Iterations int

	// Plaintext offers no TLS; logging in happens in the clear.
	Plaintext bool

	// Certificate is what the server shows. The zero value is a valid one.
	Certificate CertificateKind

	// TLS may change the server's TLS configuration, its certificate, for
	// example, its highest version or the protocols it selects by ALPN. Nil
	// changes nothing.
	TLS func(*tls.Config)

	// StanzaLimit is the largest stanza in bytes that the server takes; it is
	// announced (XEP-0478), and a larger one ends the stream with
	// policy-violation. 0 means 10 MiB, not announced.
	StanzaLimit int

	// QueueLimit is how many bytes wait for a client that does not read,
	// before its connection is cut. 0 means 64 MiB.
	QueueLimit int

	// Conflict says what happens to a resource that is bound twice.
	Conflict ConflictPolicy

	// NoStreamManagement leaves out stream management (XEP-0198), which is on
	// offer otherwise.
	NoStreamManagement bool

	// ResumeFor is how long a session whose connection broke waits to be
	// resumed. 0 means 5 minutes; a negative one means that none can be.
	ResumeFor time.Duration

	// StreamManagement is what goes wrong with it.
	StreamManagement StreamManagement

	// NoArchive leaves out message archives (XEP-0313) and with them the ids
	// that they give to messages (XEP-0359).
	NoArchive bool

	// SASL2 offers SASL2 (XEP-0388) besides SASL, on TLS and to clients that
	// name themselves in the stream header.
	SASL2 bool

	// Bind2 adds Bind 2 (XEP-0386) to SASL2, and SASL2 if it is missing.
	Bind2 bool

	// FAST adds tokens (XEP-0484) to SASL2, and SASL2 if it is missing.
	FAST bool

	// TokenLifetime is how long a token is good; past half of it a login gets
	// a new one. 0 means 21 days.
	TokenLifetime time.Duration

	// RotateTokens gives a new token at every login with one.
	RotateTokens bool

	// Accounts are passwords by user; see also [Server.AddAccount].
	Accounts map[string]string

	// Faults are what goes wrong on every connection.
	Faults Faults

	// Logger hears at level Debug who comes and goes and why, never stanzas
	// or credentials. Nil means silence.
	Logger *slog.Logger
}

// ConflictPolicy is what happens when a client binds a resource that another
// connection of the account has, RFC 6120 §7.7.2.2.
type ConflictPolicy int

const (
	// ConflictReplace ends the older connection with the stream error conflict.
	ConflictReplace ConflictPolicy = iota
	// ConflictRefuse answers the newer one with the stanza error conflict.
	ConflictRefuse
	// ConflictRename gives the newer one a resource of the server's making.
	ConflictRename
)

// mechanisms are those that Options.Mechanisms may name.
var mechanisms = []string{
	"SCRAM-SHA-512-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1",
	"PLAIN", "OAUTHBEARER", "EXTERNAL", "ANONYMOUS",
}

// complete returns the options with every default in place, or what is wrong.
func (o *Options) complete() (Options, error) {
	c := Options{}
	if o != nil {
		c = *o
	}
	if c.Domain == "" {
		c.Domain = "localhost"
	}
	domain, err := jid.New("", c.Domain, "")
	if err != nil {
		return c, fmt.Errorf("xmpptest: domain: %w", err)
	}
	c.Domain = domain.Domain()
	if c.Address == "" {
		c.Address = "127.0.0.1:0"
	}
	if c.Mechanisms == nil {
		c.Mechanisms = mechanisms[:7]
	}
	for _, m := range c.Mechanisms {
		if !slices.Contains(mechanisms, m) {
			return c, fmt.Errorf("xmpptest: unknown mechanism %q", m)
		}
	}
	bound := func(m string) bool { return strings.HasSuffix(m, "-PLUS") }
	if c.ChannelBinding == nil && slices.ContainsFunc(c.Mechanisms, bound) {
		c.ChannelBinding = bindingTypes
	}
	for _, b := range c.ChannelBinding {
		if !slices.Contains(bindingTypes, b) {
			return c, fmt.Errorf("xmpptest: unknown channel binding type %q", b)
		}
	}
	c.numbers()
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// numbers puts the defaults of what is not text in place.
func (o *Options) numbers() {
	if o.BufferSize == 0 {
		o.BufferSize = 64 << 10
	}
	if o.Iterations == 0 {
		o.Iterations = 4096
	}
	if o.ResumeFor == 0 {
		o.ResumeFor = 5 * time.Minute
	}
	if o.TokenLifetime == 0 {
		o.TokenLifetime = 21 * 24 * time.Hour
	}
	o.SASL2 = o.SASL2 || o.Bind2 || o.FAST
	if o.QueueLimit == 0 {
		o.QueueLimit = 64 << 20
	}
}
