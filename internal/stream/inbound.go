package stream

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosmack/xmpp/internal/sm"
	"github.com/gosmack/xmpp/internal/xmlstream"
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
	Stanza stanza.Stanza   // nil before Decode
	draft  xmlstream.Draft // until Decode
	Size   int32           // bytes
	refs   atomic.Int32
	in     *Inbound
	seq    sm.Seq // its place in the server's count; 0: none

	dropped atomic.Bool

	next  *Item            // in Inbound.done
	turns [stages - 1]turn // on each stage, the first
}

// Decode makes the stanza of the element, unless that was done; false: it is none, and report was told.
func (it *Item) Decode(report func(error)) bool {
	if it.Stanza != nil {
		return true
	}
	e := stanza.Element(it.draft.Keep())
	it.draft = xmlstream.Draft{}
	s, err := stanza.FromElement(e)
	if err != nil {
		report(err)
		return false
	}
	it.Stanza = s
	return true
}

// Retain holds the item once more. A nil item is nobody's.
func (it *Item) Retain() { it.retain() }

// retain is Retain; false: it was handled already, as far as its turn went.
func (it *Item) retain() bool {
	if it == nil {
		return true
	}
	for {
		n := it.refs.Load()
		if n == 0 {
			return false
		}
		if it.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Held is the item, held once more, or nil where it was handled already.
func (it *Item) Held() *Item {
	if !it.retain() {
		return nil
	}
	return it
}

// Release lets go of the item.
func (it *Item) Release() {
	if it != nil && it.refs.Add(-1) == 0 {
		it.in.handled(it)
	}
}

// drop lets go of an item that nobody will handle any more: the server is not told that it was.
func (it *Item) drop() {
	if it != nil {
		it.dropped.Store(true)
		it.Release()
	}
}

// A Keeper is what an Inbound needs of its connection.
type Keeper interface {
	Outstanding() bool  // a request of ours waits for its answer
	Slow(time.Duration) // the reader has paused for so long
	Owe()               // the server is to be told what is handled
	Report(error)
	Pausing()   // the reader has paused
	Busy() bool // handlers run; Poke is called when none does any more
}

// Inbound counts what was received and not handled.
type Inbound struct {
	of Keeper

	// The reader's own:
	crowded bool   // as of the last item
	spare   []Item // for the next ones
	made    int    // how many were made at once

	// What was handled and isn't counted yet: a lock for each stanza, which the reader needs as well,
	// would cost as much as all else here.
	done  atomic.Pointer[Item]
	ticks atomic.Uint32 // how many were handled, about

	mu     sync.Mutex
	count  int
	bytes  int
	paused chan struct{} // closed when the reader may look again; nil: it runs
	ended  time.Time     // when the reader had paused last
	empty  chan struct{} // closed when nothing is left; nil: nobody waits
	ending bool          // nothing more is handed out
	sm     sm.In
}

// Init says whose it is.
func (q *Inbound) Init(of Keeper) { q.of = of }

// NewItem takes a stanza in; nil: it was received before the stream was resumed.
func (q *Inbound) NewItem(d xmlstream.Draft) *Item { return q.newItem(d, d.Element().Size()) }

func (q *Inbound) newItem(d xmlstream.Draft, size int) *Item {
	e := d.Element()
	kind, id, from := e.Local(), e.Attr("id"), e.Attr("from")
	q.mu.Lock()
	seq, again, err := q.sm.Receive(kind, id, from)
	if !again {
		q.count++
		q.bytes += size
	}
	if q.crowded = q.full(); q.crowded {
		q.settle()
		q.crowded = q.full()
	}
	q.mu.Unlock()
	if err != nil {
		q.of.Report(err)
	}
	if again {
		return nil
	}
	if len(q.spare) == 0 {
		q.made = min(2*q.made+1, 8)
		q.spare = make([]Item, q.made)
	}
	it := &q.spare[0]
	q.spare = q.spare[1:]
	it.draft, it.Size, it.in, it.seq = d, int32(size), q, seq
	it.refs.Store(1)
	return it
}

// Rest gives back what was made for a burst. The reader calls it.
func (q *Inbound) Rest() { q.spare, q.made = nil, 0 }

// settleAfter is how many stanzas are handled before they are counted, as long as handlers are at work. A large one is worth many: what a paused
// reader waits for may be bytes.
const (
	settleAfter = 16
	tickBytes   = 8 << 10
)

func (q *Inbound) handled(it *Item) {
	it.Stanza, it.draft = nil, xmlstream.Draft{} // it may lie beside one that lives on
	worth := 1 + uint32(it.Size)/tickBytes
	for {
		it.next = q.done.Load()
		if q.done.CompareAndSwap(it.next, it) {
			break
		}
	}
	if n := q.ticks.Add(worth); n/settleAfter != (n-worth)/settleAfter || !q.of.Busy() {
		q.Poke() // else it comes when they rest
	}
}

// lock takes q.mu, for who wants to know what is handled.
func (q *Inbound) lock() {
	q.mu.Lock()
	q.settle()
}

// settle counts what was handled. q.mu is held.
func (q *Inbound) settle() {
	for it := q.done.Swap(nil); it != nil; {
		q.count--
		q.bytes -= int(it.Size)
		if !it.dropped.Load() {
			q.sm.Handled(it.seq)
		}
		it, it.next = it.next, nil
	}
	if q.count == 0 && q.empty != nil {
		close(q.empty)
		q.empty = nil
	}
}

// Manage begins to count: <enabled/> has come.
func (q *Inbound) Manage() {
	q.lock()
	defer q.mu.Unlock()
	q.sm.Enable()
}

// Unmanage ends the counting: the session is over for good.
func (q *Inbound) Unmanage() {
	q.lock()
	defer q.mu.Unlock()
	q.sm.Disable()
	q.wake()
}

// Resuming is the count for a <resume/> that is written now.
func (q *Inbound) Resuming() uint32 {
	q.lock()
	defer q.mu.Unlock()
	return q.sm.Resuming()
}

// Resumed notes that <resumed/> has come.
func (q *Inbound) Resumed() {
	q.lock()
	defer q.mu.Unlock()
	q.sm.Resumed()
}

// H is the count for an <a/> that is written now.
func (q *Inbound) H() uint32 {
	q.lock()
	defer q.mu.Unlock()
	return q.sm.Ack(time.Now())
}

// Drained waits until everything that was received is handled; false: ctx or stop was first.
func (q *Inbound) Drained(ctx context.Context, stop <-chan struct{}) bool {
	q.lock()
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

// Poke counts what was handled, and makes a paused reader look again: handlers rest, or a request was made.
func (q *Inbound) Poke() {
	q.lock()
	if !q.over(2) || !q.of.Busy() || q.of.Outstanding() {
		// Not at the first place that gets free while handlers make room for more: a reader that is woken for each stanza costs
		// as much as they do. But where a request of ours waits it is all for that.
		q.wake()
	}
	due, _ := q.sm.AckDue(time.Time{}, false)
	q.mu.Unlock()
	if due {
		q.of.Owe()
	}
}

// End makes the reader read on for the server's last words, because nothing more is handed out: what the server is not told of as handled
// now never will be, and is no reason to pause. What is still held counts to the hard bound.
func (q *Inbound) End() {
	q.lock()
	defer q.mu.Unlock()
	q.ending = true
	q.wake()
}

func (q *Inbound) wake() {
	if q.paused != nil && !q.full() {
		close(q.paused)
		q.paused = nil
	}
}

// full tells whether the reader has to pause. q.mu is held.
func (q *Inbound) full() bool { return q.over(1 << 30) }

// over tells whether the bounds, divided by part, are reached.
func (q *Inbound) over(part int) bool {
	if q.count >= hardCount-hardCount/part || q.bytes >= hardBytes-hardBytes/part {
		return true
	}
	if q.ending {
		return false
	}
	return q.sm.Full() || (q.count >= softCount-softCount/part || q.bytes >= softBytes-softBytes/part) && !q.of.Outstanding()
}

// Pending is how many stanzas and bytes wait to be handled.
func (q *Inbound) Pending() (count, bytes int) {
	q.lock()
	defer q.mu.Unlock()
	return q.count, q.bytes
}

// Wait returns when there is room for a further stanza, or ctx ends. The reader calls it.
func (q *Inbound) Wait(ctx context.Context) {
	if !q.crowded {
		return
	}
	var since time.Time
	for ctx.Err() == nil {
		q.lock()
		if !q.full() {
			q.crowded = false
			if !since.IsZero() {
				q.ended = time.Now()
			}
			q.mu.Unlock()
			return
		}
		if q.paused == nil {
			q.paused = make(chan struct{})
		}
		paused := q.paused
		q.mu.Unlock()
		q.of.Pausing()
		if since.IsZero() {
			since = time.Now()
		}
		slow := time.NewTimer(slowAfter)
		select {
		case <-paused:
		case <-ctx.Done():
		case <-slow.C:
			q.of.Slow(time.Since(since))
			q.lock()
			due, _ := q.sm.AckDue(time.Now(), true)
			q.mu.Unlock()
			if due {
				q.of.Owe() // a paused reader shows that it lives
			}
		}
		slow.Stop()
	}
}

// Reading is since when the reader has not paused.
func (q *Inbound) Reading() time.Time {
	q.lock()
	defer q.mu.Unlock()
	return q.ended
}

// Crowded makes the next Wait look for itself.
func (q *Inbound) Crowded() { q.crowded = true }

// Paused tells whether the reader waits for room.
func (q *Inbound) Paused() bool {
	q.lock()
	defer q.mu.Unlock()
	return q.paused != nil
}
