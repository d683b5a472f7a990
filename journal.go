package xmpp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosmack/xmpp/internal/sm"
	"github.com/gosmack/xmpp/internal/stream"
)

// A journal keeps messages in the store from when they are accepted until their outcome is known
// (ConnectionConfiguration.Durable). One value, account/outbox/<place of the first>, is one segment: the messages that were accepted while the
// segment before was being written. It is removed when the last of them has ended.
type journal struct {
	c       *Connection
	account account
	turn    chan struct{} // has one while a segment is written

	mu       sync.Mutex
	next     *segment   // collects what is accepted; nil: nothing is
	finished []*segment // to be removed
	cleaning chan struct{}
	count    int // messages
}

// A segment's fields are guarded by the journal's mu, until written is closed.
type segment struct {
	key     string
	state   sm.State
	waiting []*journaled  // for written
	left    int           // messages that have not ended
	stored  bool          // it is written
	written chan struct{} // closed when it is, or can't be
	err     error         // why it can't
}

// A journaled is a message in a journal: its entry's gate, and its completion on the way to who asked.
type journaled struct {
	stream.Completion
	journal *journal
	segment *segment // j.mu
	open    atomic.Bool
	over    bool // j.mu
}

func journalPrefix(a account) string { return a.address.String() + "/outbox/" }

func newJournal(c *Connection, a account) *journal {
	return &journal{c: c, account: a, turn: make(chan struct{}, 1)}
}

func (j *journal) newSegment(place uint64) *segment {
	return &segment{key: fmt.Sprintf("%s%016x", journalPrefix(j.account), place), written: make(chan struct{})}
}

// Accepted takes the message into the segment that is written next.
func (m *journaled) Accepted(e stream.Entry) {
	j := m.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.next == nil {
		j.next = j.newSegment(e.Place)
	}
	m.segment = j.next
	m.segment.add(&e)
	m.segment.waiting = append(m.segment.waiting, m)
	m.segment.left++
	j.count++
}

func (s *segment) add(e *stream.Entry) {
	s.state.Queue = append(s.state.Queue, sm.Entry{Data: e.Data, Meta: meta(isWaiting, e)})
}

// Open tells whether the message is durable.
func (m *journaled) Open() bool { return m.open.Load() }

// commit makes an accepted message durable, along with all that were accepted by then, or takes it back.
func (m *journaled) commit() error {
	j := m.journal
	j.mu.Lock()
	s := m.segment
	j.mu.Unlock()
	select {
	case <-s.written:
		return s.err
	case j.turn <- struct{}{}:
	}
	defer func() { <-j.turn }()
	select {
	case <-s.written: // by who had the turn before
	default:
		j.mu.Lock()
		j.next = nil // it was s
		j.mu.Unlock()
		j.write(s)
	}
	return s.err
}

// write stores a segment, with the turn.
func (j *journal) write(s *segment) {
	err := j.put(s)
	j.mu.Lock()
	s.stored, s.err = err == nil, err
	all := s.waiting
	s.waiting, s.state = nil, sm.State{}
	if err != nil {
		j.count -= s.left
		s.left = 0
	}
	if s.left == 0 {
		j.remove(s) // also where it could not be stored: it may have been, in part
	}
	j.mu.Unlock()
	for _, m := range all {
		m.open.Store(err == nil)
	}
	if err != nil {
		j.c.report(err)
		j.c.outbox.Expire(func(e *stream.Entry) bool {
			m, ok := e.Gate.(*journaled)
			return ok && m.segment == s
		})
	}
	close(s.written)
	j.c.outbox.Poke()
}

func (j *journal) put(s *segment) error {
	s.state.Cut = time.Now()
	data, err := s.state.AppendBinary(nil)
	if err == nil {
		err = j.c.storeOf(j.account).Put(context.WithoutCancel(j.c.ctx), s.key, data)
	}
	if err != nil {
		return fmt.Errorf("xmpp: storing the message: %w", err)
	}
	return nil
}

// Acked ends the message.
func (m *journaled) Acked() {
	m.end()
	m.Completion.Acked()
}

// Written ends it where no more will be known.
func (m *journaled) Written(final bool) {
	if final {
		m.end()
	}
	m.Completion.Written(final)
}

// Failed ends it, unless it goes on with a later process.
func (m *journaled) Failed(err error) {
	if !errors.Is(err, ErrSuspended) {
		m.end()
	}
	m.Completion.Failed(err)
}

func (m *journaled) end() {
	j := m.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	s := m.segment
	if m.over || s == nil || s.err != nil {
		return
	}
	m.over = true
	j.count--
	if s.left--; s.left == 0 && s.stored {
		j.remove(s)
	}
}

// remove takes a segment out of the store, some time. j.mu is held.
func (j *journal) remove(s *segment) {
	j.finished = append(j.finished, s)
	if j.cleaning == nil {
		j.cleaning = make(chan struct{})
		go j.clean(j.cleaning)
	}
}

// clean removes what has finished. What it can't remove the next process finds to be acknowledged.
func (j *journal) clean(done chan struct{}) {
	defer close(done)
	for {
		j.mu.Lock()
		all := j.finished
		j.finished = nil
		if len(all) == 0 {
			j.cleaning = nil
			j.mu.Unlock()
			return
		}
		j.mu.Unlock()
		for _, s := range all {
			if err := j.c.storeOf(j.account).Delete(context.WithoutCancel(j.c.ctx), s.key); err != nil {
				j.c.report(fmt.Errorf("xmpp: removing messages from the store: %w", err))
			}
		}
	}
}

// settled waits until what has finished is removed, or ctx ends.
func (j *journal) settled(ctx context.Context) {
	j.mu.Lock()
	cleaning := j.cleaning
	j.mu.Unlock()
	if cleaning == nil {
		return
	}
	select {
	case <-cleaning:
	case <-ctx.Done():
	}
}

// stored is how many messages the journal holds.
func (j *journal) stored() int {
	if j == nil {
		return 0
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.count
}
