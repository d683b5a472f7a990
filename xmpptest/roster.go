package xmpptest

import (
	"cmp"
	"maps"
	"slices"

	"github.com/gosmack/xmpp/jid"
)

// roster is what an account knows of its contacts. The server's lock guards it.
type roster struct {
	items   map[jid.JID]*item
	removed map[jid.JID]int // version at which an item went
	version int
}

// item is one contact. Not every one is in the roster that clients see: one
// may only be a request that waits (RFC 6121 §3.1.3).
type item struct {
	address  jid.JID // bare
	name     string
	groups   []string
	to, from bool   // the subscription
	ask      bool   // own request, not answered
	approved bool   // allowed before being asked, §3.4
	listed   bool   // clients see it
	request  []byte // the contact's request, not answered
	version  int    // at its last change
}

func newRoster() roster {
	return roster{items: map[jid.JID]*item{}, removed: map[jid.JID]int{}}
}

// item returns the item of an address, making one that no client sees.
func (r *roster) item(address jid.JID) *item {
	it := r.items[address]
	if it == nil {
		it = &item{address: address}
		r.items[address] = it
	}
	return it
}

// sorted returns all items in the order of their last change.
func (r *roster) sorted() []*item {
	return slices.SortedFunc(maps.Values(r.items), func(a, b *item) int {
		return cmp.Or(cmp.Compare(a.version, b.version), cmp.Compare(a.address.String(), b.address.String()))
	})
}

// subscription is the state as RFC 6121 §2.1.2.5 names it.
func (it *item) subscription() string {
	switch {
	case it.to && it.from:
		return "both"
	case it.to:
		return "to"
	case it.from:
		return "from"
	}
	return "none"
}

// changed pushes an item if clients see a difference to what it was.
func (s *Server) changed(a *account, it *item, before item) {
	if !it.listed {
		return
	}
	same := before.listed && before.to == it.to && before.from == it.from && before.ask == it.ask &&
		before.approved == it.approved && before.name == it.name && slices.Equal(before.groups, it.groups)
	if !same {
		s.update(a, it)
	}
}

// update counts a change of an item and pushes it.
func (s *Server) update(a *account, it *item) {
	r := &a.roster
	r.version++
	it.version = r.version
	delete(r.removed, it.address)
	for _, c := range a.interested() {
		c.deliver(s.push(c, r.version, it, it.address))
	}
}

// remove deletes an item, ends its subscriptions (§2.5.2) and pushes that.
func (s *Server) remove(a *account, it *item) {
	to := it.address
	if it.to || it.ask {
		it.to, it.ask = false, false
		s.inbound(to, "unsubscribe", a.address, empty("presence", "unsubscribe", a.address, to))
	}
	if it.from || it.request != nil {
		if it.from {
			s.withdraw(a, s.account(to))
		}
		it.from, it.request = false, nil
		s.inbound(to, "unsubscribed", a.address, empty("presence", "unsubscribed", a.address, to))
	}
	r := &a.roster
	delete(r.items, to)
	r.version++
	r.removed[to] = r.version
	for _, c := range a.interested() {
		c.deliver(s.push(c, r.version, nil, to))
	}
}
