package xmpp

import "github.com/gosmack/xmpp/jid"

const (
	defaultStrangersBytes = 2 << 20
	addressBytes          = 256 // what presence costs of an address besides its text
	resourceBytes         = 128 // and of each of its resources
)

// bytes is what an availability counts for where it is kept.
func (a *Availability) bytes() int {
	return resourceBytes + len(a.Address.String()) + len(a.Status) + len(a.Show)
}

// strangers are the addresses whose presence is kept though they are not on the roster. Anybody can be one, so there is one bound on all of
// them: how many they are, how many resources each has and how long their addresses are is theirs to choose. Roster.mu guards it.
type strangers struct {
	limit       int // bytes
	bytes       int
	known       int        // bytes of those who are no strangers
	first, last *presences // in the order they came
}

func newStrangers(limit int) strangers {
	if limit <= 0 {
		limit = defaultStrangersBytes
	}
	return strangers{limit: limit}
}

// add makes p a stranger's.
func (s *strangers) add(p *presences) {
	s.known -= int(p.bytes)
	s.bytes += int(p.bytes)
	p.counted, p.prev = true, s.last
	if s.last == nil {
		s.first = p
	} else {
		s.last.next = p
	}
	s.last = p
}

// grow counts n bytes more of p.
func (s *strangers) grow(p *presences, n int) {
	p.bytes += int32(n)
	if p.counted {
		s.bytes += n
	} else {
		s.known += n
	}
}

// know makes p somebody's who is no stranger.
func (s *strangers) know(p *presences) {
	if !p.counted {
		return
	}
	s.bytes -= int(p.bytes)
	s.known += int(p.bytes)
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
	p.counted, p.prev, p.next = false, nil, nil
}

// forget counts p no more.
func (s *strangers) forget(p *presences) {
	s.know(p)
	s.grow(p, -int(p.bytes))
}

// makeRoom drops the strangers that were heard of first, as far as there are too many. r.mu is held.
func (r *Roster) makeRoom() (changes []Availability) {
	for r.strangers.bytes > r.strangers.limit {
		changes = append(changes, r.gone(r.strangers.first.bare, "")...)
	}
	return changes
}

// judge counts an address as what it is after the contact list has changed. r.mu is held.
func (r *Roster) judge(bare jid.JID) {
	p := r.present[bare]
	switch known := r.known(bare); {
	case p == nil:
	case known:
		r.strangers.know(p)
	case !p.counted:
		for i := range p.said {
			r.strangers.grow(p, -len(p.said[i].status))
			p.said[i].status = "" // as of any stranger
		}
		r.strangers.add(p)
	}
}

// fit leaves the status out where contacts' presence has no room for it; false: there is none for the rest either. It takes the place of
// what had so many bytes. r.mu is held.
func (r *Roster) fit(a *Availability, instead int) bool {
	room := r.limit() - r.strangers.known + instead
	if a.bytes() > room {
		a.Status = ""
	}
	return a.bytes() <= room
}
