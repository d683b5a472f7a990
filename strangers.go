package xmpp

import "github.com/gosmack/xmpp/jid"

const (
	defaultStrangersBytes = 2 << 20
	strangerBytes         = 256 // what an address costs besides its text
	resourceBytes         = 128 // what each of its resources does
)

// presences are the available resources of one address. They are few, so that looking through them costs less than a map, in memory as
// well as in time.
type presences struct {
	bare jid.JID
	of   []Availability

	// Of a stranger only:
	counted    bool
	bytes      int
	prev, next *presences
}

// find is the place of a resource, or -1.
func (p *presences) find(resource string) int {
	for i := range p.of {
		if p.of[i].Address.Resource() == resource {
			return i
		}
	}
	return -1
}

// strangers are the addresses whose presence is kept though they are not on the roster. Anybody can be one, so there is one bound on all of
// them: how many they are, how many resources each has and how long their addresses are is theirs to choose. Roster.mu guards it.
type strangers struct {
	limit       int // bytes
	bytes       int
	first, last *presences // in the order they came
}

func newStrangers(limit int) strangers {
	if limit <= 0 {
		limit = defaultStrangersBytes
	}
	return strangers{limit: limit}
}

// add counts an address, whose text the first resource keeps.
func (s *strangers) add(p *presences) {
	p.counted, p.prev = true, s.last
	if s.last == nil {
		s.first = p
	} else {
		s.last.next = p
	}
	s.last = p
	s.grow(p, strangerBytes+len(p.bare.String()))
}

// grow counts n bytes more of p, if it is a stranger's.
func (s *strangers) grow(p *presences, n int) {
	if p.counted {
		p.bytes += n
		s.bytes += n
	}
}

// forget counts p no more.
func (s *strangers) forget(p *presences) {
	if !p.counted {
		return
	}
	s.bytes -= p.bytes
	if p.prev == nil {
		s.first = p.next
	} else {
		p.prev.next = p.next
	}
	if p.next == nil {
		s.last = p.prev
	} else {
		p.next.prev = p.prev
	}
	p.counted, p.bytes, p.prev, p.next = false, 0, nil, nil
}

// makeRoom drops the strangers that were heard of first, as far as there are too many. r.mu is held.
func (r *Roster) makeRoom() (changes []Availability) {
	for r.strangers.bytes > r.strangers.limit {
		changes = append(changes, r.gone(r.strangers.first.bare, "", "")...)
	}
	return changes
}

// judge counts an address as what it is after the contact list has changed. r.mu is held.
func (r *Roster) judge(bare jid.JID) {
	p := r.present[bare]
	switch known := r.known(bare); {
	case p == nil:
	case known:
		r.strangers.forget(p)
	case !p.counted:
		r.strangers.add(p)
		for i, a := range p.of {
			p.of[i] = keep(a, false)
			r.strangers.grow(p, resourceBytes+len(a.Address.String()))
		}
	}
}
