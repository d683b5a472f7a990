package xmpp

import (
	"context"
	"errors"
	"fmt"
	"time"

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
	if err := c.claim(a); err != nil {
		return err
	}
	c.mu.Lock()
	t, l := c.transport, c.candidates
	c.transport = nil
	c.account = a
	before, inherited := c.owner, !c.inherited.IsZero()
	c.owner, c.nameless = a.address, a.address.IsZero()
	c.account.typed = false // later a token may stand for the password
	c.mu.Unlock()
	if (before != a.address || a.address.IsZero()) && !inherited { // else the store has it, and restore leaves it there
		c.disown()
	}
	if err = c.restore(ctx, a); err == nil {
		if t == nil {
			l = c.where()
		}
		err = c.establish(ctx, t, l, a)
	} else if t != nil {
		_ = t.Close()
	}
	if err != nil {
		c.release()
		c.mu.Lock()
		c.account = account{}
		c.user.Store(nil)
		c.setState(StateChange{State: Disconnected, Err: err})
		c.mu.Unlock()
	}
	return err
}

// disown ends what was accepted for the account of an earlier login that failed: it is nobody else's to send (S177). Without an address
// nobody knows who that was, or who comes.
func (c *Connection) disown() {
	c.mu.Lock()
	all := c.remnants
	c.remnants = nil
	c.mu.Unlock()
	for _, e := range c.outbox.Expire(func(*stream.Entry) bool { return true }) {
		all = append(all, remnant{Entry: e, certain: !e.Maybe})
	}
	for i := range all {
		all[i].fail(ErrAccountChanged)
	}
}

// establish brings the connection online: on t, if it isn't nil, else on the next
// endpoint that serves.
func (c *Connection) establish(ctx context.Context, t *stream.Transport, l *candidates, a account) error {
	waited := t != nil // since Connect: the server may have lost patience
	again := false     // once, because a guess was wrong
	for {
		if t == nil {
			var err error
			if t, err = c.dial(ctx, l); err != nil {
				return err
			}
		}
		r, err := c.negotiate(ctx, t, a)
		if err == nil {
			return c.start(ctx, t, l, r)
		}
		_ = t.Close()
		t = nil
		l.fail(err)
		if ctx.Err() != nil {
			return l.error(context.Cause(ctx))
		}
		if waited && hungUp(err) || !again && errors.As(err, new(*guessError)) {
			waited, again = false, true
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
	return (broken.Name == "stream" || l.announced && !terminal(err, false)) && l.more()
}

// An arrival is how a negotiation ended well.
type arrival struct {
	user    jid.JID
	lasting bool // it is by the server's choice that this is us, and has to stay so
	resumed bool
	bound   stanza.Element // <bound/> of Bind 2; zero without it
	inlined []string       // the namespaces of what was asked for within it and not refused
	enabled stanza.Element // <enabled/> within it
}

// negotiate opens the stream on a secured transport, authenticates and resumes the session or binds: by SASL2 (XEP-0388) where the server has it,
// else as RFC 6120 has it.
func (c *Connection) negotiate(ctx context.Context, t *stream.Transport, a account) (*arrival, error) {
	n := &negotiation{Connection: c, t: t, a: a, from: a.address}
	defer n.patience.end()
	if !t.Secured() {
		n.from = jid.JID{} // RFC 6120 §4.7.1
	}
	guess, err := n.open(ctx)
	if err != nil {
		return nil, err
	}
	if n.modern() && len(n.offer.SASL2.Mechanisms) > 0 {
		if r, err := n.sasl2(ctx, guess); r != nil || err != nil {
			return r, err
		}
	} else if guess != nil {
		return nil, n.wrong(ctx, &stream.StepError{Name: "stream", Err: errors.New("the server no longer offers SASL2")})
	}
	if err := c.authenticate(ctx, a, n.present); err != nil {
		return nil, err
	}
	if user, resumed, err := c.resume(ctx, t); resumed || err != nil {
		return &arrival{user: user, resumed: resumed}, err
	}
	return n.bind(ctx)
}

// open opens the stream, with an attempt of SASL2 in the same flight where the server is known.
func (n *negotiation) open(ctx context.Context) (guess *attempt, err error) {
	var early *stream.Attempt
	if n.modern() {
		n.known = n.recall(ctx, n.a)
		if guess = n.guessAttempt(ctx); guess != nil {
			early = &guess.Attempt
		}
	}
	err = n.bounded(ctx, func(ctx context.Context) error { return n.t.OpenWith(ctx, n.from, early) })
	if err != nil && guess != nil && repelled(err) {
		err = n.wrong(ctx, err)
	}
	n.offer = *n.t.Features
	return guess, err
}

// bind binds a resource (RFC 6120 §7) and asks the server to keep the session.
func (n *negotiation) bind(ctx context.Context) (*arrival, error) {
	r := &arrival{lasting: n.a.address.IsZero() && !n.anonymous}
	err := n.bounded(ctx, func(ctx context.Context) (err error) {
		if r.user, err = n.t.Bind(ctx, n.a.resource); err == nil {
			err = n.identify(r.user)
		}
		if err != nil || n.cfg.DisableStreamManagement || !n.t.Features.Manages() {
			return err
		}
		if err = n.t.Enable(ctx, !n.cfg.DisableReconnection); err == nil {
			n.outbox.Manage()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// identify holds the address that the server bound against who logged in. Where the server says who that is (EXTERNAL without an address,
// RFC 4422 appendix A.1) it has to say the same each time. With ANONYMOUS it is somebody new each time (XEP-0175).
func (n *negotiation) identify(user jid.JID) error {
	want := n.a.address
	if want.IsZero() {
		want = n.a.assigned
	}
	if user.Domain() == n.cfg.Domain && (want.IsZero() || user.Bare() == want) {
		return nil
	}
	return &stream.StepError{Name: "bind", Err: fmt.Errorf("%w: it bound %v to a login as %v", ErrWrongAccount, user, want)}
}

// bounded is the connection's, with a context and a timer that all parts of the negotiation share.
func (n *negotiation) bounded(ctx context.Context, f func(context.Context) error) error {
	return n.patience.run(ctx, n.cfg.ConnectTimeout, f)
}

// A patience bounds one part after another: each has the limit anew. A part that takes longer is the last.
type patience struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

func (p *patience) run(ctx context.Context, limit time.Duration, f func(context.Context) error) error {
	if p.ctx == nil {
		p.ctx, p.cancel = context.WithCancelCause(ctx)
		p.timer = time.AfterFunc(limit, func() { p.cancel(errSilent) })
	} else {
		p.timer.Reset(limit)
	}
	defer p.timer.Stop()
	return f(p.ctx)
}

func (p *patience) end() {
	if p.ctx != nil {
		p.cancel(nil)
	}
}

// bounded runs one part of the negotiation within the configuration's limit.
func (c *Connection) bounded(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.cfg.ConnectTimeout, errSilent)
	defer cancel()
	return f(ctx)
}
