package xmpp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/stanza"
)

// The reconnection's waits: the first try comes anywhere within firstWait, so that a restarted
// server isn't stormed (RFC 6120 §3.3); then full jitter, doubling up to maxWait. A session that
// lasted for stableAfter starts afresh.
const (
	firstWait     = 10 * time.Second
	resumeWait    = 2 * time.Second // in place of firstWait where the session may be resumed
	maxWait       = 60 * time.Second
	stableAfter   = 60 * time.Second
	attemptLimit  = 2 * time.Minute  // for one try as a whole
	drainLimit    = 30 * time.Second // for callbacks to handle what came before the end
	shutdownLimit = 5 * time.Second
)

// handler is the Connection as its sessions see it.
type handler Connection

// Received takes a stanza from the reader.
func (h *handler) Received(it *stream.Item) { (*Connection)(h).received(it) }

// Report hears of a stanza that was no good.
func (h *handler) Report(err error) { (*Connection)(h).report(err) }

// Ended is told that a session is over.
func (h *handler) Ended(s *stream.Session, err error) {
	c := (*Connection)(h)
	err = cause(err)
	c.mu.Lock()
	keep := c.resumable(err)
	c.mu.Unlock()
	c.outbox.Detach(keep, &unsentError{err})
	if !keep {
		c.lose(0, false, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == s {
		c.session = nil
	}
	if c.live != s {
		return // the login that made it knows
	}
	c.live = nil
	c.online = make(chan struct{})
	if c.state == Closed || c.shut != nil {
		return
	}
	if c.cfg.DisableReconnection || terminal(err, true) {
		c.expiring = true
		c.ready.Store(false)
		go c.expire(err)
		return
	}
	c.setState(StateChange{State: Reconnecting, Err: err})
	go c.reconnect(time.Since(c.since))
}

// cause gives the end of a session its public name.
func cause(err error) error {
	var ended *stanza.StreamError
	switch {
	case errors.As(err, &ended) && ended.Condition == stanza.StreamConflict:
		return fmt.Errorf("%w: %w", ErrReplaced, err)
	case err == io.EOF:
		return errEnded
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errCut
	}
	return err
}

var (
	errEnded = errors.New("xmpp: the server ended the stream")
	errCut   = errors.New("xmpp: the connection broke off")
)

// terminal tells whether trying again is pointless or harmful. bound means that the session was
// established.
func terminal(err error, bound bool) bool {
	if errors.Is(err, ErrReplaced) || errors.Is(err, sasl.ErrDowngrade) {
		return true
	}
	// Of several endpoints the last one decides: what came before it was a reason to try on.
	var tried *ConnectError
	if errors.As(err, &tried) && tried.Err == nil && len(tried.Attempts) > 0 {
		last := tried.Attempts[len(tried.Attempts)-1]
		bound = bound || last.Step == "start"
		err = last.Err
	}
	var refused *sasl.Failure
	if errors.As(err, &refused) {
		switch refused.Condition {
		case sasl.NotAuthorized, sasl.AccountDisabled, sasl.CredentialsExpired:
			return true
		}
	}
	var ended *stanza.StreamError
	if !bound && errors.As(err, &ended) {
		return ended.Condition == stanza.StreamHostUnknown || ended.Condition == stanza.StreamPolicyViolation
	}
	return false
}

// reconnect brings the connection online again, or closes it where that is pointless.
func (c *Connection) reconnect(lasted time.Duration) {
	select {
	case <-c.hint: // of a change while we were online
	default:
	}
	limit := firstWait
	c.mu.Lock()
	if c.keep.id != "" {
		limit = resumeWait
	}
	c.mu.Unlock()
	if lasted < stableAfter && c.tries > 0 {
		limit = min(limit<<min(c.tries, 8), maxWait)
	} else {
		c.tries = 0
	}
	for {
		c.tries++
		if !c.pause(rand.N(limit)) {
			return
		}
		c.mu.Lock()
		a := c.account
		c.mu.Unlock()
		ctx, cancel := context.WithTimeout(c.ctx, attemptLimit)
		err := c.establish(ctx, nil, newCandidates(&c.cfg), a)
		cancel()
		if err == nil {
			return
		}
		if terminal(err, false) {
			c.closeWith(err)
			return
		}
		c.log.Info("reconnecting failed", "try", c.tries, "error", err)
		limit = min(2*limit, maxWait)
	}
}

// pause waits for d, or until the network has changed; false: the connection is closed.
func (c *Connection) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.hint:
	case <-c.done:
		return false
	}
	return c.ctx.Err() == nil
}

// A shutdown is one Shutdown under way; all callers share its result.
type shutdown struct {
	done chan struct{}
	err  error
}

// Close ends the connection: it writes what was accepted for sending and ends the stream, for at
// most a second, waits for nobody and may be called from any callback, more than once. What was
// not written by then fails with ErrClosed and is told to OnError. It returns nil.
func (c *Connection) Close() error {
	c.closeWith(ErrClosed)
	return nil
}

// Shutdown ends the connection in order: it hands out no new stanzas, lets the running callback
// end (unless it is called from it), refuses new sends, writes what waits, ends the stream and
// waits for the server to do the same, all within ctx, or 5 s if ctx has no deadline. The
// connection is closed when it returns. The error is a *ShutdownError if something could not be
// sent, and ErrUnknownOutcome if the server never ended the stream, for only that shows that it
// has read all of ours. Concurrent calls share one shutdown and its result; from a callback while
// another is under way it returns nil at once.
func (c *Connection) Shutdown(ctx context.Context) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, shutdownLimit)
		defer cancel()
	}
	c.mu.Lock()
	if c.shut != nil || c.state == Closed {
		sd := c.shut
		c.mu.Unlock()
		if sd == nil || c.app.Runs(ctx) {
			return nil // a callback that waited for the shutdown would wait for itself
		}
		select {
		case <-sd.done:
			return sd.err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	sd := &shutdown{done: make(chan struct{})}
	c.shut = sd
	c.stop()
	s := c.live
	c.mu.Unlock()
	defer close(sd.done)
	fromCallback := c.app.Runs(ctx)
	c.app.Stop()
	if !fromCallback {
		c.idle(ctx)
	}
	c.outbox.Refuse(ErrClosed)
	if s != nil {
		c.outbox.Drain(ctx, s.Context().Done())
	}
	var unheard error
	if s != nil && !s.Shutdown(ctx, ErrClosed) {
		unheard = lost(errors.New("the server did not end the stream, so what was written last may not have arrived"))
	}
	if unsent, unknown := c.closeWith(ErrClosed); len(unsent)+len(unknown) > 0 {
		unheard = errors.Join(&ShutdownError{Unsent: unsent, Unacknowledged: unknown}, unheard)
	}
	sd.err = unheard
	return sd.err
}

// idle waits for the running callback, and leaves a quarter of ctx's time for what comes behind.
func (c *Connection) idle(ctx context.Context) {
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(end)*3/4)
		defer cancel()
	}
	c.app.Idle(ctx)
}

// expire closes the connection because of err, which nobody asked for: what was received is
// handled first.
func (c *Connection) expire(err error) {
	ctx, cancel := context.WithTimeout(c.ctx, drainLimit)
	defer cancel()
	if !c.inbound.Drained(ctx, c.stopping) {
		n, _ := c.inbound.Pending()
		c.report(fmt.Errorf("%d stanzas were received and not handled when the connection ended: %w", n, err))
	}
	c.closeWith(err)
}

// stop lets a login that is under way end. c.mu is held.
func (c *Connection) stop() {
	select {
	case <-c.stopping:
	default:
		close(c.stopping)
	}
}

// closeWith closes the connection for good and returns the application's stanzas that were left: those that were not
// sent, and those that were and that the server has not acknowledged.
func (c *Connection) closeWith(err error) (unsent, unknown []stanza.Stanza) {
	c.mu.Lock()
	if c.state == Closed {
		c.mu.Unlock()
		return nil, nil
	}
	c.stop()
	c.err = err
	c.setState(StateChange{State: Closed, Err: err})
	s, t := c.session, c.transport
	c.transport = nil
	c.user = jid.JID{}
	c.mu.Unlock()
	c.outbox.Refuse(ErrClosed)
	if s != nil {
		s.Close(err)
	}
	entries := c.outbox.Close(&unsentError{ErrClosed})
	for i := range entries {
		if _, told := entries[i].Done.(*stream.Request); !told {
			unsent = append(unsent, reread(entries[i].Data)...)
		}
	}
	c.lose(0, false, ErrClosed)
	c.mu.Lock()
	remnants := c.remnants
	c.remnants = nil
	c.mu.Unlock()
	for _, r := range remnants {
		r.fail(ErrClosed)
		if !r.Keep {
			continue
		}
		if r.certain {
			unsent = append(unsent, reread(r.Data)...)
		} else {
			unknown = append(unknown, reread(r.Data)...)
		}
	}
	if t != nil {
		_ = t.Close()
	}
	c.cancel(err)
	c.app.Stop()
	c.router.Stop()
	for _, x := range c.extensions {
		if x.Closed != nil {
			c.guard(func() { x.Closed(err) })
		}
	}
	close(c.done)
	return unsent, unknown
}

// reread makes a stanza of its bytes, which stand in a stream whose default namespace is
// jabber:client.
func reread(data []byte) []stanza.Stanza {
	e, err := stanza.Parse("<stream xmlns='" + stanza.NS + "'>" + string(data) + "</stream>")
	if err != nil {
		return nil
	}
	s, err := stanza.FromElement(e.First())
	if err != nil {
		return nil // a nonza
	}
	return []stanza.Stanza{s}
}

// Terminal tells whether err, of a Connect, Login or Run, will not go away by itself: a wrong
// password, an account or host that does not exist, a certificate that doesn't verify.
func Terminal(err error) bool {
	var cert *tls.CertificateVerificationError
	return errors.As(err, &cert) || terminal(err, false)
}
