package xmpp

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gosmack/xmpp/internal/discover"
	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/sasl"
)

// A ConfigError names the field of the configuration, or the argument, that can't be used.
type ConfigError struct {
	Field  string
	Reason string
}

func (e *ConfigError) Error() string { return "xmpp: " + e.Field + ": " + e.Reason }

// SafeToRetry is true: nothing was sent.
func (e *ConfigError) SafeToRetry() bool { return true }

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
		cfg.Logger = silent
	}
	if cfg.Durable && cfg.Store == nil {
		return &ConfigError{"Durable", "there is no Store that outlives the process"}
	}
	return nil
}

var silent = slog.New(slog.DiscardHandler)

// streams is what every stream of the connection needs to know.
func (cfg *ConnectionConfiguration) streams(s *stream.Config) error {
	domain, err := jid.Parse(cfg.Domain)
	if err != nil {
		return &ConfigError{"Domain", err.Error()}
	}
	*s = stream.Config{Domain: domain, Lang: cfg.Language, Limits: cfg.Limits.internal(), Silence: max(cfg.Silence, 0)}
	if hook := cfg.Trace; hook != nil {
		s.Tracer = &stream.Tracer{Hook: func(out bool, data []byte) { hook(TraceEvent{out, data}) }}
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
	t.DynamicRecordSizingDisabled = true // or records would end within stanzas
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
	a := account{address: cfg.Address, password: password, ask: cfg.Credentials, typed: password != ""}
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
		if a.address.IsZero() && cfg.Durable {
			return a, &ConfigError{"Durable", "without an Address nobody could come back for what is kept"}
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
