package xmpp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gosmack/xmpp/internal/sm"
	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/stanza"
)

// A Session is what an extension gets to know of a new session in Start and Online.
type Session struct {
	// Resumed: the session before goes on; only what the server has forgotten is to be sent.
	Resumed bool
	// Restored: it was another process that began the session which goes on. The server keeps what that told it, and nothing of it is known here.
	Restored bool
	// Features is the <stream:features/> that the server sent after authentication. With Bind 2 and for a session that is resumed within SASL2
	// nobody waits for them: then it is what the server sent the last time, if that is known.
	Features stanza.Element
	// Bound is the <bound/> of Bind 2 (XEP-0386); zero without it.
	Bound stanza.Element

	inlined []string
}

// Format shows nothing of what the server said: there are secrets in it.
func (s *Session) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "session (resumed: %t)", s.Resumed)
}

// Inlined tells whether the request of this namespace, which an extension's Inline returned, was made within Bind 2 and not
// refused: it need not be sent again. Most servers don't mention what they have done.
func (s *Session) Inlined(ns string) bool { return slices.Contains(s.inlined, ns) }

const startLimit = 30 * time.Second // for each extension's Start and Online

// setupKey marks the context of what a new session needs: its stanzas pass those of the
// application.
type setupKey struct{}

// start makes a bound transport the running session and sets it up: extensions and roster in
// one flight, then presence, then everything that waits.
func (c *Connection) start(ctx context.Context, t *stream.Transport, l *candidates, r *arrival) error {
	gate := make(chan struct{}) // closed when the session's Online was announced, or it has failed
	features := t.Features
	most := c.limit(features)
	c.mu.Lock()
	if c.state == Closed {
		c.mu.Unlock()
		_ = t.Close()
		return l.error(ErrClosed)
	}
	user := r.user.Clone() // kept for as long as the session
	c.user.Store(&user)
	if r.lasting {
		c.account.assigned = r.user.Bare()
	}
	resumed, first := r.resumed, c.sessions == 0
	// Nothing of this session reaches the application before its Online.
	if c.gates = append(c.gates, gate); c.stopped {
		c.open(gate)
	}
	c.app.Add(stream.Job{Do: func(context.Context) { <-gate }})
	if !resumed {
		// Behind what is left of the session before, ahead of what this one brings.
		again := c.sessions > 0
		c.onRouter(nil, func(context.Context) { c.reset(again) })
	}
	c.onRouter(nil, func(context.Context) { c.epoch.Add(1) }) // what came before belongs to the session before
	s := stream.Start(t, (*handler)(c), c.inbound, c.outbox, resumed)
	c.session = s
	c.maxBytes.Store(most)
	if !r.enabled.IsZero() {
		if e, err := sm.ParseEnabled(r.enabled); err == nil {
			c.enabled(e)
		}
	}
	c.mu.Unlock()

	info := &Session{Features: features.Element, Resumed: resumed, Restored: resumed && first, Bound: r.bound, inlined: r.inlined}
	stop := context.AfterFunc(ctx, func() { s.Abort(context.Cause(ctx)) })
	err := c.setUp(ctx, s, info)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		c.takenOver(ctx)
		c.expire()
		err = c.goOnline(s, gate, info)
	}
	if err != nil {
		c.mu.Lock()
		c.open(gate)
		c.mu.Unlock()
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

// reset is where one session's stanzas end and the next one's begin, on the router.
func (c *Connection) reset(again bool) {
	if again {
		c.roster.forgetPresence()
	}
	for _, x := range c.extensions {
		if x.Reset != nil {
			c.guard(x.Reset)
		}
	}
}

// setUp does what every new session needs before it is online.
func (c *Connection) setUp(ctx context.Context, s *stream.Session, info *Session) error {
	ctx, cancel := context.WithCancel(context.WithValue(ctx, setupKey{}, s))
	defer cancel()
	defer s.AfterFunc(cancel)()
	var wg sync.WaitGroup
	errs := make([]error, len(c.extensions))
	for i, x := range c.extensions {
		if x.Start == nil {
			continue
		}
		wg.Go(func() { errs[i] = c.runHook(ctx, x, "Start", x.Start, info) })
	}
	if !c.cfg.DisableRoster && (!info.Resumed || info.Restored) {
		if err := c.roster.load(ctx, s.RosterVer); err != nil {
			c.report(fmt.Errorf("roster: %w", err))
		}
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := s.Err(); err != nil {
		return err
	}
	if info.Resumed {
		c.settle(ctx) // what another process left of an older one
		if info.Restored {
			return c.presence.begin(ctx) // that of the other process may have been lost with it
		}
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

// open opens a gate before the application's goroutine, unless that was done. c.mu is held.
func (c *Connection) open(gate chan struct{}) {
	i := slices.Index(c.gates, gate)
	if i < 0 {
		return
	}
	close(gate)
	if c.gates = slices.Delete(c.gates, i, i+1); len(c.gates) == 0 {
		c.gates = nil
	}
}

// goOnline opens the outbox and announces the session; when that was heard, the gate is opened.
func (c *Connection) goOnline(s *stream.Session, gate chan struct{}, info *Session) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == Closed || c.shut != nil {
		return ErrClosed
	}
	if err := s.Err(); err != nil {
		return err
	}
	c.ready.Store(true)
	reset := c.sessions > 0 && !info.Resumed
	c.sessions++
	c.keep.complete = true
	c.outbox.Changed() // from here on it can be resumed
	c.setState(StateChange{State: Online, Resumed: info.Resumed, Reset: reset})
	if c.life.rests() {
		c.open(gate) // nobody had to be told
	} else {
		c.life.add(func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.open(gate)
		})
	}
	c.live, c.since = s, time.Now()
	c.candidates = nil // an idle connection keeps nothing of how it came about
	if c.online != nil {
		close(c.online)
		c.online = nil
	}
	c.outbox.Open()
	for _, x := range c.extensions {
		if x.Online != nil {
			go func() {
				ctx, cancel := context.WithCancel(c.ctx)
				defer cancel()
				defer s.AfterFunc(cancel)()
				if err := c.runHook(ctx, x, "Online", x.Online, info); err != nil {
					s.Abort(err)
				}
			}()
		}
	}
	return nil
}
