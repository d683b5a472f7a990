package xmpp

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// Get sends an IQ of type get with the payload q to to (zero: our own account's server) and
// decodes the answer's payload into out, a pointer, or nil where only success matters. It waits
// for the answer, also for a lost connection to come back, within RequestTimeout, and may be
// called from any handler. Its errors are a *stanza.Error where the other side refused (errors.Is
// finds its condition), ErrTimeout, stanza.ErrAbsent where the answer lacks the payload,
// ErrNotConnected, ErrClosed, one that SafeToRetry knows where the connection broke, and ctx's.
func (c *Connection) Get(ctx context.Context, to jid.JID, q, out any) error {
	return c.exchange(ctx, stanza.IQGet, to, q, out)
}

// Set is Get for an IQ of type set, which changes something: a broken connection leaves
// ErrUnknownOutcome.
func (c *Connection) Set(ctx context.Context, to jid.JID, q, out any) error {
	return c.exchange(ctx, stanza.IQSet, to, q, out)
}

func (c *Connection) exchange(ctx context.Context, typ stanza.IQType, to jid.JID, q, out any) error {
	if v := reflect.ValueOf(q); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return &ConfigError{"payload", "it is nil"}
	}
	iq := &stanza.IQ{Type: typ, To: to}
	stanza.Add(iq, q)
	reply, err := c.SendIQ(ctx, iq)
	if err != nil || out == nil {
		return err
	}
	if e, ok := out.(*stanza.Element); ok {
		*e = reply.Payload()
		return nil
	}
	return stanza.PayloadInto(reply, out)
}

// SendIQ sends a request of type get or set with its own from, to and language and waits for the
// answer as Get does. An answer of type error is a *stanza.Error. iq isn't changed or kept;
// without an ID it gets one on the wire.
func (c *Connection) SendIQ(ctx context.Context, iq *stanza.IQ) (*stanza.IQ, error) {
	return c.request(ctx, iq, nil)
}

// request is SendIQ whose answer, if apply is set, is applied by the router in the stream's order.
func (c *Connection) request(ctx context.Context, iq *stanza.IQ, apply func(*stanza.IQ)) (*stanza.IQ, error) {
	if iq == nil {
		return nil, &ConfigError{"iq", "it is nil"}
	}
	if !iq.Type.IsRequest() {
		return nil, &ConfigError{"iq", "its type is neither get nor set"}
	}
	iq = iq.Clone()
	if iq.ID == "" {
		iq.ID = stanza.NewID()
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.cfg.RequestTimeout, ErrTimeout)
	defer cancel()
	data, err := c.encode(iq)
	if err != nil {
		return nil, err
	}
	for {
		if err := c.await(ctx); err != nil {
			return nil, err
		}
		r := &stream.Request{To: iq.To, Get: iq.Type == stanza.IQGet, Reply: make(chan stream.Answer, 1), Apply: apply}
		reply, err := c.try(ctx, iq, r, data)
		if errors.Is(err, stream.ErrNoSession) {
			continue
		}
		if ctx.Value(inOrderKey{}) != nil {
			c.passed(ctx)
		}
		return reply, err
	}
}

// try makes one request of it. ErrNoSession: the session ended before there was anything to write,
// the next one may do.
func (c *Connection) try(ctx context.Context, iq *stanza.IQ, r *stream.Request, data []byte) (*stanza.IQ, error) {
	if !c.pending.Add(iq.ID, r) {
		return nil, &ConfigError{"iq id", "a request with it is under way"}
	}
	defer c.pending.Remove(iq.ID)
	c.inbound.Poke()
	c.stats.sent.Add(1)
	if err := c.outbox.Put(ctx, c.lane(ctx), stream.Entry{Data: data, Done: r}); err != nil {
		return nil, putError(err)
	}
	return c.answer(ctx, iq, r)
}

type inOrderKey struct{}

// InOrder makes a request of this context complete only when every stanza that came before its
// answer has passed the router: what an archive or a room sends ahead of the answer has then been
// seen by the steps. Not for IQ handlers and steps, which are the router.
func InOrder(ctx context.Context) context.Context { return context.WithValue(ctx, inOrderKey{}, true) }

// passed waits until the router is through with what was received so far.
func (c *Connection) passed(ctx context.Context) {
	if c.router.Runs(ctx) {
		return
	}
	done := make(chan struct{})
	c.onRouter(nil, func(context.Context) { close(done) })
	select {
	case <-done:
	case <-ctx.Done():
	case <-c.done.C():
	}
}

// answer waits for what ends the request.
func (c *Connection) answer(ctx context.Context, iq *stanza.IQ, r *stream.Request) (*stanza.IQ, error) {
	select {
	case a := <-r.Reply:
		if a.Err != nil {
			return nil, fmt.Errorf("xmpp: request to %s: %w", target(iq.To), a.Err)
		}
		if a.IQ.Error != nil {
			return nil, a.IQ.Error
		}
		return a.IQ, nil
	case <-c.applied(ctx, r):
		return nil, fmt.Errorf("xmpp: request to %s: %w", target(iq.To), lost(ErrClosed))
	case <-ctx.Done():
		err := fmt.Errorf("xmpp: request to %s: %w", target(iq.To), context.Cause(ctx))
		if r.Get {
			return nil, &repeatableError{err}
		}
		return nil, err
	}
}

// applied is closed with the connection for a request whose answer may be with a router that has
// stopped. What sets a session up ends with that in any case.
func (c *Connection) applied(ctx context.Context, r *stream.Request) <-chan struct{} {
	if r.Apply == nil || ctx.Value(setupKey{}) != nil {
		return nil
	}
	return c.ctx.Done()
}

func target(to jid.JID) string {
	if to.IsZero() {
		return "our server"
	}
	return to.String()
}

// await waits until requests can be sent: the connection is online, or ctx belongs to what brings
// it online.
func (c *Connection) await(ctx context.Context) error {
	for {
		if err := c.accepts(); err != nil {
			return err
		}
		if s, ok := ctx.Value(setupKey{}).(*stream.Session); ok && s.Err() != nil {
			return &unsentError{cause(s.Err())} // no other session is what ctx is for
		}
		c.mu.Lock()
		up := c.live != nil || c.lane(ctx) == stream.Setup
		if c.online == nil && !up {
			c.online = make(chan struct{})
		}
		online := c.online
		started := c.ready.Load()
		c.mu.Unlock()
		if up {
			return nil
		}
		if !started {
			return ErrNotConnected
		}
		select {
		case <-online:
		case <-ctx.Done():
			return &unsentError{fmt.Errorf("xmpp: waiting for the connection: %w", context.Cause(ctx))}
		case <-c.done.C():
			return ErrClosed
		}
	}
}
