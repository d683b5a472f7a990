package carbons

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/forward"
)

// A Copy is the mark on a message that came as a copy: stanza.Marked[carbons.Copy]
// finds it. Don't answer such a message by program, unless no other device of the
// account does (XEP-0280 §10.4).
type Copy struct {
	// Sent: our own account sent it, from another device. It has the mark
	// [xmpp.Sent] too.
	Sent bool
	// Stamp is when the server says that it had received the message, zero if it
	// doesn't.
	Stamp time.Time
}

// errForged and what follows say why a copy is not believed.
var (
	errForged   = errors.New("carbons: copy that is not from our own account")
	errDisabled = errors.New("carbons: copy although copies are not enabled")
	errTwo      = errors.New("carbons: more than one copy in a message")
	errNested   = errors.New("carbons: copy within a copy")
	errRoom     = errors.New("carbons: copy of a room's message")
	errSender   = errors.New("carbons: copy of a sent message that our account has not sent")
	errKind     = errors.New("carbons: copy of another type than its message")
	errReceiver = errors.New("carbons: copy of a received message that is not for our account")
)

// unwrap turns a copy into the message it is of (XEP-0280 §7, §8), or drops it.
func (c *Carbons) unwrap(_ context.Context, m *stanza.Message) (*stanza.Message, error) {
	outer, ok, err := copyIn(m)
	if !ok && err == nil {
		return m, nil
	}
	own := c.conn.User().Bare()
	switch {
	case m.From != own || own.IsZero(): // before anything is believed
		return nil, errForged
	case err != nil:
		return nil, err
	case !c.Enabled():
		return nil, errDisabled
	}
	inner := outer.forwarded.Message()
	if err := outer.check(inner, own); err != nil {
		return nil, err
	}
	if m.Type == stanza.MessageError && inner.Type != stanza.MessageError {
		return nil, errKind // it would miss the steps that errors don't pass
	}
	if outer.forwarded.Fault != nil {
		err = fmt.Errorf("carbons: %w", outer.forwarded.Fault) // reported, and costs nothing else
	}
	mark := Copy{Sent: inner.From.Bare() == own, Stamp: outer.forwarded.Delay.Stamp}
	if mark.Sent && inner.Type == stanza.MessageError {
		return nil, err // nobody here has a use for it
	}
	inner = inner.Clone()
	stanza.Mark(inner, mark)
	if mark.Sent {
		stanza.Mark(inner, xmpp.Sent{})
	}
	return inner, err
}

// unwrapError does it for copies of errors, whose type is that of the copy and which
// no other step sees.
func (c *Carbons) unwrapError(ctx context.Context, m *stanza.Message) (*stanza.Message, error) {
	if m.Type != stanza.MessageError {
		return m, nil
	}
	return c.unwrap(ctx, m)
}

// A copied is what stands in the message that brings a copy.
type copied struct {
	sent      bool
	forwarded forward.Forwarded
}

// copyIn finds the copy in a message. ok is false if there is none, or, with an
// error, no good one.
func copyIn(m *stanza.Message) (c copied, ok bool, err error) {
	n := 0
	for e := range m.Payloads() {
		if isCopy(e) {
			n++
		}
	}
	switch {
	case n == 0:
		return copied{}, false, nil
	case n > 1:
		return copied{}, false, errTwo
	}
	if sent, err := stanza.Payload[Sent](m); !errors.Is(err, stanza.ErrAbsent) {
		return copied{true, sent.Forwarded}, err == nil, err
	}
	received, err := stanza.Payload[Received](m)
	return copied{false, received.Forwarded}, err == nil, err
}

func isCopy(e stanza.Element) bool { return e.Is(NS, "received") || e.Is(NS, "sent") }

// check tells why a copy that our account sends is still not to be believed.
func (c copied) check(inner *stanza.Message, own jid.JID) error {
	for e := range inner.Payloads() {
		if isCopy(e) {
			return errNested
		}
	}
	switch {
	case inner.Type == stanza.MessageGroupchat: // XEP-0280 §6.1: they go to rooms' occupants
		return errRoom
	case inner.From.IsZero(), c.sent && inner.From.Bare() != own:
		return errSender
	case !c.sent && inner.To.Bare() != own:
		return errReceiver
	}
	return nil
}
