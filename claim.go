package xmpp

import (
	"fmt"
	"sync"

	"github.com/gosmack/xmpp/jid"
)

// claims are the accounts that live connections use a store for: one store is one device, and two connections of an account would
// take each other's session away.
type claims struct {
	mu    sync.Mutex
	first string          // taken, mostly the only one; "": none
	taken map[string]bool // further ones
}

// A claimer is a store that knows. Those of other packages don't.
type claimer interface {
	claim(account string) bool
	release(account string)
}

func (c *claims) claim(account string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.first == account || c.taken[account]:
		return false
	case c.first == "":
		c.first = account
		return true
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
	if c.first == account {
		c.first = ""
	}
	delete(c.taken, account)
}

// claim makes the store this connection's for an account, from its login until it fails or the connection is closed.
func (c *Connection) claim(a account) error {
	store, ok := c.cfg.Store.(claimer)
	if !ok || a.address.IsZero() {
		return nil
	}
	if !store.claim(a.address.String()) {
		return fmt.Errorf("%w, by another connection of %v", ErrStoreInUse, a.address)
	}
	c.mu.Lock()
	closed := c.state == Closed
	if !closed {
		c.claimed = a.address
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
	account := c.claimed
	c.claimed = jid.JID{}
	c.mu.Unlock()
	if store, ok := c.cfg.Store.(claimer); ok && !account.IsZero() {
		store.release(account.String())
	}
}
