package carbons

import (
	"context"
	"errors"
	"sync"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// A Carbons is the copies of one connection. Its methods may be called from
// anywhere.
type Carbons struct {
	conn *xmpp.Connection

	mu      sync.Mutex
	wanted  bool
	enabled bool // since we have asked, unless the server refused
}

// Enable switches copies on for the connection: now if it is online, and for every
// session to come. A server that refuses is reported by each session's start. It
// panics where [xmpp.Connection.Use] does: after the first Connect, and when called
// twice. The value returned is only needed to switch copies off and on again.
func Enable(conn *xmpp.Connection) *Carbons {
	c := &Carbons{conn: conn, wanted: true}
	request, err := stanza.Marshal(enable{})
	if err != nil {
		panic("carbons: " + err.Error()) // it is a constant
	}
	conn.Use(xmpp.Extension{
		Name:     "carbons",
		Features: []string{NS},
		Unwrap:   c.unwrap,
		Incoming: c.unwrapError,
		Inline:   func() map[string]stanza.Element { return c.inline(request) },
		Start:    c.start,
	})
	return c
}

// inline asks within Bind 2, unless copies are off.
func (c *Carbons) inline(request stanza.Element) map[string]stanza.Element {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.wanted {
		return nil
	}
	return map[string]stanza.Element{NS: request}
}

// start asks once a session: the server forgets with it.
func (c *Carbons) start(ctx context.Context, s *xmpp.Session) error {
	if s.Resumed && !s.Restored {
		return nil
	}
	c.mu.Lock()
	wanted := c.wanted
	c.enabled = wanted
	c.mu.Unlock()
	switch inlined := s.Inlined(NS); {
	case wanted && !inlined:
		return c.ask(ctx, enable{})
	case !wanted && inlined:
		return c.ask(ctx, disable{})
	}
	return nil
}

// Enable switches copies on again after [Carbons.Disable], for this session and
// all that follow. It blocks until the server has answered; its errors are those of
// [xmpp.Connection.Set]: stanza.Forbidden, and stanza.ServiceUnavailable or
// stanza.FeatureNotImplemented of a server that has no copies.
func (c *Carbons) Enable(ctx context.Context) error {
	c.set(true)
	return c.ask(ctx, enable{})
}

// Disable switches copies off, for this session and all that follow. What still
// comes is dropped, also if the request fails. It blocks until the server has
// answered; its errors are those of [xmpp.Connection.Set].
func (c *Carbons) Disable(ctx context.Context) error {
	c.set(false)
	return c.ask(ctx, disable{})
}

// Enabled tells whether the server was asked to send copies in this session and has not
// refused.
func (c *Carbons) Enabled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.enabled
}

func (c *Carbons) set(wanted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wanted, c.enabled = wanted, wanted
}

// ask sends a request. Copies may come before its answer has been seen, so they
// count as enabled from before it until it is refused.
func (c *Carbons) ask(ctx context.Context, request any) error {
	err := c.conn.Set(ctx, jid.JID{}, request, nil)
	if _, refused := errors.AsType[*stanza.Error](err); refused {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.enabled = false
	}
	return err
}

// Private asks servers not to copy m to other devices (XEP-0280 §9), neither ours
// nor the receiver's. m, which is the caller's own, gets a <private/> and, if it goes
// to one device alone, the hint <no-copy/>, which is for such messages only
// (XEP-0334 §4.3). A server may do as it likes, so this is no means of secrecy.
func Private(m *stanza.Message) {
	stanza.Set(m, NoCopies{})
	if m.To.IsFull() {
		stanza.Set(m, noCopy{})
	}
}
