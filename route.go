package xmpp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// received takes a stanza from the reader: answers go to who waits for them, everything else to the router.
func (c *Connection) received(item *stream.Item) {
	c.stats.received.Add(1)
	iq, ok := item.Stanza.(*stanza.IQ)
	if !ok || iq.Type.IsRequest() {
		c.router.Queue(stream.Job{Item: item, Do: c.onReceived})
		return
	}
	defer item.Release()
	c.router.Flush() // who waits for the answer finds what came before it on the router
	if iq.Type != stanza.IQResult && iq.Type != stanza.IQError || c.isProbe(iq.ID) {
		return
	}
	r := c.pending.Match(iq, c.User())
	switch {
	case r == nil:
		c.stats.late.Add(1)
		c.log.Debug("answer that nobody waits for", "from", iq.From.String())
	case r.Apply != nil:
		c.onRouter(item, func(context.Context) {
			if iq.Error == nil {
				r.Apply(iq)
			}
			r.Complete(iq)
		})
	default:
		r.Complete(iq)
	}
}

// isProbe tells whether a request for a sign of life had that id.
func (c *Connection) isProbe(id string) bool {
	p := c.probe.Load()
	return p != nil && *p == id
}

// toApp queues a job on the application goroutine. What the router has for it goes in batches, the latest of which
// is passed on before code that isn't ours runs on the router, and before anything but the next stanza. It takes over the caller's hold.
func (c *Connection) toApp(ctx context.Context, held *stream.Item, do func(context.Context)) {
	if !c.router.Runs(ctx) {
		c.app.Add(stream.Job{Item: held, Do: do})
		held.Release()
		return
	}
	c.app.Queue(stream.Job{Item: held, Do: do})
}

// onRouter queues what isn't a stanza on the router.
func (c *Connection) onRouter(item *stream.Item, do func(context.Context)) {
	c.router.Add(stream.Job{Item: item, Do: func(ctx context.Context) {
		c.app.Flush()
		do(ctx)
		if c.router.Runs(ctx) {
			c.app.Flush()
		}
	}})
}

// foreign runs code that isn't ours on the router.
func (c *Connection) foreign(ctx context.Context, f func()) {
	if c.router.Runs(ctx) {
		c.app.Flush()
	}
	c.guard(f)
}

// route takes the stanza of ctx's job through library and extensions, on the router.
func (c *Connection) route(ctx context.Context) {
	item := stream.ItemOf(ctx)
	report := func(err error) {
		c.app.Flush()
		c.report(err)
	}
	if !item.Decode(report) {
		return // it counts as handled all the same, as the server counts it
	}
	s := item.Stanza
	if m, ok := s.(*stanza.Message); ok && m.Type != stanza.MessageError {
		// nothing that Check looks at
	} else if err := stanza.Check(s); err != nil {
		report(fmt.Errorf("%s from %v: %w", s.Kind(), s.Head().From, err))
	}
	switch s := s.(type) {
	case *stanza.Message:
		if c.double(s) {
			c.stats.doubled.Add(1)
			// It counts as handled when the first one is, which is ahead of it.
			c.toApp(ctx, stream.Hold(ctx), func(context.Context) {})
			return
		}
		c.routeMessage(ctx, s)
	case *stanza.Presence:
		c.routePresence(ctx, s)
	case *stanza.IQ:
		c.serve(ctx, s)
	}
}

// A messageEvent is a message on its way to the listeners. done, if it is set, is closed after
// them.
type messageEvent struct {
	m    *stanza.Message // nil: a step has consumed it
	came *stanza.Message // as it was before Decrypt
	done chan struct{}
}

// routeMessage takes a received message through the steps and on to the application.
func (c *Connection) routeMessage(ctx context.Context, m *stanza.Message) {
	if m.Type == stanza.MessageError {
		c.acks.bounce(m, c.User())
	}
	if m.Type != stanza.MessageError {
		if m = c.unwrap(ctx, m); m == nil {
			return
		}
		for _, x := range c.extensions {
			if x.Admit == nil {
				continue
			}
			var ahead []*stanza.Message
			hold := false
			c.foreign(ctx, func() { ahead, hold = x.Admit(ctx, m) })
			for _, kept := range ahead {
				c.pass(ctx, messageEvent{came: kept})
			}
			if hold {
				return
			}
		}
	}
	c.pass(ctx, messageEvent{came: m})
}

// unwrap runs the Unwrap steps, of which at most one acts.
func (c *Connection) unwrap(ctx context.Context, m *stanza.Message) *stanza.Message {
	for _, step := range c.steps.unwrap {
		if next := c.step(ctx, step, m); next != m {
			return next
		}
	}
	return m
}

// pass takes an admitted message through the other steps and on to the application.
func (c *Connection) pass(ctx context.Context, ev messageEvent) {
	ev.m = c.incoming(ctx, ev.came)
	item := stream.Hold(ctx) // a step may have left the line to somebody else, who is through with it any time
	switch {
	case ev.m == nil:
		item.Release() // what waits behind a slow callback is only the news
		item = nil
	case item != nil && ev.done == nil && ev.m == ev.came && item.Stanza == stanza.Stanza(ev.m):
		c.toApp(ctx, item, c.onUnchanged)
		return
	}
	c.toApp(ctx, item, func(ctx context.Context) { c.hand(ctx, ev) })
}

// handUnchanged is hand for the message that the job's item is.
func (c *Connection) handUnchanged(ctx context.Context) {
	m := stream.ItemOf(ctx).Stanza.(*stanza.Message)
	c.hand(ctx, messageEvent{m: m, came: m})
}

// incoming runs Decrypt, then Incoming. A message of type error passes only Incoming. nil: a step
// has consumed it.
func (c *Connection) incoming(ctx context.Context, m *stanza.Message) *stanza.Message {
	if m.Type != stanza.MessageError {
		for _, step := range c.steps.decrypt {
			if m = c.step(ctx, step, m); m == nil {
				return nil
			}
		}
	}
	for _, step := range c.steps.incoming {
		if m = c.step(ctx, step, m); m == nil {
			return nil
		}
	}
	return m
}

var errPanicked = errors.New("it panicked")

// step runs one step on a message and sees to its error. nil: consumed, or forged.
func (c *Connection) step(ctx context.Context, s step, m *stanza.Message) *stanza.Message {
	next, err := m, errPanicked
	c.foreign(ctx, func() { next, err = s.f(ctx, m) })
	if err != nil {
		c.report(fmt.Errorf("extension %s: message from %v: %w", s.name, m.From, err))
	}
	return next
}

// hand gives a message to the listeners, on the application goroutine.
func (c *Connection) hand(ctx context.Context, ev messageEvent) {
	if ev.done != nil {
		defer close(ev.done)
	}
	if ev.m != nil {
		c.tell(ctx, ev)
	}
	for _, x := range c.extensions {
		if x.Handled != nil {
			c.guard(func() { x.Handled(ev.came) })
		}
	}
}

// tell calls the listeners that a message is for.
func (c *Connection) tell(ctx context.Context, ev messageEvent) {
	heard := false
	switch m := ev.m; {
	case m.Type == stanza.MessageError:
		heard = c.bounces.deliver(ctx, ev)
	case isSent(m):
		heard = c.chats.hearSent(ctx, m)
	default:
		heard = c.messages.deliver(ctx, ev)
		heard = c.chats.hear(ctx, ev) || heard
	}
	if !heard {
		c.stats.unhandled.Add(1)
		c.deafOnce.Do(func() { c.log.Warn("a message came and nobody listens") })
	}
}

// Deliver takes a message through Decrypt, Incoming and the listeners as if it had just been
// received, in the application's order, and returns when they have handled it. Archives that catch
// up use it. It must be called from Online or a goroutine of one's own: a callback would wait for
// itself, and Start for the session that it holds up. Its errors are ErrClosed and ctx's.
func (c *Connection) Deliver(ctx context.Context, m *stanza.Message) error {
	if m == nil {
		return &ConfigError{"message", "it is nil"}
	}
	ev := messageEvent{came: m.Clone(), done: make(chan struct{})}
	c.onRouter(nil, func(ctx context.Context) { c.pass(ctx, ev) })
	select {
	case <-ev.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-c.done.C():
		return ErrClosed
	}
}

// OnMessage hears every message but errors and copies of what we sent elsewhere, of any type and
// also without a body, as the extensions' steps let them through. For conversations see
// [ChatManager.OnMessage]. The message is read-only.
func (c *Connection) OnMessage(f func(ctx context.Context, m *stanza.Message)) (stop func()) {
	must(f != nil)
	return c.messages.On(func(ctx context.Context, ev messageEvent) { f(ctx, ev.m) })
}

// Messages is OnMessage as a channel; what is said at [Feed.Chan] holds.
func (c *Connection) Messages(ctx context.Context) <-chan *stanza.Message {
	return feedChan(&c.messages, ctx, theMessage, nil)
}

func theMessage(ev messageEvent) (*stanza.Message, bool) { return ev.m, true }

// OnMessageError hears messages of type error: what became of one of ours. Its ID is that of the
// message that failed.
func (c *Connection) OnMessageError(f func(ctx context.Context, m *stanza.Message, e *stanza.Error)) (stop func()) {
	must(f != nil)
	return c.bounces.On(func(ctx context.Context, ev messageEvent) { f(ctx, ev.m, ev.m.Error) })
}

// MessageErrors is OnMessageError as a channel.
func (c *Connection) MessageErrors(ctx context.Context) <-chan *stanza.Message {
	return feedChan(&c.bounces, ctx, theMessage, nil)
}

// Peer is a mark (stanza.Mark) by which a step says whose conversation a message belongs to, where
// it isn't that of the sender's bare address.
type Peer jid.JID

// Sent is a mark by which a step says that a message is a copy of one we sent from another device.
type Sent struct{}

func isSent(m *stanza.Message) bool {
	_, ok := stanza.Marked[Sent](m)
	return ok
}

// Archived is a mark by which a step says that a message comes from an archive and not from the
// live stream.
type Archived struct {
	By   jid.JID // whose archive
	ID   string  // within it
	Time time.Time
}

// routePresence takes a presence to an extension that claims it, or to roster and listeners.
func (c *Connection) routePresence(ctx context.Context, p *stanza.Presence) {
	for _, x := range c.extensions {
		if x.Presence == nil {
			continue
		}
		consumed := false
		c.foreign(ctx, func() { consumed = x.Presence(ctx, p) })
		if consumed {
			return
		}
	}
	c.roster.routePresence(ctx, p)
	item := stream.Hold(ctx)
	do := c.onPresence
	if item == nil || item.Stanza != stanza.Stanza(p) {
		do = func(ctx context.Context) { c.presence.feed.deliver(ctx, p) }
	}
	c.toApp(ctx, item, do)
}

// handPresence gives the presence that the job's item is to the listeners.
func (c *Connection) handPresence(ctx context.Context) {
	c.presence.feed.deliver(ctx, stream.ItemOf(ctx).Stanza.(*stanza.Presence))
}
