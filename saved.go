package xmpp

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/gosmack/xmpp/internal/sm"
	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/stanza"
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
	isDoubtful role = 'u' // one that it may have, waiting to be sent again or not
	isMark     role = 'm' // no stanza: a place. The messages of the journal behind it may have been written, in their order; what is not behind it and not listed has ended
	isEnd      role = 'e' // no stanza: the last place. All that has not ended is listed
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

// unmeta reads what meta made, and sees to it that the bytes are one stanza.
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
	if len(s.Data) > 0 && !isStanza(s.Data) {
		return 0, e, errSaved
	}
	e.Place, e.At = place, time.UnixMilli(at)
	return role(s.Meta[0]), e, nil
}

// isStanza tells whether bytes are one stanza, as large as it may be. Anything else would end the stream that it is written to, or say more
// on it than one.
func isStanza(data []byte) bool {
	const all = 1 << 30
	e, err := xmlstream.Parse("<stream xmlns='"+stanza.NS+"'>"+string(data)+"</stream>",
		xmlstream.Limits{StanzaBytes: all, Elements: all, Depth: all, Attributes: all, StartTagBytes: all})
	if err != nil {
		return false
	}
	found := 0
	for n := range e.Nodes() {
		if !sm.Counts(stanza.Element(n.Element)) {
			return false
		}
		found++
	}
	return found == 1
}

// saved is the session that is kept and what the outbox and older sessions hold. What the journal has is only named. With end it is the last that is
// stored: else it has no waiting messages that follow (see stream.Outbox.Durable), and of what is not kept only the numbers. c.mu is held.
func (c *Connection) saved(a account, end bool) *sm.State {
	k := c.keep
	if !k.complete {
		k = kept{} // what was missing of its setting up would be missing for ever
	}
	box := c.outbox.Kept()
	s := &sm.State{
		Account: a.address.String(), Domain: c.cfg.Domain, Address: k.user.String(), ID: k.id, Location: k.location,
		Max: k.max, Cut: time.Now(), Acked: box.Acked, Handled: c.inbound.Handled(),
	}
	durable := c.journal.Load() != nil
	add := func(r role, e *stream.Entry) {
		data := e.Data
		if durable && (e.Keep || !end) {
			data = nil
		}
		s.Queue = append(s.Queue, sm.Entry{Data: data, Meta: meta(r, e)})
	}
	for i := range box.Flying {
		switch e := &box.Flying[i]; {
		case s.ID != "":
			add(isFlying, e)
		case e.Keep:
			add(isDoubtful, e)
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
	for i := range box.Waiting {
		switch e := &box.Waiting[i]; {
		case e.Maybe:
			add(isDoubtful, e) // it waits to be sent again, and nobody knows whether that was said yet
		case end || e.Place <= box.Written:
			add(isWaiting, e)
		}
	}
	if end {
		add(isEnd, &stream.Entry{Place: box.Place})
	} else {
		add(isMark, &stream.Entry{Place: box.Written})
	}
	return s
}

// store puts what is saved in the store.
func (c *Connection) store(ctx context.Context, a account, end bool) error {
	if err := c.storing.take(ctx); err != nil { // what is saved later is stored later
		return fmt.Errorf("xmpp: storing the session: %w", err)
	}
	defer c.storing.give()
	c.mu.Lock()
	s := c.saved(a, end)
	c.mu.Unlock()
	if c.journal.Load() == nil && s.ID == "" && len(s.Queue) == 1 {
		return nil // there is nothing
	}
	if a.address.IsZero() {
		return errors.New("xmpp: storing the session: nobody is logged in who could come back")
	}
	data, err := s.AppendBinary(nil)
	if err == nil {
		err = c.storeOf(a).Put(ctx, sessionKey(a), data)
	}
	if err != nil {
		return fmt.Errorf("xmpp: storing the session: %w", err)
	}
	return nil
}
