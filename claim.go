package xmpp

import (
	"fmt"
	"sync"
)

// claims are the accounts that live connections use a store for: one store is one device, and two connections of an account would
// take each other's session away.
type claims struct {
	mu    sync.Mutex
	taken map[string]bool
}

// A claimer is a store that knows. Those of other packages don't.
type claimer interface {
	claim(account string) bool
	release(account string)
}

func (c *claims) claim(account string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taken[account] {
		return false
	}
	if c.taken == nil {
		c.taken = make(map[string]bool)
	}
	c.taken[account] = true
	return true
}

func (c *claims) release(account string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.taken, account)
}

// claim makes the store this connection's for an account, from its login until it fails or the connection is closed.
func (c *Connection) claim(a account) error {
	store, ok := c.cfg.Store.(claimer)
	if !ok || c.private || a.address.IsZero() {
		return nil
	}
	if !store.claim(a.address.String()) {
		return fmt.Errorf("%w, by another connection of %v", ErrStoreInUse, a.address)
	}
	c.mu.Lock()
	closed := c.state == Closed
	if !closed {
		c.disclaim = func() { store.release(a.address.String()) }
	}
	c.mu.Unlock()
	if closed {
		store.release(a.address.String())
		return ErrClosed
	}
	return nil
}

// release gives the store free.
func (c *Connection) release() {
	c.mu.Lock()
	f := c.disclaim
	c.disclaim = nil
	c.mu.Unlock()
	if f != nil {
		f()
	}
}
