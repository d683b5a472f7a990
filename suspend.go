package xmpp

import (
	"context"

	"github.com/gosmack/xmpp/internal/stream"
)

// Suspend ends the connection and keeps the session (XEP-0198 §5): it hands out no new stanzas, lets the running callback end
// (unless it is called from it), refuses new sends, writes what waits as far as the server takes it, tells the server what is handled, and breaks the connection off without ending the
// stream. What the server has not acknowledged then, and what was never written, is put in the
// configuration's Store, all within ctx, or 5 s if ctx has no deadline. The connection is closed when it returns.
//
// The account's next Login with this Store, in this process or a later one, takes the session up if the server still has it: nothing is
// lost, nothing comes twice, and what was received and not handled comes again. Else it is as after any session that was lost: see
// ConnectionConfiguration.Resend and ResendWindow. Until then the server shows us as available.
//
// Requests that wait for an answer fail, and each Ack that waits ends with ErrSuspended. Without stream management there is no session
// to keep, and only messages that were never written are stored. An error names what failed; if it was the store, what was left fails as it does with Close.
// Concurrent calls, also of Shutdown, share one end and its result.
func (c *Connection) Suspend(ctx context.Context) error {
	ctx, cancel := within(ctx)
	defer cancel()
	sd, s, err := c.enter(ctx, true)
	if sd == nil {
		return err
	}
	defer close(sd.done)
	sd.err = c.suspend(ctx, s)
	c.closeWith(ErrClosed)
	<-c.done.C() // somebody else may have closed it
	return sd.err
}

func (c *Connection) suspend(ctx context.Context, live *stream.Session) error {
	c.outbox.Refuse(ErrClosed)
	end, _ := ctx.Deadline()
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), end) // a callback's own ends now
	defer cancel()
	c.cut(ErrClosed) // a login that is under way
	c.mu.Lock()
	s, managed, stored := c.session, c.keep.id != "", c.stored
	a := c.account
	c.mu.Unlock()
	switch {
	case s == nil:
	case s == live && managed:
		words, cancel := part(ctx, 1, 2)
		s.Suspend(words, ErrClosed)
		cancel()
	case s == live:
		words, cancel := part(ctx, 1, 2)
		s.Shutdown(words, ErrClosed)
		cancel()
		<-s.Gone()
	default:
		s.Abort(ErrClosed)
		<-s.Gone()
	}
	if len(stored) > 0 {
		return nil // nothing was online since it was taken out
	}
	if j := c.journal.Load(); j != nil {
		return c.end(ctx, j)
	}
	if err := c.store(ctx, a, true); err != nil {
		return err
	}
	c.leave()
	return nil
}

// leave forgets what the store has.
func (c *Connection) leave() {
	c.inbound.Unmanage()
	c.failRequests(ErrClosed)
	c.mu.Lock()
	c.keep = kept{}
	all := c.remnants
	c.remnants = nil
	c.mu.Unlock()
	for _, r := range all {
		if r.Done != nil {
			r.Fail(ErrSuspended)
		}
	}
	c.outbox.Leave(ErrSuspended, &unsentError{ErrClosed})
}

// end stores for the last time what is durable, and forgets it.
func (c *Connection) end(ctx context.Context, j *journal) error {
	err := c.store(ctx, j.account, true)
	c.journal.Store(nil)
	c.leave() // also with an error: the journal has the messages
	j.settled(ctx)
	return err
}
