package realserver

import "errors"

// ErrNotInstalled is what a start returns, with the name of the package to
// install, when the server's program or a needed module is not on this machine.
var ErrNotInstalled = errors.New("not installed")

// DefaultDomain is the domain served when [Options] names none. It is under
// .test (RFC 6761 §6.2), which no resolver outside ever answers.
const DefaultDomain = "xmpp.test"

// DefaultStanzaLimit is the size in bytes of the largest stanza accepted when
// [Options] says nothing; it is Prosody's own default, set on both servers.
const DefaultStanzaLimit = 256 << 10

// Options says how a server is to be started. The zero value is usable.
type Options struct {
	// Domain is the one domain served; empty means [DefaultDomain].
	Domain string
	// Accounts are made before the start returns: localpart to password.
	// Localparts have to be in their prepared form (RFC 7622 §3.3).
	Accounts map[string]string
	// StanzaLimit is the largest stanza accepted, in bytes; 0 means
	// [DefaultStanzaLimit]. Prosody refuses values below 10 000.
	StanzaLimit int
	// SASL2 turns on what each server has of XEP-0388, XEP-0386, XEP-0198
	// inside them and XEP-0484. ejabberd always offers the first three to a
	// client whose stream header has a from attribute; there it adds XEP-0484.
	SASL2 bool
	// SCRAM is the hash passwords are stored with, which decides the SCRAM
	// mechanisms offered: "SHA-1", "SHA-256", on ejabberd also "SHA-512".
	// Empty means SHA-1 on Prosody (its default) and SHA-256 on ejabberd.
	SCRAM string
	// Certificate chooses what the server shows in the TLS handshake.
	Certificate Certificate
}

func (o Options) withDefaults() Options {
	if o.Domain == "" {
		o.Domain = DefaultDomain
	}
	if o.StanzaLimit == 0 {
		o.StanzaLimit = DefaultStanzaLimit
	}
	return o
}
