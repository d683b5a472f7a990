package discover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// stagger is the Connection Attempt Delay of RFC 8305 §5.
const stagger = 250 * time.Millisecond

// Race connects to the first of the endpoints that can be secured, and returns what secure made of the connection.
// Endpoints are tried in their order, the address families of each in turn (RFC 8305 §4), the next one 250 ms after
// the one before or at once when one fails, at most 16 attempts in all. An endpoint's third address and those after it
// come when every endpoint had its turn. With a nil resolver host names go to the dialer as they are, for proxies. A
// nil dialer is a plain net.Dialer.
//
// secure turns a fresh connection into a T, for instance by a TLS handshake; it runs on several connections at the
// same time. It owns none of them: when it fails or has lost, Race closes the connection. Its context ends with ctx and
// with the race, and the connection is then closed under it. A T that came too late is given to discard, if that is
// not nil, after its connection was closed. An error of secure may have a method Step() string that names the step.
//
// The attempts are all that were started, in that order, also on success: the winner has no error, the others what
// they failed with, or [ErrLost]. If all failed the error unwraps to theirs; if ctx ended it wraps context.Cause(ctx).
//
// Race blocks until then; only ctx bounds it, in every step. All goroutines are gone and all connections but the
// winner's closed when it returns, with one exception: a resolver, dialer or secure function that does not return within
// 250 ms of the end of its context is left behind, and what it gives later is closed and discarded then. Race may
// be called concurrently.
func Race[T any](ctx context.Context, endpoints []Endpoint, r Resolver, d Dialer,
	secure func(ctx context.Context, conn net.Conn, e Endpoint) (T, error), discard func(T),
) (T, Endpoint, []Attempt, error) {
	if d == nil {
		d = new(net.Dialer)
	}
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	m := &match[T]{
		resolver: r, dialer: d, secure: secure, discard: discard,
		plan:   &plan{endpoints: endpoints, left: maxAttempts},
		events: make(chan *event[T], 2*maxAttempts),
	}
	win := m.run(inner)
	if win != nil {
		cancel(ErrLost)
	}
	m.settle(inner)

	attempts := make([]Attempt, len(m.started))
	for i, p := range m.started {
		attempts[i] = p.attempt(context.Cause(inner))
	}
	var none T
	switch {
	case win != nil:
		return win.value, win.from.endpoint, attempts, nil
	case ctx.Err() != nil:
		return none, Endpoint{}, attempts, fmt.Errorf("connecting: %w", context.Cause(ctx))
	case len(attempts) == 0:
		return none, Endpoint{}, nil, errors.New("no endpoint to connect to")
	}
	return none, Endpoint{}, attempts, failure(attempts)
}

// match is one race. Race's goroutine owns it; each attempt has a goroutine that reads the first fields and sends events.
type match[T any] struct {
	resolver Resolver
	dialer   Dialer
	secure   func(context.Context, net.Conn, Endpoint) (T, error)
	discard  func(T)

	plan    *plan
	started []*progress
	running int
	events  chan *event[T] // room for all events, so that no attempt ever waits for the race
}

// event is news of an attempt: that it has found more addresses, or its end.
type event[T any] struct {
	from  *progress
	more  []netip.Addr
	found bool // more has news, the attempt goes on
	conn  net.Conn
	value T
	err   error
}

// run starts attempts until one is secured, all have failed or ctx ends; nil: none was.
func (m *match[T]) run(ctx context.Context) (win *event[T]) {
	next := time.NewTimer(stagger)
	defer next.Stop()
	m.launch(ctx)
	for m.running > 0 {
		select {
		case e := <-m.events:
			switch {
			case e.found:
				m.plan.add(e.from.endpoint, e.more)
			case e.err == nil:
				m.running--
				e.from.finish(nil, nil)
				return e
			default:
				m.running--
				e.from.finish(e.err, context.Cause(ctx))
				m.launch(ctx)
			}
		case <-next.C:
			m.launch(ctx)
		case <-ctx.Done():
			return nil
		}
		next.Reset(stagger)
	}
	return nil
}

// launch starts the next attempt, if there is one.
func (m *match[T]) launch(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	c, ok := m.plan.next()
	if !ok {
		return
	}
	p := &progress{endpoint: c.endpoint}
	m.started = append(m.started, p)
	m.running++
	go func() {
		conn, value, err := m.try(ctx, p, c.address)
		m.events <- &event[T]{from: p, conn: conn, value: value, err: err}
	}()
}

// settle waits for the losers, which ctx has told to stop, and puts away what they have.
func (m *match[T]) settle(ctx context.Context) {
	patience := time.NewTimer(grace)
	defer patience.Stop()
	for m.running > 0 {
		select {
		case e := <-m.events:
			m.putAway(ctx, e)
		case <-patience.C:
			go func() { // ends with the last that hangs
				for m.running > 0 {
					m.putAway(ctx, <-m.events)
				}
			}()
			return
		}
	}
}

func (m *match[T]) putAway(ctx context.Context, e *event[T]) {
	if e.found {
		return
	}
	m.running--
	if e.err == nil {
		e.conn.Close()
		m.drop(e.value)
		e.err = context.Cause(ctx)
	}
	e.from.finish(e.err, context.Cause(ctx))
}

func (m *match[T]) drop(value T) {
	if m.discard != nil {
		m.discard(value)
	}
}
