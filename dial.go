package xmpp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"time"

	"github.com/gosmack/xmpp/internal/discover"
	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// Proxy returns a Dialer that connects through the proxy at u: socks5://, or http:// and https://
// with CONNECT, each with user:password where the proxy asks. Host names are resolved by the
// proxy. The proxy itself is dialed with forward; nil is a net.Dialer.
func Proxy(u *url.URL, forward Dialer) (Dialer, error) {
	if u == nil {
		return nil, &ConfigError{"proxy", "it is nil"}
	}
	return discover.Proxy(u, forward)
}

// maxHops bounds how often a server may send us elsewhere (RFC 6120 §4.9.3.19).
const maxHops = 5

// candidates is where one login may connect, and what was tried. One goroutine uses it.
type candidates struct {
	cfg      *ConnectionConfiguration
	resolved bool
	left     []discover.Endpoint
	tried    []Attempt
	current  discover.Endpoint
	hops     int
	only     *discover.Endpoint // where the server sent us: tried before the rest

	announced bool // only is, or current was, announced for the session (XEP-0198 §5)
}

func newCandidates(cfg *ConnectionConfiguration) *candidates { return &candidates{cfg: cfg} }

// fail records that the current endpoint did not serve.
func (l *candidates) fail(err error) {
	step := "stream"
	var at interface{ Step() string }
	if errors.As(err, &at) {
		step = at.Step()
	}
	var named *stream.StepError
	if errors.As(err, &named) && err == error(named) {
		err = named.Err
	}
	l.tried = append(l.tried, Attempt{Endpoint: l.current.Address(), DirectTLS: l.current.DirectTLS, Step: step, Err: err})
}

func (l *candidates) error(err error) *ConnectError {
	return &ConnectError{Domain: l.cfg.Domain, Attempts: l.tried, Err: err}
}

// more tells whether there is another endpoint to try.
func (l *candidates) more() bool { return l.only != nil || !l.resolved || len(l.left) > 0 }

// redirect puts the host that the server named first in the list, under the same policy.
func (l *candidates) redirect(e *stanza.StreamError) bool {
	if l.hops++; l.hops > maxHops {
		return false
	}
	at, ok := redirected(e.Host, l.current)
	if ok {
		l.only = &at
	}
	return ok
}

// dial opens and secures a transport to the next endpoint that answers.
func (c *Connection) dial(ctx context.Context, l *candidates) (*stream.Transport, error) {
	c.mu.Lock()
	c.candidates = l
	if c.state == Disconnected || c.state == Connected {
		c.setState(StateChange{State: Connecting})
	}
	c.mu.Unlock()
	for {
		var list []discover.Endpoint
		if l.only != nil {
			list = []discover.Endpoint{*l.only}
		} else {
			l.announced = false
			if err := l.resolve(ctx); err != nil {
				return nil, l.error(err)
			}
			list = l.left
		}
		if len(list) == 0 {
			return nil, l.error(nil)
		}
		t, err := c.race(ctx, l, list)
		if err == nil {
			return t, nil
		}
		if ctx.Err() != nil {
			return nil, l.error(context.Cause(ctx))
		}
	}
}

// race takes the first of the list that can be secured; those tried are off the list of candidates.
func (c *Connection) race(ctx context.Context, l *candidates, list []discover.Endpoint) (*stream.Transport, error) {
	dialer, resolver := l.network()
	t, at, tried, err := discover.Race(ctx, list, resolver, patient{dialer, c.cfg.ConnectTimeout}, c.secure, func(t *stream.Transport) { _ = t.Close() })
	l.tried = append(l.tried, attempts(tried)...)
	if l.only != nil {
		l.only = nil
	} else if err != nil {
		l.left = nil
	}
	if err != nil {
		return nil, err
	}
	l.current = at
	l.left = slices.DeleteFunc(l.left, func(e discover.Endpoint) bool { return e == at })
	c.log.Debug("transport", "endpoint", at.String(), "tls", t.Secured())
	return t, nil
}

// A patient dialer waits no longer than it may.
type patient struct {
	Dialer
	limit time.Duration
}

// DialContext bounds the dialer's.
func (d patient) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, d.limit, errSilent)
	defer cancel()
	conn, err := d.Dialer.DialContext(ctx, network, address)
	if err != nil && errors.Is(context.Cause(ctx), errSilent) {
		err = errSilent
	}
	return conn, err
}

// resolve fills in the list, once.
func (l *candidates) resolve(ctx context.Context) error {
	if l.resolved {
		return nil
	}
	if l.cfg.Host != "" {
		l.left = []discover.Endpoint{l.cfg.endpoint()}
		l.resolved = true
		return nil
	}
	domain, err := jid.Parse(l.cfg.Domain)
	if err != nil {
		return err
	}
	name, err := domain.ASCIIDomain()
	if err != nil {
		return err
	}
	_, resolver := l.network()
	if resolver == nil {
		resolver = net.DefaultResolver // SRV can't be left to a proxy
		if l.cfg.Resolver != nil {
			resolver = l.cfg.Resolver
		}
	}
	limited, cancel := context.WithTimeoutCause(ctx, l.cfg.ConnectTimeout, errSilent)
	defer cancel()
	all, err := discover.Lookup(limited, resolver, name)
	if err != nil {
		l.tried = append(l.tried, Attempt{Endpoint: l.cfg.Domain, Step: discover.StepResolve, Err: err})
	}
	if len(all) == 0 {
		return context.Cause(ctx)
	}
	l.left = l.allowed(all)
	l.resolved = true
	return nil
}

// allowed keeps the endpoints that the Security mode admits.
func (l *candidates) allowed(all []discover.Endpoint) []discover.Endpoint {
	return slices.DeleteFunc(all, func(e discover.Endpoint) bool {
		return e.DirectTLS && (l.cfg.Security == SecurityStartTLS || l.cfg.Security == SecurityPlaintext)
	})
}

// network is the dialer, and the resolver that goes with it: none where the dialer is the user's
// own.
func (l *candidates) network() (Dialer, Resolver) {
	if l.cfg.Dialer != nil {
		return l.cfg.Dialer, nil
	}
	if l.cfg.Resolver != nil {
		return &net.Dialer{}, l.cfg.Resolver
	}
	return &net.Dialer{}, net.DefaultResolver
}

// secure brings a fresh TCP connection to where a login may begin.
func (c *Connection) secure(ctx context.Context, conn net.Conn, at discover.Endpoint) (*stream.Transport, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.cfg.ConnectTimeout, errSilent)
	defer cancel()
	t := stream.NewTransport(conn, c.streams)
	if c.cfg.Security == SecurityPlaintext {
		return t, nil
	}
	tc, err := c.cfg.tlsConfig(at.DirectTLS)
	if err != nil {
		return nil, err
	}
	tc.ClientSessionCache = c.tickets(tc)
	if at.DirectTLS {
		return t, t.SecureTLS(ctx, tc)
	}
	return t, t.StartTLS(ctx, tc)
}

var errSilent = fmt.Errorf("the server does not answer: %w", ErrTimeout)
