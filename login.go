package xmpp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/stanza"
)

const (
	askLimit   = 30 * time.Second // for a credentials callback
	startLimit = 30 * time.Second // for each extension's Start and Online
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
		if user, err = t.Bind(ctx, a.resource); err != nil || !c.cfg.StreamManagement || !t.Features.Manages() {
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
	if !a.address.IsZero() && user.Bare() != a.address {
		return user, false, &stream.StepError{Name: "bind", Err: fmt.Errorf("the server bound %v to a login as %v", user, a.address)}
	}
	return user, false, nil
}

// bounded runs one part of the negotiation within the configuration's limit.
func (c *Connection) bounded(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.cfg.ConnectTimeout, errSilent)
	defer cancel()
	return f(ctx)
}

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

// A Session is what an extension gets to know of a new session in Start and Online.
type Session struct {
	// Resumed: the session before goes on; only what the server has forgotten is to be sent.
	Resumed bool
	// Features is the <stream:features/> that the server sent after authentication.
	Features stanza.Element
	// Bound is the <bound/> of Bind 2 (XEP-0386); zero without it.
	Bound stanza.Element
}

// Inlined tells whether the request of this namespace was answered within Bind 2 and
// need not be sent again.
func (s *Session) Inlined(ns string) bool {
	for e := range s.Bound.Children() {
		if e.Space() == ns {
			return true
		}
	}
	return false
}

// setupKey marks the context of what a new session needs: its stanzas pass those of the
// application.
type setupKey struct{}

// start makes a bound transport the running session and sets it up: extensions and roster in
// one flight, then presence, then everything that waits.
func (c *Connection) start(ctx context.Context, t *stream.Transport, l *candidates, user jid.JID, resumed bool) error {
	opened := make(chan struct{}) // closed when the session's Online was announced, or it has failed
	c.mu.Lock()
	if c.state == Closed {
		c.mu.Unlock()
		_ = t.Close()
		return l.error(ErrClosed)
	}
	c.user = user
	features := t.Features
	// Nothing of this session reaches the application before its Online.
	c.app.Add(stream.Job{Do: func(context.Context) {
		select {
		case <-opened:
		case <-c.stopping:
		}
	}})
	if c.sessions > 0 && !resumed {
		// Behind what is left of the session before, ahead of what this one brings.
		c.router.Add(stream.Job{Do: func(context.Context) { c.roster.forgetPresence() }})
	}
	s := stream.Start(t, (*handler)(c), c.inbound, c.outbox, resumed)
	c.session = s
	c.maxBytes.Store(int64(features.MaxBytes))
	c.mu.Unlock()

	stop := context.AfterFunc(ctx, func() { s.Abort(context.Cause(ctx)) })
	err := c.setUp(ctx, s, &Session{Features: features.Element, Resumed: resumed})
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		err = c.goOnline(s, opened, resumed)
	}
	if err != nil {
		close(opened)
		if ended := s.Err(); ended != nil {
			err = cause(ended) // all else follows from it
		}
		s.Abort(err)
		<-s.Gone()
		l.fail(&stream.StepError{Name: "start", Err: err})
		return l.error(nil)
	}
	if err := c.presence.catchUp(ctx); err != nil {
		c.report(fmt.Errorf("presence that was set during the login: %w", err))
	}
	return nil
}

// setUp does what every new session needs before it is online.
func (c *Connection) setUp(ctx context.Context, s *stream.Session, info *Session) error {
	ctx, cancel := context.WithCancel(context.WithValue(ctx, setupKey{}, s))
	defer cancel()
	defer context.AfterFunc(s.Context(), cancel)()
	var wg sync.WaitGroup
	errs := make([]error, len(c.extensions))
	for i, x := range c.extensions {
		if x.Start == nil {
			continue
		}
		wg.Go(func() { errs[i] = c.runHook(ctx, x, "Start", x.Start, info) })
	}
	if !c.cfg.DisableRoster && !info.Resumed {
		wg.Go(func() {
			if err := c.roster.load(ctx, s.Features.RosterVer); err != nil {
				c.report(fmt.Errorf("roster: %w", err))
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := s.Err(); err != nil {
		return err
	}
	if info.Resumed {
		return c.presence.goOn(ctx, s)
	}
	if err := c.presence.begin(ctx); err != nil {
		return err
	}
	c.settle(ctx)
	return s.Err()
}

// runHook runs an extension's Start or Online: its error is reported, and returned if the
// extension is required.
func (c *Connection) runHook(ctx context.Context, x Extension, step string, f func(context.Context, *Session) error, info *Session) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	var err error
	c.guard(func() { err = f(ctx, info) })
	if err == nil {
		return nil
	}
	err = fmt.Errorf("extension %s: %s: %w", x.Name, step, err)
	if x.Required {
		return err
	}
	c.report(err)
	return nil
}

// goOnline opens the outbox and announces the session; when that was heard, opened is closed.
func (c *Connection) goOnline(s *stream.Session, opened chan struct{}, resumed bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == Closed || c.shut != nil {
		return ErrClosed
	}
	if err := s.Err(); err != nil {
		return err
	}
	c.ready.Store(true)
	reset := c.sessions > 0 && !resumed
	c.sessions++
	c.keep.complete = true
	c.setState(StateChange{State: Online, Resumed: resumed, Reset: reset})
	c.states.line.Add(stream.Job{Do: func(context.Context) { close(opened) }})
	c.live, c.since = s, time.Now()
	close(c.online)
	c.outbox.Open()
	info := &Session{Features: s.Features.Element, Resumed: resumed}
	for _, x := range c.extensions {
		if x.Online != nil {
			go func() {
				ctx, cancel := context.WithCancel(c.ctx)
				defer cancel()
				defer context.AfterFunc(s.Context(), cancel)()
				if err := c.runHook(ctx, x, "Online", x.Online, info); err != nil {
					s.Abort(err)
				}
			}()
		}
	}
	return nil
}
