package xmpp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/sasl"
)

const askLimit = 30 * time.Second // for a credentials callback

// authenticate logs in, asking the credentials callback as often as it is to be asked. After
// not-authorized the same stream serves a second try (RFC 6120 §6.4.5).
func (c *Connection) authenticate(ctx context.Context, t *stream.Transport, a account, from jid.JID) error {
	password, err := c.ask(ctx, a, nil)
	if err != nil {
		return &stream.StepError{Name: "credentials", Err: err}
	}
	err = c.present(ctx, t, a, password, from)
	var refused *sasl.Failure
	if a.ask == nil || !errors.As(err, &refused) || refused.Condition != sasl.NotAuthorized {
		return err
	}
	second, askErr := c.ask(ctx, a, refused)
	if askErr != nil || second == password {
		return err
	}
	if again := c.present(ctx, t, a, second, from); again != nil {
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

// present authenticates with one password.
func (c *Connection) present(ctx context.Context, t *stream.Transport, a account, password Secret, from jid.JID) error {
	pinKey := c.cfg.Domain + "/pin"
	if !a.address.IsZero() {
		pinKey = a.address.String() + "/pin"
	}
	pinned, err := c.cfg.Store.Get(ctx, pinKey)
	if err != nil {
		return &stream.StepError{Name: "store", Err: err}
	}
	p := &sasl.Params{
		Username: a.address.Local(), Password: password, Host: c.cfg.Domain,
		Offered: t.Features.Mechanisms, OfferedBindings: t.Features.Bindings,
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
	m, err := sasl.Select(p, c.cfg.Mechanisms)
	if err != nil {
		return &stream.StepError{Name: "authenticate", Err: err}
	}
	c.log.Debug("authenticate", "mechanism", m.Name)
	err = c.bounded(ctx, func(ctx context.Context) error { return t.Authenticate(ctx, m, p, from) })
	if err != nil {
		return err
	}
	if after := p.Pin.After(m.Name); after != p.Pin {
		if err := c.cfg.Store.Put(ctx, pinKey, []byte(after)); err != nil {
			c.report(fmt.Errorf("storing that SCRAM was used: %w", err))
		}
	}
	return nil
}

// tickets is where TLS sessions wait for the next handshake.
func (c *Connection) tickets(t *tls.Config) tls.ClientSessionCache {
	if t.ClientSessionCache != nil {
		return t.ClientSessionCache
	}
	c.ticketsOnce.Do(func() { c.ticketCache = tls.NewLRUClientSessionCache(8) })
	return c.ticketCache
}
