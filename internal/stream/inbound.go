package stream

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosmack/xmpp/stanza"
)

// The bounds on what was received and isn't handled yet (docs/architecture.md,
// "Back pressure"): past the soft one the reader pauses unless a request of ours is
// outstanding, past the hard one always.
const (
	softCount, softBytes = 256, 4 << 20
	hardCount, hardBytes = 4096, 32 << 20

	slowAfter = 5 * time.Second // of pausing, then it is said
)

// An Item is a received stanza on its way. It counts to the bounds until everyone who
// retained it has released it.
type Item struct {
	Stanza stanza.Stanza
	Size   int
	refs   atomic.Int32
	in     *Inbound
}

// Retain holds the item once more. A nil item is nobody's.
func (it *Item) Retain() {
	if it != nil {
		it.refs.Add(1)
	}
}

// Release lets go of the item.
func (it *Item) Release() {
	if it != nil && it.refs.Add(-1) == 0 {
		it.in.handled(it)
	}
}

// Inbound counts what was received and not handled.
type Inbound struct {
	Outstanding func() bool         // a request of ours waits for its answer
	Slow        func(time.Duration) // the reader has paused for so long

	mu     sync.Mutex
	count  int
	bytes  int
	paused chan struct{} // closed when the reader may look again; nil: it runs
	empty  chan struct{} // closed when nothing is left; nil: nobody waits
}

// NewItem takes a stanza in.
func (q *Inbound) NewItem(s stanza.Stanza, size int) *Item {
	q.mu.Lock()
	q.count++
	q.bytes += size
	q.mu.Unlock()
	it := &Item{Stanza: s, Size: size, in: q}
	it.refs.Store(1)
	return it
}

func (q *Inbound) handled(it *Item) {
	q.mu.Lock()
	q.count--
	q.bytes -= it.Size
	q.wake()
	if q.count == 0 && q.empty != nil {
		close(q.empty)
		q.empty = nil
	}
	q.mu.Unlock()
}

// Drained waits until everything that was received is handled; false: ctx or stop was first.
func (q *Inbound) Drained(ctx context.Context, stop <-chan struct{}) bool {
	q.mu.Lock()
	if q.count == 0 {
		q.mu.Unlock()
		return true
	}
	if q.empty == nil {
		q.empty = make(chan struct{})
	}
	empty := q.empty
	q.mu.Unlock()
	select {
	case <-empty:
		return true
	case <-stop:
	case <-ctx.Done():
	}
	return false
}

// Poke makes a paused reader look again, because a request was made.
func (q *Inbound) Poke() {
	q.mu.Lock()
	q.wake()
	q.mu.Unlock()
}

func (q *Inbound) wake() {
	if q.paused != nil && !q.full() {
		close(q.paused)
		q.paused = nil
	}
}

// full tells whether the reader has to pause. q.mu is held.
func (q *Inbound) full() bool {
	if q.count >= hardCount || q.bytes >= hardBytes {
		return true
	}
	return (q.count >= softCount || q.bytes >= softBytes) && !q.Outstanding()
}

// Pending is how many stanzas and bytes wait to be handled.
func (q *Inbound) Pending() (count, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.count, q.bytes
}

// Wait returns when there is room for a further stanza, or ctx ends.
func (q *Inbound) Wait(ctx context.Context) {
	var since time.Time
	for ctx.Err() == nil {
		q.mu.Lock()
		if !q.full() {
			q.mu.Unlock()
			return
		}
		if q.paused == nil {
			q.paused = make(chan struct{})
		}
		paused := q.paused
		q.mu.Unlock()
		if since.IsZero() {
			since = time.Now()
		}
		slow := time.NewTimer(slowAfter)
		select {
		case <-paused:
		case <-ctx.Done():
		case <-slow.C:
			q.Slow(time.Since(since))
		}
		slow.Stop()
	}
}
