package xmpp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/sasl"
)

const askLimit = 30 * time.Second // for a credentials callback

// authenticate logs in by present, asking the credentials callback as often as it is to be asked. After
// not-authorized the same stream serves a second try (RFC 6120 §6.4.5).
func (c *Connection) authenticate(ctx context.Context, a account, present func(context.Context, Secret) error) error {
	password, err := c.ask(ctx, a, nil)
	if err != nil {
		return &stream.StepError{Name: "credentials", Err: err}
	}
	err = present(ctx, password)
	var refused *sasl.Failure
	if a.ask == nil || !errors.As(err, &refused) || refused.Condition != sasl.NotAuthorized {
		return err
	}
	second, askErr := c.ask(ctx, a, refused)
	if askErr != nil || second == password {
		return err
	}
	if again := present(ctx, second); again != nil {
		var named *sasl.Failure
		if errors.As(again, &named) {
			return again
		}
		// A server that hangs up after its refusal has refused all the same.
		return &stream.StepError{Name: "authenticate", Err: errors.Join(refused, again)}
	}
	return nil
}

func (c *Connection) ask(ctx context.Context, a account, failure *sasl.Failure) (Secret, error) {
	if a.ask == nil {
		return a.password, nil
	}
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	s, err := a.ask(ctx, CredentialsRequest{Address: a.address, Failure: failure})
	if err == nil {
		err = checkSecret("credentials", s)
	}
	return s, err
}

// params is what a mechanism may use, but for what the server offers.
func (c *Connection) params(ctx context.Context, t *stream.Transport, a account, password Secret) (*sasl.Params, error) {
	pinned, err := c.storeOf(a).Get(ctx, pinKey(a))
	if err != nil {
		return nil, &stream.StepError{Name: "store", Err: err}
	}
	p := &sasl.Params{
		Username: a.address.Local(), Password: password, Host: c.cfg.Domain,
		Keys: c.keys, StrictBinding: c.cfg.RequireChannelBinding, Pin: sasl.Pin(pinned),
		AllowPlain: t.Secured() && c.cfg.Security != SecurityUnverified || !t.Secured() && c.cfg.AllowPlainInClear,
	}
	switch {
	case len(c.cfg.Mechanisms) == 1 && c.cfg.mechanism("OAUTHBEARER"):
		p.Token, p.Password = password, ""
	case c.cfg.mechanism("OAUTHBEARER"):
		p.Token = c.cfg.Token
	}
	if cs := t.TLS(); cs != nil {
		p.Bindings, p.TLSVersion = sasl.TLSBindings(cs), cs.Version
	}
	return p, nil
}

func pinKey(a account) string { return a.address.String() + "/pin" }

// pin remembers that a mechanism was used, if it is one to hold on to.
func (c *Connection) pin(ctx context.Context, a account, p *sasl.Params, mechanism string) {
	if after := p.Pin.After(mechanism); after != p.Pin {
		if err := c.storeOf(a).Put(ctx, pinKey(a), []byte(after)); err != nil {
			c.report(fmt.Errorf("storing that SCRAM was used: %w", err))
		}
	}
}

// present authenticates with one password (RFC 6120 §6).
func (n *negotiation) present(ctx context.Context, password Secret) error {
	p, err := n.params(ctx, n.t, n.a, password)
	if err != nil {
		return err
	}
	p.Offered, p.OfferedBindings = n.t.Features.Mechanisms, n.t.Features.Bindings
	m, err := sasl.Select(p, n.cfg.Mechanisms)
	if err != nil {
		return &stream.StepError{Name: "authenticate", Err: err}
	}
	n.log.Debug("authenticate", "mechanism", m.Name)
	err = n.bounded(ctx, func(ctx context.Context) error { return n.t.Authenticate(ctx, m, p, n.from) })
	if err != nil {
		return err
	}
	n.pin(ctx, n.a, p, m.Name)
	n.anonymous = m.Name == "ANONYMOUS"
	return nil
}

// tickets is where TLS sessions wait for the next handshake.
func (c *Connection) tickets(t *tls.Config) tls.ClientSessionCache {
	if t.ClientSessionCache != nil {
		return t.ClientSessionCache
	}
	c.ticket.mu.Lock()
	c.ticket.clock = t.Time
	c.ticket.mu.Unlock()
	return &c.ticket
}
