package xmpp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/stanza"
)

// A shutdown is one Shutdown or Suspend under way; all callers share its result.
type shutdown struct {
	done    chan struct{}
	err     error
	suspend bool // the session is to go on later
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
	ctx, cancel := within(ctx)
	defer cancel()
	sd, s, err := c.enter(ctx, false)
	if sd == nil {
		return err
	}
	defer close(sd.done)
	c.outbox.Refuse(ErrClosed)
	if s != nil {
		c.outbox.Drain(ctx, s.Context().Done())
	}
	var unheard error
	if s != nil && !s.Shutdown(ctx, ErrClosed) {
		unheard = lost(errors.New("the server did not end the stream, so what was written last may not have arrived"))
	}
	c.closeWith(ErrClosed)
	<-c.done.C() // somebody else may have closed it
	c.mu.Lock()
	unsent, unknown := c.unsent, c.unknown
	c.mu.Unlock()
	if len(unsent)+len(unknown) > 0 {
		unheard = errors.Join(&ShutdownError{Unsent: unsent, Unacknowledged: unknown}, unheard)
	}
	sd.err = unheard
	return sd.err
}

// within gives a shutdown its time.
func within(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, shutdownLimit)
}

// enter begins a shutdown: nothing more is handed out, and the running callback has ended or had its time. Where another one is under way
// sd is nil, and err what that one ended with.
func (c *Connection) enter(ctx context.Context, suspend bool) (sd *shutdown, live *stream.Session, err error) {
	c.mu.Lock()
	if c.shut != nil || c.state == Closed {
		sd := c.shut
		c.mu.Unlock()
		if sd == nil || c.app.Runs(ctx) {
			return nil, nil, nil // a callback that waited for the shutdown would wait for itself
		}
		select {
		case <-sd.done:
			return nil, nil, sd.err
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		}
	}
	sd = &shutdown{done: make(chan struct{}), suspend: suspend}
	c.shut = sd
	c.stop()
	live = c.live
	c.mu.Unlock()
	fromCallback := c.app.Runs(ctx)
	c.app.Stop()
	c.inbound.End()
	if !fromCallback {
		c.idle(ctx)
	}
	return sd, live, nil
}

// idle waits for the running callback, and leaves a quarter of ctx's time for what comes behind.
func (c *Connection) idle(ctx context.Context) {
	ctx, cancel := part(ctx, 3, 4)
	defer cancel()
	c.app.Idle(ctx)
}

// part is n parts of d of the time that ctx, which has a deadline, leaves.
func part(ctx context.Context, n, d time.Duration) (context.Context, context.CancelFunc) {
	end, _ := ctx.Deadline()
	return context.WithTimeout(ctx, time.Until(end)*n/d)
}

// finish closes the connection because of err, which nobody asked for: what was received is
// handled first.
func (c *Connection) finish(err error) {
	ctx, cancel := context.WithTimeout(c.ctx, drainLimit)
	defer cancel()
	drained := c.inbound.Drained(ctx, c.stopping.C())
	if c.shuttingDown() {
		return // and that closes it
	}
	if n, _ := c.inbound.Pending(); !drained {
		c.report(fmt.Errorf("%d stanzas were received and not handled when the connection ended: %w", n, err))
	}
	c.closeWith(err)
}

// shuttingDown tells whether a Shutdown is under way.
func (c *Connection) shuttingDown() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shut != nil
}

// stop lets a login that is under way end. c.mu is held.
func (c *Connection) stop() {
	if !c.stopped {
		c.stopped = true
		c.stopping.Close()
		for len(c.gates) > 0 {
			c.open(c.gates[0])
		}
	}
}

// cut ends the connection's context, and a Connect or Login that is under way.
func (c *Connection) cut(err error) {
	c.cancel(err)
	c.mu.Lock()
	f := c.interrupt
	c.mu.Unlock()
	if f != nil {
		f(ErrClosed)
	}
}

// closeWith closes the connection for good, once, and notes what of the application's stanzas was left.
func (c *Connection) closeWith(err error) {
	c.mu.Lock()
	if c.state == Closed {
		c.mu.Unlock()
		return
	}
	c.stop()
	c.err = err
	c.setState(StateChange{State: Closed, Err: err})
	s, t := c.session, c.transport
	c.transport = nil
	c.user.Store(nil)
	c.mu.Unlock()
	c.outbox.Refuse(ErrClosed)
	if s != nil {
		s.Close(err)
	}
	c.mu.Lock()
	stored := c.stored
	c.mu.Unlock()
	if j := c.journal.Load(); j != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), time.Second)
		if err := c.end(ctx, j); err != nil {
			c.report(err)
		}
		cancel()
	} else if len(stored) > 0 {
		c.leave()
	}
	entries := c.outbox.Close(&unsentError{ErrClosed})
	c.mu.Lock()
	for _, e := range entries {
		switch _, told := e.Done.(*stream.Request); {
		case told:
		case e.Maybe:
			c.unknown = append(c.unknown, reread(e.Data)...)
		default:
			c.unsent = append(c.unsent, reread(e.Data)...)
		}
	}
	c.mu.Unlock()
	c.lose(0, false, ErrClosed) // and with it all that is left
	if t != nil {
		_ = t.Close()
	}
	c.cut(err)
	c.app.Stop()
	c.router.Stop()
	for _, x := range c.extensions {
		if x.Closed != nil {
			c.guard(func() { x.Closed(err) })
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), time.Second)
	c.roster.saveLast(ctx)
	cancel()
	c.release()
	c.done.Close()
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
