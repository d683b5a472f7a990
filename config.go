package xmpp

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"time"

	"github.com/gosmack/xmpp/internal/discover"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/sasl"
)

// A Secret is a password or token. It hides itself from fmt, log/slog and encoders.
type Secret = sasl.Secret

// A Dialer opens the TCP connection: a *net.Dialer, what [Proxy] returns, or one from x/net/proxy.
// It gets host names unresolved, so a proxy resolves them.
type Dialer = discover.Dialer

// A Resolver looks up SRV records and addresses; *net.Resolver is one.
type Resolver = discover.Resolver

// Security says how the stream to the server is protected.
type Security int

// The modes. Only the first three are for a network.
const (
	// SecurityTLS, the default: TLS, verified against the account's domain. Direct TLS and
	// STARTTLS are raced as the domain's SRV records offer them; with Host, ports 443 and 5223
	// mean direct TLS and every other STARTTLS.
	SecurityTLS Security = iota
	// SecurityDirectTLS is TLS from the first byte on Host and Port (XEP-0368), verified.
	SecurityDirectTLS
	// SecurityStartTLS is STARTTLS alone (RFC 6120 §5), verified: on Host and Port, or where the domain's SRV records lead.
	SecurityStartTLS
	// SecurityUnverified is SecurityTLS that believes any certificate. PLAIN is never used on it.
	SecurityUnverified
	// SecurityPlaintext is no TLS at all: for loopback only. PLAIN is used on it only with
	// AllowPlainInClear.
	SecurityPlaintext
)

// Limits is what a peer may send in one stanza, and what is kept of what many send; zero fields mean the defaults. Of one address
// the presence of 64 resources is kept at most, and of a contact's status 4096 bytes.
type Limits struct {
	StanzaBytes   int // default 10 MiB
	Elements      int // default 250 000
	Depth         int // default 64
	Attributes    int // of one element; default 128
	StartTagBytes int // default 64 KiB

	// RosterBytes is what the contact list may have, with 200 bytes for each contact and 16 for each group beside their texts; default 64 MiB. A
	// contact that would make it larger is left out, and so is a whole list that is larger when it is loaded; OnError is told with ErrRosterTooLarge. As much again
	// may be kept of the contacts' presence, with 256 bytes for each contact and 128 for each resource: what is more is told, and kept without its status or not at all.
	RosterBytes int
	// StrangersBytes is what is kept of the presence of those who are not on the roster, with 128 bytes for each resource and 256 for each address beside
	// their texts; default 2 MiB. Who was heard of first makes room for who comes, and is told as unavailable.
	StrangersBytes int
}

// ConnectionConfiguration says where and how to connect. Only Address, or Domain for those who
// give the account to Login, is required; the zero value of everything else is safe. It is copied
// by NewConnection.
type ConnectionConfiguration struct {
	// Address is the account, user@domain. A resource in it is asked for like Resource.
	Address jid.JID
	// Password of the account. Where OAUTHBEARER is the only one of Mechanisms it is the access
	// token.
	Password Secret
	// Token is the access token for OAUTHBEARER where other Mechanisms are named too.
	Token Secret
	// Credentials, if set, is asked for the password in place of Password, once for each
	// authentication, and once more with the failure when the server said not-authorized. It may
	// wait for up to 30 s; ctx ends then or with the login.
	Credentials func(ctx context.Context, r CredentialsRequest) (Secret, error)
	// Domain of the server where Address is not set. It is what the certificate is verified
	// against.
	Domain string
	// Host and Port are where to connect. Empty: what the domain's DNS says (SRV, then the domain
	// itself).
	Host string
	// Port; zero: 5222, or 5223 with SecurityDirectTLS.
	Port int
	// Resource to ask for; empty: the server chooses one.
	Resource string

	// Security; zero: TLS, verified.
	Security Security
	// TLS to start from, cloned: RootCAs, Certificates, VerifyConnection. ServerName must be empty
	// or the domain. Nil: the system's roots.
	TLS *tls.Config
	// VerifyName, if set, is the name that the certificate must be for in place of the domain.
	VerifyName string
	// Dialer opens connections; nil: a net.Dialer. With one of your own, names are not resolved
	// here.
	Dialer Dialer
	// Resolver for SRV and addresses; nil: net.DefaultResolver.
	Resolver Resolver

	// Mechanisms that may be used, in no order (ours is fixed, strongest first). Nil: the SCRAM
	// family. PLAIN, EXTERNAL, ANONYMOUS and OAUTHBEARER are used only where they are named here. With EXTERNAL and ANONYMOUS Address may be
	// empty: the server says who we are, with EXTERNAL the same each time, or the connection ends with ErrWrongAccount.
	Mechanisms []string
	// RequireChannelBinding refuses to log in without channel binding (SCRAM-…-PLUS).
	RequireChannelBinding bool
	// AllowPlainInClear permits PLAIN, named in Mechanisms, with SecurityPlaintext.
	AllowPlainInClear bool
	// DisableSASL2 logs in as RFC 6120 has it, also where the server offers SASL2 (XEP-0388) and with it fewer round trips.
	DisableSASL2 bool
	// DisableFAST asks for no tokens and uses none (XEP-0484). Else a server that can gives one, which is kept in Store and stands
	// for the password at later logins, whatever Mechanisms names: neither Password nor Credentials is looked at while it is good. It is never
	// used with SecurityUnverified.
	DisableFAST bool

	// ConnectTimeout bounds looking up the domain, the TCP connection and each part of the
	// negotiation; zero: 30 s. A login as a whole is bounded by its context.
	ConnectTimeout time.Duration
	// RequestTimeout bounds every IQ request; zero: 30 s. There is no "unlimited".
	RequestTimeout time.Duration
	// Limits of what the server may send after login.
	Limits Limits

	// DisableStreamManagement does without XEP-0198, by which a broken connection is resumed and what was sent is acknowledged
	// or sent again. Without it what was written when the connection broke is of unknown outcome.
	DisableStreamManagement bool
	// Resend says what happens to messages of unknown outcome.
	Resend ResendPolicy
	// ResendWindow is how old a message may be to be sent again in a new session; zero: 1 h.
	ResendWindow time.Duration
	// Expiry is how long a message may wait while the connection is lost; one that waited longer fails with ErrExpired when it is back.
	// Zero: for ever.
	Expiry time.Duration
	// Silence of the server, then it is asked for a sign of life; without one within 15 s the connection is
	// dead. Zero: 60 s; negative: never.
	Silence time.Duration

	// DisableReconnection makes the first loss of the connection its end.
	DisableReconnection bool
	// DisableRoster doesn't fetch the roster at login.
	DisableRoster bool
	// DisablePresence sends no initial presence: the session gets no messages to the bare address
	// and costs no presence traffic.
	DisablePresence bool

	// Store keeps what outlives the process: roster versions, the strongest login seen, what the server offers, and the secret token that
	// stands for the password (see DisableFAST). Nil: memory, for this connection. Nothing of a login without an Address (ANONYMOUS, EXTERNAL) is kept
	// in it, because the server says who that is: it lasts as long as the connection.
	Store Store
	// Durable keeps the session (XEP-0198) and all messages that were accepted and not acknowledged in Store while the connection runs, so
	// that a process that is killed at any moment loses none: the next Login of the account with the Store takes the session up, as after
	// Suspend. Send and Submit wait until the message is in the store: one write, which all that send at the same time share. One more is made
	// before anything but messages is written, such as a request or an acknowledgement. Requests and presence are not kept. What was handled
	// shortly before the end is handled again: at least once. Messages that Close and Shutdown leave stay in the store too, and end with
	// ErrSuspended. If the store fails, Send does; and where the session has to be stored the connection breaks off, and is tried again until the
	// store takes it.
	Durable bool
	// Language of our stream and default for texts (xml:lang); empty: none.
	Language string

	// Logger hears what happens, never bodies nor secrets. Nil: silence.
	Logger *slog.Logger
	// Trace, if set, gets every top-level element and stream header, secrets blanked. It runs on
	// the reader and the writer, at once, and must return promptly; Data is its own copy.
	Trace func(TraceEvent)
	// OnPanic, if set, recovers panics of callbacks and handlers. Nil: a panic is the program's
	// own crash.
	OnPanic func(value any, stack []byte)
	// OnError, if set, hears what was dropped or failed without a caller to tell: forged stanzas,
	// bad addresses, extensions' failures. It is called from several goroutines at once and must
	// return promptly. Of a flood only some is told; Stats counts all.
	OnError func(error)
}

// A CredentialsRequest tells a credentials callback what is asked for.
type CredentialsRequest struct {
	Address jid.JID
	Failure *sasl.Failure // of the answer before; nil the first time
}

// A TraceEvent is one top-level element or stream header on the wire.
type TraceEvent struct {
	Out  bool // we wrote it
	Data []byte
}

// LogValue shows where the configuration leads and hides every secret.
func (cfg ConnectionConfiguration) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("address", cfg.Address.String()), slog.String("domain", cfg.Domain),
		slog.String("host", cfg.Host), slog.Int("port", cfg.Port), slog.Int("security", int(cfg.Security)))
}

var _ Dialer = (*net.Dialer)(nil)
