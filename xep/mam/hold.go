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
	if _, known := s.ledger.find(id); known {
		return nil, true, false
	}
	if s.phase == live {
		s.ledger.set(id, entry{seq: s.ledger.step()})
		return nil, false, false
	}
	s.trim()
	if size := m.Element().Size(); s.phase == holding && len(s.held) < holdMost && s.heldBytes+size <= holdBytes {
		s.ledger.set(id, entry{held: true})
		s.held = append(s.held, m)
		s.heldBytes += size
		if s.patience == nil {
			s.patience = time.AfterFunc(holdFor, s.impatient)
		}
		return nil, true, false
	}
	hurried = s.phase == holding
	s.phase = flowing
	for m := s.pop(); m != nil; m = s.pop() {
		s.loosen(s.idOf(m))
		ahead = append(ahead, m)
	}
	s.loosen(id)
	return ahead, false, hurried
}

// loosen notes that a message goes to the listeners ahead of older ones. s.mu is held.
func (s *catchUp) loosen(id string) {
	s.ledger.set(id, entry{})
	s.loose = id
}

// pop takes the first message that still waits, or nil. s.mu is held.
func (s *catchUp) pop() *stanza.Message {
	s.trim()
	if len(s.held) == 0 {
		return nil
	}
	m := s.held[0]
	s.drop()
	return m
}

// trim forgets those ahead of it that came out of the archive meanwhile. s.mu is held.
func (s *catchUp) trim() {
	for len(s.held) > 0 {
		if e, _ := s.ledger.find(s.idOf(s.held[0])); e.held {
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
	s.heldBytes -= s.held[0].Element().Size()
	s.held[0] = nil
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
		m := s.pop()
		if m == nil {
			return nil, false
		}
		hurried := s.phase == holding
		s.phase = flowing
		s.loosen(s.idOf(m))
		return m, hurried
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

// idOf returns the id that a live message has in our archive, or "". Only a server that takes away
// forged ids is believed (XEP-0359 §6).
func (s *catchUp) idOf(m *stanza.Message) string {
	own := s.a.conn.User().Bare()
	id, err := stanzaid.Trusted(m, own, func(by jid.JID) bool { return by == own })
	if err != nil || m.Type == stanza.MessageGroupchat || len(id.ID) > maxID {
		return ""
	}
	return id.ID
}
