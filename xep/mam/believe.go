package mam

import "github.com/gosmack/xmpp/stanza"

// Whoever writes to us may write a stanza-id of our archive, and only a server that announces
// urn:xmpp:sid:0 takes it away (XEP-0359 §6). In each new session messages come before it is known
// whether it does. Until then they wait, or go on after a while, and no id becomes a position; nor does
// a message count as one that has come already but where all of it is the same, so that a forged id is
// its forger's loss.

// A waiting message is live and waits for its place.
type waiting struct {
	m       *stanza.Message
	id      string // in our archive, as it says
	print   uint64
	entered bool // the ledger's entry of that id is this message's
}

// waits tells whether a message has not come out of the archive meanwhile. s.mu is held.
func (s *catchUp) waits(w waiting) bool {
	if !w.entered {
		return true
	}
	e, _ := s.ledger.find(w.id)
	return e.held
}

// believe takes the ids of a session for what they say. ok is false where another has begun.
func (s *catchUp) believe(epoch int) (ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch != epoch {
		return false
	}
	s.checked = true
	s.sift(func(w waiting) (waiting, bool) {
		if _, known := s.ledger.find(w.id); known {
			return w, w.entered // else it has come already
		}
		s.ledger.set(w.id, entry{print: w.print, held: true})
		w.entered = true
		return w, true
	})
	return true
}

// disbelieve forgets all that ids have told. What waits goes on waiting. s.mu is held.
func (s *catchUp) disbelieve() {
	s.sift(func(w waiting) (waiting, bool) {
		still := s.waits(w)
		w.entered = false
		return w, still
	})
	s.ledger.clear()
	s.checked, s.loose = false, ""
}

// sift puts what f returns in place of each message that waits, or drops it. s.mu is held.
func (s *catchUp) sift(f func(waiting) (waiting, bool)) {
	all := s.held
	s.held, s.heldBytes = all[:0], 0
	for _, w := range all {
		if w, still := f(w); still {
			s.held = append(s.held, w)
			s.heldBytes += w.m.Element().Size()
		}
	}
	clear(all[len(s.held):])
}
