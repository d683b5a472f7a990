package csi

import (
	"context"
	"errors"
	"sync"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
)

// A CSI is what one connection says about its user's attention. Its methods may be called from
// anywhere.
type CSI struct {
	conn *xmpp.Connection
	// turn is taken by who tells the server something, so that what is told last is what was said
	// last.
	turn chan struct{}

	mu      sync.Mutex // guards what follows; never held while anything waits
	wanted  bool       // inactive, as was said
	told    bool       // inactive, as the server was told in this stream
	offered bool       // the server understands it
	begins  int        // streams that begin, and want the turn
	cancel  func()     // stops who sends; nil: nobody does
}

// New attaches the indication to the connection, which is active at first. It panics where
// [xmpp.Connection.Use] does: after the first Connect, and when called twice.
func New(conn *xmpp.Connection) *CSI {
	c := &CSI{conn: conn, turn: make(chan struct{}, 1)}
	request, err := stanza.Marshal(inactive{})
	if err != nil {
		panic("csi: " + err.Error()) // it is a constant
	}
	conn.Use(xmpp.Extension{
		Name:   "csi",
		Inline: func() map[string]stanza.Element { return c.inline(request) },
		Start:  c.start,
		Online: c.online,
	})
	return c
}

// Active tells the server that the user looks: it hands over what it held back. What is said at
// [CSI.Inactive] holds.
func (c *CSI) Active(ctx context.Context) error { return c.set(ctx, false) }

// Inactive tells the server that nobody looks (XEP-0352 §4.2). Without a session, or on a server that
// doesn't offer it, it is remembered; where nothing changes, nothing is sent. It blocks only while the
// outbox is full, and not into the next session; its errors are ctx's and ErrClosed, and after the former the state holds all the same.
func (c *CSI) Inactive(ctx context.Context) error { return c.set(ctx, true) }

func (c *CSI) set(ctx context.Context, inactive bool) error {
	c.mu.Lock()
	c.wanted = inactive
	c.mu.Unlock()
	err := c.inTurn(ctx, func() error { return c.tell(ctx) })
	if errors.Is(err, xmpp.ErrNotConnected) {
		return nil // the next session is told
	}
	return err
}

// inline says it within Bind 2 (XEP-0386 §3.2).
func (c *CSI) inline(request stanza.Element) map[string]stanza.Element {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.wanted {
		return nil
	}
	return map[string]stanza.Element{NS: request}
}

// start begins a stream, which is active at first, whatever was before (XEP-0352 §4.2, §5.2). No answer
// says whether the server has heard it within Bind 2, so it is said once more: that costs one element.
// Who still tells the stream before something is stopped: that may wait for room in the outbox for as long as
// nothing is online.
func (c *CSI) start(ctx context.Context, s *xmpp.Session) error {
	c.mu.Lock()
	c.begins++
	if c.cancel != nil {
		c.cancel()
	}
	c.mu.Unlock()
	begun := false
	begin := func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !begun {
			begun = true
			c.begins--
		}
	}
	defer begin()
	return c.inTurn(ctx, func() error {
		begin()
		c.mu.Lock()
		c.offered = !s.Features.Child(NS, "csi").IsZero()
		c.told = false
		c.mu.Unlock()
		return c.tell(ctx)
	})
}

// online says what was said between start and now, when nothing but what start sends could go out.
func (c *CSI) online(ctx context.Context, _ *xmpp.Session) error {
	return c.inTurn(ctx, func() error { return c.tell(ctx) })
}

// inTurn keeps those apart who tell.
func (c *CSI) inTurn(ctx context.Context, f func() error) error {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
		return f()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// tell brings the server up to date, by whose turn it is. Where a new stream begins it leaves it to that.
func (c *CSI) tell(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c.mu.Lock()
	wanted := c.wanted
	due := c.offered && wanted != c.told && c.begins == 0
	if due {
		c.cancel = func() { cancel(errBegins) }
	}
	c.mu.Unlock()
	if !due {
		return nil
	}
	var state any = active{}
	if wanted {
		state = inactive{}
	}
	err := c.conn.SendNonza(ctx, state)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cancel = nil
	switch {
	case err == nil:
		c.told = wanted
	case context.Cause(ctx) == errBegins:
		return nil
	}
	return err
}

// errBegins stops who tells a stream something when the next begins.
var errBegins = errors.New("csi: a new stream begins")
