package xmpp

import (
	"container/list"

	"github.com/gosmack/xmpp/jid"
)

const (
	defaultStrangersBytes = 1 << 20
	strangerBytes         = 512 // what an address costs besides its text: two maps and a place in the order
	resourceBytes         = 256 // what each of its resources does
)

// strangers are the addresses whose presence is kept though they are not on the roster. Anybody can be one, so there is one bound on all of
// them: how many they are, how many resources each has and how long their addresses are is theirs to choose. Roster.mu guards it.
type strangers struct {
	limit int // bytes
	bytes int
	order list.List // of *stranger; who came first is in front
	of    map[jid.JID]*list.Element
}

type stranger struct {
	address jid.JID
	bytes   int
}

func newStrangers(limit int) strangers {
	if limit <= 0 {
		limit = defaultStrangersBytes
	}
	return strangers{limit: limit}
}

// add counts a resource. The first one's text stays as long as the address, which is a part of it.
func (s *strangers) add(full jid.JID) {
	bare := full.Bare()
	at := s.of[bare]
	if at == nil {
		if s.of == nil {
			s.of = make(map[jid.JID]*list.Element)
		}
		at = s.order.PushBack(&stranger{address: bare})
		s.of[bare] = at
		s.count(at, strangerBytes+len(full.String()))
	}
	s.count(at, resourceBytes+len(full.String()))
}

// remove takes a resource off.
func (s *strangers) remove(full jid.JID) {
	if at := s.of[full.Bare()]; at != nil {
		s.count(at, -resourceBytes-len(full.String()))
	}
}

func (s *strangers) count(at *list.Element, n int) {
	at.Value.(*stranger).bytes += n
	s.bytes += n
}

// forget drops an address.
func (s *strangers) forget(bare jid.JID) {
	at := s.of[bare]
	if at == nil {
		return
	}
	s.bytes -= at.Value.(*stranger).bytes
	s.order.Remove(at)
	delete(s.of, bare)
}

// makeRoom drops the strangers that were heard of first, as far as there are too many. r.mu is held.
func (r *Roster) makeRoom() (changes []Availability) {
	for r.strangers.bytes > r.strangers.limit {
		first := r.strangers.order.Front().Value.(*stranger).address
		changes = append(changes, r.gone(first, "", "")...)
	}
	return changes
}

// judge counts an address as what it is after the contact list has changed. r.mu is held.
func (r *Roster) judge(bare jid.JID) {
	known, counted := r.known(bare), r.strangers.of[bare] != nil
	switch {
	case known:
		r.strangers.forget(bare)
	case !counted:
		for resource, a := range r.present[bare] {
			r.present[bare][resource] = keep(a, false)
			r.strangers.add(a.Address)
		}
	}
}
