package sasl

import "fmt"

// Bounds of SCRAM's iteration count where Params has none. RFC 7677 §4 wants
// at least 4096; the upper bound is a quarter to half a second of work, which
// cannot be interrupted once it has begun (RFC 5802 §9).
const (
	DefaultMinIterations = 4096
	DefaultMaxIterations = 1_000_000
)

// Params is what a mechanism may use: the account, the connection and what the
// server has offered. It is read by [Select] and [Mechanism.New] and never
// changed; it prints without its secrets.
type Params struct {
	Username string // the account's name, for XMPP the localpart
	AuthzID  string // an identity to act as; empty: the account's own
	Password Secret // for SCRAM and PLAIN
	Token    Secret // for OAUTHBEARER and the HT family
	Host     string // for OAUTHBEARER: the server's name; empty: not sent
	Port     int    // for OAUTHBEARER; zero: not sent

	// Bindings is what this connection can bind to, best first; see
	// [TLSBindings]. None: this client does no channel binding.
	Bindings []ChannelBinding

	// Offered are the mechanisms that the server announced, as it did and whole:
	// their hash is compared with the server's (XEP-0474).
	Offered []string

	// OfferedBindings are the types that the server announced (XEP-0440).
	// nil means that it announced none at all, which is not the same as an
	// empty announcement.
	OfferedBindings []string

	// SASL2 says that the server announced all this by XEP-0388, for which
	// XEP-0440 is stricter: mechanisms with channel binding and no types to bind with are an attack.
	SASL2 bool

	// TLSVersion is the version of this connection's TLS, as crypto/tls has
	// it; it is compared with what the server saw (XEP-0515). Zero: not compared.
	TLSVersion uint16

	// Nonce returns a SCRAM client nonce: printable ASCII without a comma.
	// nil: 144 bits of crypto/rand, in base64. Others are for tests.
	Nonce func() (string, error)

	// Keys remembers derived keys; nil: each login derives anew.
	Keys KeyCache

	// MinIterations and MaxIterations bound SCRAM's iteration count. Zero: the
	// defaults.
	MinIterations, MaxIterations int

	// AllowPlain lets PLAIN and OAUTHBEARER hand their secret to the peer. It
	// belongs where TLS is up and has verified the server. PLAIN
	// must be named as well.
	AllowPlain bool

	// StrictBinding refuses a login that would not be bound to the channel.
	// EXTERNAL and ANONYMOUS, which send no secret, are exempt.
	StrictBinding bool

	// Pin is what the account has used before.
	Pin Pin
}

// Format writes the account and what the server offered, whatever the verb.
func (p Params) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "sasl.Params(%q of %q %q)", p.Username, p.Offered, p.OfferedBindings)
}

// minIterations returns the lower bound in force.
func (p *Params) minIterations() int {
	if p.MinIterations == 0 {
		return DefaultMinIterations
	}
	return p.MinIterations
}

// maxIterations returns the upper bound in force.
func (p *Params) maxIterations() int {
	if p.MaxIterations == 0 {
		return DefaultMaxIterations
	}
	return p.MaxIterations
}
