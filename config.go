package xmpp

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gosmack/xmpp/internal/discover"
	"github.com/gosmack/xmpp/internal/xmlstream"
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
	// SecurityStartTLS is STARTTLS on Host and Port (RFC 6120 §5), verified.
	SecurityStartTLS
	// SecurityUnverified is SecurityTLS that believes any certificate. PLAIN is never used on it.
	SecurityUnverified
	// SecurityPlaintext is no TLS at all: for loopback only. PLAIN is used on it only with
	// AllowPlainInClear.
	SecurityPlaintext
)

// Limits is what a peer may send in one stanza; zero fields mean the defaults.
type Limits struct {
	StanzaBytes   int // default 10 MiB
	Elements      int // default 250 000
	Depth         int // default 64
	Attributes    int // of one element; default 128
	StartTagBytes int // default 64 KiB
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
	// family. PLAIN, EXTERNAL, ANONYMOUS and OAUTHBEARER are used only where they are named here.
	Mechanisms []string
	// RequireChannelBinding refuses to log in without channel binding (SCRAM-…-PLUS).
	RequireChannelBinding bool
	// AllowPlainInClear permits PLAIN, named in Mechanisms, with SecurityPlaintext.
	AllowPlainInClear bool

	// ConnectTimeout bounds looking up the domain, the TCP connection and each part of the
	// negotiation; zero: 30 s. A login as a whole is bounded by its context.
	ConnectTimeout time.Duration
	// RequestTimeout bounds every IQ request; zero: 30 s. There is no "unlimited".
	RequestTimeout time.Duration
	// Limits of what the server may send after login.
	Limits Limits

	// StreamManagement uses XEP-0198 where the server has it: a broken connection is resumed, and what was sent
	// is acknowledged or sent again. Off by default for now, see docs/rough-edges.md; without it what was
	// written when the connection broke is of unknown outcome.
	StreamManagement bool
	// Resend says what happens to messages of unknown outcome.
	Resend ResendPolicy
	// ResendWindow is how old a message may be to be sent again in a new session; zero: 1 h.
	ResendWindow time.Duration
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

	// Store keeps what outlives the process: roster versions, the strongest login seen. Nil:
	// memory, for this connection.
	Store Store
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

// A ConfigError names the field of the configuration, or the argument, that can't be used.
type ConfigError struct {
	Field  string
	Reason string
}

func (e *ConfigError) Error() string { return "xmpp: " + e.Field + ": " + e.Reason }

// SafeToRetry is true: nothing was sent.
func (e *ConfigError) SafeToRetry() bool { return true }

// LogValue shows where the configuration leads and hides every secret.
func (cfg ConnectionConfiguration) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("address", cfg.Address.String()), slog.String("domain", cfg.Domain),
		slog.String("host", cfg.Host), slog.Int("port", cfg.Port), slog.Int("security", int(cfg.Security)))
}

// check fills in defaults and refuses what can't work.
func (cfg *ConnectionConfiguration) check() error {
	if cfg.Domain == "" {
		cfg.Domain = cfg.Address.Domain()
	}
	if cfg.Domain == "" {
		return &ConfigError{"Address", "neither Address nor Domain is set"}
	}
	domain, err := jid.New("", cfg.Domain, "")
	if err != nil {
		return &ConfigError{"Domain", err.Error()}
	}
	cfg.Domain = domain.Domain()
	if !cfg.Address.IsZero() && cfg.Address.Domain() != cfg.Domain {
		return &ConfigError{"Domain", "it is not the domain of Address"}
	}
	if cfg.Resource == "" {
		cfg.Resource = cfg.Address.Resource()
	}
	if cfg.Resource != "" {
		r, err := domain.WithResource(cfg.Resource)
		if err != nil {
			return &ConfigError{"Resource", err.Error()}
		}
		cfg.Resource = r.Resource()
	}
	cfg.Address = cfg.Address.Bare()
	if cfg.Port < 0 || cfg.Port > 65535 {
		return &ConfigError{"Port", "it is not between 0 and 65535"}
	}
	if strings.ContainsAny(cfg.Host, " \t\r\n/@[]") || !utf8.ValidString(cfg.Host) {
		return &ConfigError{"Host", "it is not a host name or address"}
	}
	if _, err := netip.ParseAddr(cfg.Host); err != nil && strings.Contains(cfg.Host, ":") {
		return &ConfigError{"Host", "it contains a port, which belongs in Port"}
	}
	for _, m := range cfg.Mechanisms {
		if !slices.Contains(sasl.Names(), m) {
			return &ConfigError{"Mechanisms", fmt.Sprintf("%.64q is not one that is known here", m)}
		}
	}
	if xmlstream.ValidText(cfg.Language) >= 0 {
		return &ConfigError{"Language", "it has a character that can't stand in XML"}
	}
	if cfg.Host == "" && cfg.Port != 0 {
		return &ConfigError{"Port", "it is set without Host"}
	}
	if err := checkSecret("Password", cfg.Password); err != nil {
		return err
	}
	if err := cfg.checkTLS(); err != nil {
		return err
	}
	if cfg.ConnectTimeout <= 0 {
		cfg.ConnectTimeout = 30 * time.Second
	}
	if cfg.Silence == 0 {
		cfg.Silence = time.Minute
	}
	if cfg.RequestTimeout <= 0 {
		cfg.RequestTimeout = 30 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Store == nil {
		cfg.Store = NewMemoryStore()
	}
	return nil
}

func (cfg *ConnectionConfiguration) checkTLS() error {
	if cfg.Security < SecurityTLS || cfg.Security > SecurityPlaintext {
		return &ConfigError{"Security", "it is not one of the modes"}
	}
	if cfg.Security == SecurityDirectTLS && cfg.Host == "" {
		return &ConfigError{"Host", "Security names one kind of endpoint, and no Host is set"}
	}
	if cfg.TLS == nil {
		return nil
	}
	if n := cfg.TLS.ServerName; n != "" && !strings.EqualFold(n, cfg.Domain) && n != cfg.VerifyName {
		return &ConfigError{"TLS.ServerName", "it is not the account's domain; VerifyName is the way to say so"}
	}
	if cfg.TLS.InsecureSkipVerify && cfg.TLS.VerifyConnection == nil {
		return &ConfigError{"TLS.InsecureSkipVerify", "Security: SecurityUnverified is the way to say so"}
	}
	return nil
}

// checkSecret refuses what no mechanism can carry (RFC 4616 §2), without showing it.
func checkSecret(field string, s Secret) error {
	v := s.Reveal()
	if strings.ContainsRune(v, 0) {
		return &ConfigError{field, "it contains a NUL"}
	}
	if !utf8.ValidString(v) {
		return &ConfigError{field, "it is not UTF-8"}
	}
	return nil
}

// tlsConfig is what a handshake uses.
func (cfg *ConnectionConfiguration) tlsConfig(direct bool) (*tls.Config, error) {
	t := cfg.TLS.Clone()
	if t == nil {
		t = &tls.Config{}
	}
	name := cfg.VerifyName
	if name == "" {
		domain, err := jid.Parse(cfg.Domain)
		if err != nil {
			return nil, err
		}
		if name, err = domain.ASCIIDomain(); err != nil {
			return nil, err
		}
	}
	t.ServerName = name
	t.MinVersion = max(t.MinVersion, tls.VersionTLS12)
	t.NextProtos = nil
	if direct {
		t.NextProtos = []string{"xmpp-client"} // XEP-0368 §3
	}
	if cfg.Security == SecurityUnverified {
		t.InsecureSkipVerify = true
	}
	return t, nil
}

func (l Limits) internal() xmlstream.Limits {
	return xmlstream.Limits{StanzaBytes: l.StanzaBytes, Elements: l.Elements, Depth: l.Depth, Attributes: l.Attributes, StartTagBytes: l.StartTagBytes}
}

// endpoint is where Host, Port and Security point.
func (cfg *ConnectionConfiguration) endpoint() discover.Endpoint {
	port := cfg.Port
	if port == 0 {
		port = 5222
		if cfg.Security == SecurityDirectTLS {
			port = 5223
		}
	}
	direct := port == 443 || port == 5223
	switch cfg.Security {
	case SecurityDirectTLS:
		direct = true
	case SecurityStartTLS, SecurityPlaintext:
		direct = false
	}
	return discover.Endpoint{Host: cfg.Host, Port: uint16(port), DirectTLS: direct}
}

// accountOf makes an account of what Login got.
func (cfg *ConnectionConfiguration) accountOf(user string, password Secret) (account, error) {
	a := account{address: cfg.Address, password: password, ask: cfg.Credentials}
	if password != "" {
		a.ask = nil
	}
	if user == "" {
		if password == "" {
			a.password = cfg.Password
		}
		if a.address.IsZero() && !cfg.mechanism("ANONYMOUS") && !cfg.mechanism("EXTERNAL") {
			return a, &ConfigError{"user", "none was given, and the configuration has no Address"}
		}
	} else {
		if password == "" {
			a.password = cfg.Password
		}
		if !strings.Contains(user, "@") {
			user += "@" + cfg.Domain
		}
		address, err := jid.Parse(user)
		if err != nil {
			return a, &ConfigError{"user", err.Error()}
		}
		if address.Domain() != cfg.Domain {
			return a, &ConfigError{"user", "it is not an account of " + cfg.Domain}
		}
		if address.Local() == "" {
			return a, &ConfigError{"user", "it names no account"}
		}
		a.address, a.resource = address.Bare(), address.Resource()
	}
	if a.resource == "" {
		a.resource = cfg.Resource
	}
	return a, checkSecret("password", a.password)
}

func (cfg *ConnectionConfiguration) mechanism(name string) bool {
	return slices.Contains(cfg.Mechanisms, name)
}

var _ Dialer = (*net.Dialer)(nil)
