package mam

import (
	"context"
	"errors"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/stanzaid"
)

// While the archive is read, this much that comes live waits for its place. Past it, it is handed on.
const (
	holdMost  = 1000
	holdBytes = 16 << 20
	holdFor   = 30 * time.Second
)

// errDisorder tells that live messages didn't wait for the archive.
var errDisorder = errors.New("mam: catching up takes too long: messages come out of order, each once")

// A phase is what happens to live messages that our archive has.
type phase int

const (
	off     phase = iota // they pass: the server has no archive that could be caught up with
	holding              // they wait: the archive is being read
	flowing              // they pass, out of order: they have waited too long
	live                 // they pass: all that is older has been handed over
)

// admit lets live messages wait for what is older, on the router, and drops what has come already.
func (s *catchUp) admit(_ context.Context, m *stanza.Message) (ahead []*stanza.Message, hold bool) {
	id := s.idOf(m)
	if id == "" {
		if _, sent := stanza.Marked[xmpp.Sent](m); sent {
			s.a.sent.add(m) // a copy from a server that doesn't tell its place
		}
		return nil, false
	}
	ahead, hold, hurried := s.place(id, m)
	if hurried {
		s.a.conn.Report(errDisorder)
	}
	return ahead, hold
}

// place decides about a message. hurried: the order is lost from now on.
func (s *catchUp) place(id string, m *stanza.Message) (ahead []*stanza.Message, hold, hurried bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == off {
		return nil, false, false
	}
	w := waiting{m: m, id: id, print: s.ledger.fingerprint(m)}
	e, known := s.ledger.find(id)
	if known && (s.checked || e.print == w.print) {
		return nil, true, false
	}
	w.entered = !known
	if s.phase == live {
		s.ledger.set(id, entry{print: w.print, seq: s.ledger.step()})
		return nil, false, false
	}
	s.trim()
	if size := m.Element().Size(); s.phase == holding && len(s.held) < holdMost && s.heldBytes+size <= holdBytes {
		if w.entered {
			s.ledger.set(id, entry{print: w.print, held: true})
		}
		s.held = append(s.held, w)
		s.heldBytes += size
		if s.patience == nil {
			s.patience = time.AfterFunc(holdFor, s.impatient)
		}
		return nil, true, false
	}
	hurried = s.phase == holding
	s.phase = flowing
	for w := s.pop(); w.m != nil; w = s.pop() {
		s.loosen(w)
		ahead = append(ahead, w.m)
	}
	s.loosen(w)
	return ahead, false, hurried
}

// loosen notes that a message goes to the listeners ahead of older ones. s.mu is held.
func (s *catchUp) loosen(w waiting) {
	if !w.entered {
		return
	}
	s.ledger.set(w.id, entry{print: w.print})
	s.loose = w.id
}

// pop takes the first message that still waits; its m is nil where none does. s.mu is held.
func (s *catchUp) pop() (w waiting) {
	s.trim()
	if len(s.held) > 0 {
		w = s.held[0]
		s.drop()
	}
	return w
}

// trim forgets those ahead of it that came out of the archive meanwhile. s.mu is held.
func (s *catchUp) trim() {
	for len(s.held) > 0 {
		if s.waits(s.held[0]) {
			return
		}
		s.drop()
	}
	s.held = nil
	if s.patience != nil {
		s.patience.Stop()
		s.patience = nil
	}
}

// drop takes the first away. s.mu is held.
func (s *catchUp) drop() {
	s.heldBytes -= s.held[0].m.Element().Size()
	s.held[0] = waiting{}
	s.held = s.held[1:]
}

// impatient hands on what has waited for too long, unless a listener is at work on what is older: then it
// would wait all the same.
func (s *catchUp) impatient() {
	hurry := func() (*stanza.Message, bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.releasing || s.phase != holding && s.phase != flowing {
			return nil, false
		}
		w := s.pop()
		if w.m == nil {
			return nil, false
		}
		hurried := s.phase == holding
		s.phase = flowing
		s.loosen(w)
		return w.m, hurried
	}
	for more := true; more; {
		err := s.inTurn(s.a.conn.Done(), func() error {
			m, hurried := hurry()
			if hurried {
				s.a.conn.Report(errDisorder)
			}
			if more = m != nil; !more {
				return nil
			}
			return s.a.conn.Deliver(context.Background(), m)
		})
		more = more && err == nil
	}
}

// inTurn keeps those apart that deliver: what is known to have come is then with the listeners, ahead of
// what is delivered next.
func (s *catchUp) inTurn(end <-chan struct{}, f func() error) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
		return f()
	case <-end:
		return xmpp.ErrClosed
	}
}

// handled moves the position, on the application goroutine.
func (s *catchUp) handled(m *stanza.Message) {
	p := Place{Time: time.Now()}
	if mark, ok := stanza.Marked[Archived](m); ok {
		p.ID, p.Time = mark.ID, mark.Time
	} else if p.ID = s.idOf(m); p.ID == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.ledger.find(p.ID)
	if !ok {
		return
	}
	e.handled = true
	s.ledger.set(p.ID, e)
	if e.seq > 0 {
		s.keeper.move(position{p, e.seq})
	}
}

// idOf returns the id that a live message says to have in our archive, or "". It is worth something
// only where the server takes away forged ones: see believe.
func (s *catchUp) idOf(m *stanza.Message) string {
	own := s.a.conn.User().Bare()
	id, err := stanzaid.Trusted(m, own, func(by jid.JID) bool { return by == own })
	if err != nil || m.Type == stanza.MessageGroupchat || len(id.ID) > maxID {
		return ""
	}
	return id.ID
}
