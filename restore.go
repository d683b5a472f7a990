package xmpp

import (
	"context"
	"fmt"
)

// restore takes what an earlier process left of a's session and messages out of the store, before the first login. The store keeps it all until a session
// is online: a login that fails has changed nothing.
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
	i := &inheritance{c: c, a: a}
	err := i.read(ctx)
	if err != nil {
		return fmt.Errorf("xmpp: reading the suspended session: %w", err)
	}
	i.sort()
	if c.cfg.Durable {
		if err := i.own(ctx); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inherited = a.address
	c.outbox.Restore(i.box, i.managed)
	if i.managed {
		c.inbound.Restore(i.state.Handled)
		c.keep = kept{id: i.state.ID, location: i.state.Location, max: i.state.Max, user: i.user, complete: true}
	}
	c.remnants = i.remnants
	if c.cfg.Durable {
		c.outbox.Durable(func() error {
			err := c.store(context.WithoutCancel(c.ctx), a, false)
			if err != nil {
				c.report(err)
			}
			return err
		})
	} else {
		c.stored = i.keys()
	}
	return nil
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
	stored := c.stored
	c.stored = nil
	c.mu.Unlock()
	for _, key := range stored {
		if err := c.Store().Delete(ctx, key); err != nil {
			c.report(fmt.Errorf("removing the suspended session from the store: %w", err))
		}
	}
}
