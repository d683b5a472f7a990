package xmpp

import (
	"context"
	"errors"
	"fmt"

	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/stanza"
)

// login is the first login, or one after a failed one.
func (c *Connection) login(ctx context.Context, a account) error {
	ctx, done, err := c.begin(ctx, Disconnected, Connected)
	if err != nil {
		return err
	}
	defer done()
	c.mu.Lock()
	t, l := c.transport, c.candidates
	c.transport = nil
	c.account = a
	c.mu.Unlock()
	if t == nil {
		l = newCandidates(&c.cfg)
	}
	err = c.establish(ctx, t, l, a)
	if err != nil {
		c.mu.Lock()
		c.account, c.user = account{}, jid.JID{}
		c.setState(StateChange{State: Disconnected, Err: err})
		c.mu.Unlock()
	}
	return err
}

// establish brings the connection online: on t, if it isn't nil, else on the next
// endpoint that serves.
func (c *Connection) establish(ctx context.Context, t *stream.Transport, l *candidates, a account) error {
	waited := t != nil // since Connect: the server may have lost patience
	for {
		if t == nil {
			var err error
			if t, err = c.dial(ctx, l); err != nil {
				return err
			}
		}
		user, resumed, err := c.negotiate(ctx, t, a)
		if err == nil {
			return c.start(ctx, t, l, user, resumed)
		}
		_ = t.Close()
		t = nil
		l.fail(err)
		if ctx.Err() != nil {
			return l.error(context.Cause(ctx))
		}
		if waited && hungUp(err) {
			waited = false
			tried := l.tried
			l = newCandidates(&c.cfg)
			l.tried = tried
			continue
		}
		if !c.elsewhere(err, l) {
			return l.error(nil)
		}
	}
}

// hungUp tells whether the server had closed the connection before we said anything.
func hungUp(err error) bool {
	var broken *stream.StepError
	var ended *stanza.StreamError
	return errors.As(err, &broken) && broken.Name == "stream" && !errors.As(err, &ended) || errors.Is(err, stanza.StreamConnectionTimeout)
}

// elsewhere tells whether another endpoint may do better where one failed with err.
func (c *Connection) elsewhere(err error, l *candidates) bool {
	var refused *sasl.Failure
	if errors.As(err, &refused) {
		return refused.Condition == sasl.TemporaryAuthFailure && l.more()
	}
	var broken *stream.StepError
	if !errors.As(err, &broken) {
		return false
	}
	var ended *stanza.StreamError
	if errors.As(err, &ended) {
		if ended.Condition == stanza.StreamSeeOtherHost && c.cfg.Security != SecurityPlaintext && l.redirect(ended) {
			return true
		}
		if ended.Condition == stanza.StreamPolicyViolation {
			return false
		}
		return l.more()
	}
	// What happened before the credentials were used is the endpoint's own fault.
	return broken.Name == "stream" && l.more()
}

// negotiate opens the stream on a secured transport, authenticates and resumes the session or binds.
func (c *Connection) negotiate(ctx context.Context, t *stream.Transport, a account) (user jid.JID, resumed bool, err error) {
	from := a.address
	if !t.Secured() {
		from = jid.JID{} // RFC 6120 §4.7.1
	}
	if err := c.bounded(ctx, func(ctx context.Context) error { return t.Open(ctx, from) }); err != nil {
		return user, false, err
	}
	if err := c.authenticate(ctx, t, a, from); err != nil {
		return user, false, err
	}
	if user, resumed, err := c.resume(ctx, t); resumed || err != nil {
		return user, resumed, err
	}
	err = c.bounded(ctx, func(ctx context.Context) (err error) {
		user, err = t.Bind(ctx, a.resource)
		if err == nil && !a.address.IsZero() && user.Bare() != a.address {
			err = &stream.StepError{Name: "bind", Err: fmt.Errorf("the server bound %v to a login as %v", user, a.address)}
		}
		if err != nil || c.cfg.DisableStreamManagement || !t.Features.Manages() {
			return err
		}
		if err = t.Enable(ctx); err == nil {
			c.outbox.Manage()
		}
		return err
	})
	if err != nil {
		return user, false, err
	}
	return user, false, nil
}

// bounded runs one part of the negotiation within the configuration's limit.
func (c *Connection) bounded(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.cfg.ConnectTimeout, errSilent)
	defer cancel()
	return f(ctx)
}
