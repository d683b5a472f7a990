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

	// A session is resumed no sooner than this after it broke off (oldRead).
	oldReadAfter = 250 * time.Millisecond
)

// handler is the Connection as its sessions see it.
type handler Connection

// Received takes a stanza from the reader.
func (h *handler) Received(it *stream.Item) { (*Connection)(h).received(it) }

// Flush hears that the reader turns to its source.
func (h *handler) Flush() { h.router.Flush() }

// Lull hears that the reader waits.
func (h *handler) Lull() {
	h.router.Flush()
	h.router.Lull()
	h.inbound.Rest()
}

// Report hears of a stanza that was no good.
func (h *handler) Report(err error) {
	h.router.Flush() // OnError may take its time
	(*Connection)(h).report(err)
}

// Outstanding, Slow, Owe, Pausing and Busy are for the Inbound.
func (h *handler) Outstanding() bool {
	return h.pending.Any() || h.acks.awaited.Load() > 0 || h.outbox.Wanting()
}

// Slow hears that the reader has paused for so long.
func (h *handler) Slow(paused time.Duration) { (*Connection)(h).slowed(paused) }

// Owe hears that the server is to be told what is handled.
func (h *handler) Owe() { h.outbox.Owe() }

// Pausing hears that the reader pauses.
func (h *handler) Pausing() {
	h.router.Flush()
	h.outbox.Poke()
}

// Busy tells whether handlers run.
func (h *handler) Busy() bool { return h.app.Works() }

// Ended is told that a session is over.
func (h *handler) Ended(s *stream.Session, err error) {
	c := (*Connection)(h)
	err = cause(err)
	poison := c.poison(err)
	c.mu.Lock()
	keep := c.resumable(err) && poison == 0
	c.mu.Unlock()
	c.outbox.Detach(keep, &unsentError{err})
	if !keep {
		c.lose(0, false, err)
		c.reject(poison, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lostAt = time.Now()
	if c.session == s {
		c.session = nil
	}
	if c.live != s {
		return // the login that made it knows
	}
	c.live = nil
	if c.state == Closed || c.shut != nil {
		return
	}
	if c.cfg.DisableReconnection || terminal(err, true) {
		c.expiring = true
		c.ready.Store(false)
		go c.finish(err)
		return
	}
	c.setState(StateChange{State: Reconnecting, Err: err})
	c.hint = make(chan struct{}, 1)
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
	if errors.Is(err, ErrReplaced) || errors.Is(err, sasl.ErrDowngrade) || errors.Is(err, ErrTaskUnsupported) {
		return true
	}
	// Of several endpoints the last one decides: what came before it was a reason to try on.
	var tried *ConnectError
	if errors.As(err, &tried) && tried.Err == nil && len(tried.Attempts) > 0 {
		last := tried.Attempts[len(tried.Attempts)-1]
		bound = bound || last.Step == "start"
		err = last.Err
	}
	// A server that can't prove what it has to, asks on where the mechanism has ended, or takes us for somebody else, may be an impostor: it
	// gets no further attempt to learn from.
	var broken *sasl.ProtocolError
	if errors.Is(err, sasl.ErrServerSignature) || errors.Is(err, sasl.ErrState) || errors.Is(err, ErrWrongAccount) || errors.As(err, &broken) {
		return true
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

// inClear tells whether err came before TLS, so that anybody on the way may have made it: it ends no client that was online.
func inClear(err error) bool {
	var tried *ConnectError
	if errors.As(err, &tried) && tried.Err == nil && len(tried.Attempts) > 0 {
		err = tried.Attempts[len(tried.Attempts)-1].Err
	}
	var clear *stream.ClearError
	return errors.As(err, &clear)
}

// reconnect brings the connection online again, or closes it where that is pointless.
func (c *Connection) reconnect(lasted time.Duration) {
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
		err := c.establish(ctx, nil, c.where(), a)
		cancel()
		if err == nil {
			return
		}
		if terminal(err, false) && !inClear(err) {
			if !c.shuttingDown() {
				c.closeWith(err)
			}
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
	case <-c.done.C():
		return false
	}
	return c.ctx.Err() == nil
}

// Terminal tells whether err, of a Connect, Login or Run, will not go away by itself: a wrong
// password, an account or host that does not exist, a certificate that doesn't verify.
func Terminal(err error) bool {
	var cert *tls.CertificateVerificationError
	return errors.As(err, &cert) || terminal(err, false)
}
