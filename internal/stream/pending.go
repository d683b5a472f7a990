package stream

import (
	"sync"
	"sync/atomic"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// A Request is an IQ of ours that waits for its answer. Exactly one of the two ways ends it.
type Request struct {
	To    jid.JID
	Get   bool // type get: asking again does no harm
	Reply chan Answer
	// Apply, where it is set, takes the answer on the router, in the stream's order, before Reply
	// hears of it.
	Apply func(*stanza.IQ)

	written, ended atomic.Bool
}

// An Answer is what ended a request.
type Answer struct {
	IQ  *stanza.IQ
	Err error
}

// Written, Acked and Failed make a Request the Completion of its entry.
func (r *Request) Written(bool) {}

// Acked says nothing new: the answer will.
func (r *Request) Acked() {}

// Failed ends the request: its entry never left, or nobody knows.
func (r *Request) Failed(err error) { r.end(Answer{Err: err}) }

func (r *Request) end(a Answer) {
	r.ended.Store(true)
	select {
	case r.Reply <- a: // it has room for one
	default:
	}
}

// Pending is the table of outstanding requests. The reader completes, callers add.
type Pending struct {
	mu    sync.Mutex
	byID  map[string]*Request
	count atomic.Int32
}

// Add registers a request under its id; it tells false if the id is taken.
func (p *Pending) Add(id string, r *Request) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, taken := p.byID[id]; taken {
		return false
	}
	if p.byID == nil {
		p.byID = make(map[string]*Request)
	}
	p.byID[id] = r
	p.count.Store(int32(len(p.byID)))
	return true
}

// Remove forgets a request, whose late answer is dropped.
func (p *Pending) Remove(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remove(id)
}

func (p *Pending) remove(id string) {
	delete(p.byID, id)
	p.count.Store(int32(len(p.byID)))
	if len(p.byID) == 0 {
		p.byID = nil
	}
}

// Any tells whether a request is outstanding.
func (p *Pending) Any() bool { return p.count.Load() > 0 }

// Match takes the request that iq, of type result or error, answers: the id is ours and
// the sender is the one we asked (RFC 6120 §8.1.2.1, §8.2.3). self is our full JID.
func (p *Pending) Match(iq *stanza.IQ, self jid.JID) *Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.byID[iq.ID]
	if r == nil || !answers(iq.From, r.To, self) {
		return nil
	}
	p.remove(iq.ID)
	return r
}

// answers tells whether from may answer what was sent to to.
func answers(from, to, self jid.JID) bool {
	if to.IsZero() || to == self.Bare() {
		return from.IsZero() || from == self.Bare()
	}
	return from == to
}

// Complete hands the answer to whoever waits.
func (r *Request) Complete(iq *stanza.IQ) { r.end(Answer{IQ: iq}) }

// FailAll ends every request with what err makes of it.
func (p *Pending) FailAll(err func(r *Request, written bool) error) {
	p.mu.Lock()
	all := p.byID
	p.byID = nil
	p.count.Store(0)
	p.mu.Unlock()
	for _, r := range all {
		r.end(Answer{Err: err(r, r.written.Load())})
	}
}
