package xmpp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gosmack/xmpp/internal/sm"
	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/jid"
)

// restore takes what an earlier process left of a's session and messages out of the store, before the first login. Until a session is
// online the store keeps it all: a login that fails has changed nothing.
func (c *Connection) restore(ctx context.Context, a account) error {
	c.mu.Lock()
	have := c.inherited
	c.mu.Unlock()
	if a.address.IsZero() || have == a.address {
		return nil
	}
	if !have.IsZero() {
		c.leave() // it is another account's (S177)
	}
	data, err := c.cfg.Store.Get(ctx, sessionKey(a))
	if err != nil {
		return fmt.Errorf("xmpp: reading the suspended session: %w", err)
	}
	if len(data) == 0 {
		return nil
	}
	s := new(sm.State)
	if err := s.UnmarshalBinary(data); err != nil {
		c.report(fmt.Errorf("the suspended session: %w", err)) // and it stays in the store
		return nil
	}
	c.inherit(a, s)
	return nil
}

// inherit makes a stored session this connection's.
func (c *Connection) inherit(a account, s *sm.State) {
	user, parseErr := jid.Parse(s.Address)
	err := s.Check(a.address.String(), c.cfg.Domain, time.Now(), max(s.Max, c.resendWindow()))
	managed := err == nil && parseErr == nil && !c.cfg.DisableStreamManagement
	k := stream.Kept{Acked: s.Acked}
	var left []remnant
	for _, saved := range s.Queue {
		r, e, bad := unmeta(saved)
		if bad != nil {
			c.report(fmt.Errorf("a stanza of the suspended session: %w", bad))
			continue
		}
		k.Place = max(k.Place, e.Place)
		if e.Keep {
			e.Done = c.inheritedEntry(e.Data)
		}
		switch {
		case errors.Is(err, sm.ErrForeign):
			if e.Keep {
				e.Done.Failed(&unsentError{err})
			}
		case r == isWaiting:
			k.Waiting = append(k.Waiting, e)
		case r == isFlying && managed:
			k.Flying = append(k.Flying, e)
		case e.Keep:
			left = append(left, remnant{Entry: e, certain: r == isCertain})
		}
	}
	c.outbox.Restore(k, managed)
	if managed {
		c.inbound.Restore(s.Handled)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inherited, c.stored = a.address, true
	c.remnants = left
	if managed {
		c.keep = kept{id: s.ID, location: s.Location, max: s.Max, user: user, complete: true}
	}
}

// inheritedEntry tells of a message that another process accepted.
func (c *Connection) inheritedEntry(data []byte) lostEntry {
	for _, s := range reread(data) {
		return lostEntry{c, s.Kind(), s.Head().ID}
	}
	return lostEntry{c: c}
}

// takenOver is called when a session is about to be online: what the store has of an earlier one is over.
func (c *Connection) takenOver(ctx context.Context) {
	c.mu.Lock()
	a, stored := c.account, c.stored
	c.stored = false
	c.mu.Unlock()
	if !stored {
		return
	}
	if err := c.cfg.Store.Delete(ctx, sessionKey(a)); err != nil {
		c.report(fmt.Errorf("removing the suspended session from the store: %w", err))
	}
}
