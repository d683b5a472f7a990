package xmpp

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/gosmack/xmpp/internal/sm"
	"github.com/gosmack/xmpp/internal/stream"
)

// What is saved of a session is an sm.State under the key account/session. Its queue has the stanzas of the session first, in the order of
// their numbers, then what else waits. Each entry's Meta says what it is.

func sessionKey(a account) string { return a.address.String() + "/session" }

// A role is what a saved entry is.
type role byte

const (
	isFlying   role = 'f' // written, and not acknowledged; without data it is one that isn't sent again, or stands in the journal
	isWaiting  role = 'w' // a message that was accepted and not written
	isCertain  role = 'c' // a message of a lost session that the server doesn't have
	isDoubtful role = 'u' // one that it may have
	isMark     role = 'm' // no stanza: the place of the message that was written last. What follows it in the journal may have been written
)

const (
	isKept = 1 << iota
	isDelayed
)

// meta is what is saved of an entry besides its bytes.
func meta(r role, e *stream.Entry) []byte {
	flags := byte(0)
	if e.Keep {
		flags |= isKept
	}
	if e.Delayed {
		flags |= isDelayed
	}
	b := binary.AppendUvarint([]byte{byte(r), flags}, e.Place)
	return binary.AppendVarint(b, e.At.UnixMilli())
}

var errSaved = errors.New("what is saved of it is damaged")

// unmeta reads what meta made.
func unmeta(s sm.Entry) (role, stream.Entry, error) {
	e := stream.Entry{Data: s.Data}
	if len(s.Meta) < 2 {
		return 0, e, errSaved
	}
	e.Keep, e.Delayed = s.Meta[1]&isKept != 0, s.Meta[1]&isDelayed != 0
	rest := s.Meta[2:]
	place, n := binary.Uvarint(rest)
	if n <= 0 {
		return 0, e, errSaved
	}
	at, m := binary.Varint(rest[n:])
	if m <= 0 || n+m != len(rest) {
		return 0, e, errSaved
	}
	e.Place, e.At = place, time.UnixMilli(at)
	return role(s.Meta[0]), e, nil
}

// save makes the state of the session that is kept, without its queue. c.mu is held.
func (c *Connection) save() *sm.State {
	k := c.keep
	if !k.complete {
		k = kept{} // what was missing of its setting up would be missing for ever
	}
	return &sm.State{
		Account: c.account.address.String(), Domain: c.cfg.Domain, Address: k.user.String(), ID: k.id, Location: k.location,
		Max: k.max, Cut: time.Now(), Handled: c.inbound.Handled(),
	}
}

// saved is the state with all that an outbox and what is left of older sessions hold. c.mu is held.
func (c *Connection) saved() *sm.State {
	s, k := c.save(), c.outbox.Kept()
	s.Acked = k.Acked
	add := func(r role, e *stream.Entry) {
		s.Queue = append(s.Queue, sm.Entry{Data: e.Data, Meta: meta(r, e)})
	}
	for i := range k.Flying {
		switch {
		case s.ID != "":
			add(isFlying, &k.Flying[i])
		case k.Flying[i].Keep:
			add(isDoubtful, &k.Flying[i])
		}
	}
	for _, r := range c.remnants {
		switch {
		case !r.Keep:
		case r.certain:
			add(isCertain, &r.Entry)
		default:
			add(isDoubtful, &r.Entry)
		}
	}
	for i := range k.Waiting {
		add(isWaiting, &k.Waiting[i])
	}
	return s
}
