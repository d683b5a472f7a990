package sm

import (
	"iter"
	"sync"
	"time"
)

const (
	// MaxStanzas is how many stanzas are in flight at most.
	MaxStanzas = 1024
	// MaxBytes is how many bytes of the application's stanzas are in flight, about.
	MaxBytes = 8 << 20
)

// Out is the outbound side of a session: the stanzas that were sent and that the server has not
// taken responsibility for. T is whatever the caller needs to send one again and to
// tell its outcome. The zero Out counts nothing until Enable or Restore.
type Out[T any] struct {
	on       bool
	acked    uint64 // stanzas acknowledged since the session began; its low half is the last h
	slots    []slot[T]
	head, n  int // the queue is slots[head:head+n], around the end; len(slots) is a power of two
	bytes    int
	requests requests
	spare    *Spare[T]
}

// Spare are places that the Outs of a program take turns with, so that one at rest has none.
type Spare[T any] struct{ arrays sync.Pool } // of *[fewSlots]slot[T], empty

const fewSlots = 4

// Use makes o take its places from s. Nothing may have been sent before.
func (o *Out[T]) Use(s *Spare[T]) { o.spare = s }

type slot[T any] struct {
	value T
	size  int
}

// Enable begins a session with a count of zero. Call it where <enable/> is written: what is sent
// behind it counts, whenever the answer comes (XEP-0198 §4). With Bind 2 that point is <success/>. It
// returns what was still waiting from the session before, whose outcome nobody told: nothing, after
// Failed or Disable.
func (o *Out[T]) Enable() (left []T) {
	left = o.Disable(nil)
	o.on = true
	return left
}

// Disable ends the counting, because <enable/> was refused or the session is over for good, and
// appends to dst what was not acknowledged, in order.
func (o *Out[T]) Disable(dst []T) []T {
	dst = o.pop(dst, o.n)
	*o = Out[T]{spare: o.spare}
	return dst
}

// Restore takes up a session that was kept: acked is what [Out.Acked] was, queue what
// [Out.Unacked] gave, each with its size.
func (o *Out[T]) Restore(acked uint64, queue iter.Seq2[T, int]) {
	*o = Out[T]{on: true, acked: acked, spare: o.spare}
	for v, size := range queue {
		o.push(v, size)
	}
}

// Enabled tells whether stanzas are counted.
func (o *Out[T]) Enabled() bool { return o.on }

// Sent notes a stanza of size bytes. Call it before the first byte is written, in the order of
// writing, for message, presence and iq alone. While nothing is counted it keeps nothing and returns false.
func (o *Out[T]) Sent(v T, size int, now time.Time) bool {
	if !o.on {
		return false
	}
	o.push(v, size)
	o.requests.sent(size, now)
	return true
}

// Ack takes the h of an <a/> and appends to dst what it acknowledges, in order. With an error,
// a *[TooHigh] or a *[WentBack], nothing has changed and the stream can't go on.
func (o *Out[T]) Ack(dst []T, h uint32) ([]T, error) {
	last := uint32(o.acked)
	n := h - last
	if uint64(n) > uint64(o.n) {
		// Which of the two it is can't be told from a number modulo 2³² alone; what never was
		// acknowledged can't be gone back to.
		if back := last - h; back < 1<<31 && uint64(back) <= o.acked {
			return dst, &WentBack{H: h, Last: last}
		}
		return dst, &TooHigh{H: h, Sent: uint32(o.sent())}
	}
	dst = o.pop(dst, int(n))
	o.acked += uint64(n)
	return dst, nil
}

// Resumed takes the h of a <resumed/>, as Ack would (XEP-0198 §5). What [Out.Unacked] then yields is to be
// written again, in that order and before anything new, and not given to Sent again: it has
// its numbers. A *[WentBack] says that the server has lost stanzas it had acknowledged: then nothing
// may be sent again on that stream, because the numbers mean different stanzas to the two sides.
func (o *Out[T]) Resumed(dst []T, h uint32) ([]T, error) {
	dst, err := o.Ack(dst, h)
	if err == nil {
		o.requests = requests{} // what was asked on the stream that was cut is not answered on this one
	}
	return dst, err
}

// Failed ends the session after a <failed/> that answers <resume/>, with its h if that is known
// (XEP-0198 §5). The stanzas in acked were handled. Those in rest were not, if h was known and err
// is nil; in every other case they may have been. An error says that h can't be true.
func (o *Out[T]) Failed(h uint32, known bool) (acked, rest []T, err error) {
	if known {
		acked, err = o.Ack(nil, h)
	}
	return acked, o.Disable(nil), err
}

// Rest gives memory back that nothing is in: an idle connection keeps no buffers.
func (o *Out[T]) Rest() {
	if o.n > 0 {
		return
	}
	if len(o.slots) == fewSlots && o.spare != nil {
		o.spare.arrays.Put((*[fewSlots]slot[T])(o.slots))
	}
	o.slots, o.head = nil, 0
}

// Unacked yields what is not acknowledged, in order, each with its number. The Out must not
// change meanwhile.
func (o *Out[T]) Unacked() iter.Seq2[uint32, T] {
	return func(yield func(uint32, T) bool) {
		for i := range o.n {
			if !yield(uint32(o.acked)+uint32(i)+1, o.at(i).value) {
				return
			}
		}
	}
}

// Acked is how many stanzas of the session were acknowledged, for [State].
func (o *Out[T]) Acked() uint64 { return o.acked }

// Count is how many stanzas of the session were sent, as h would count them.
func (o *Out[T]) Count() uint32 { return uint32(o.sent()) }

// Len is how many stanzas are not acknowledged, and their bytes.
func (o *Out[T]) Len() (stanzas, bytes int) { return o.n, o.bytes }

// Full tells whether a further stanza has to wait for an acknowledgement. The last reserve
// places are for others, as for replies: who must not wait for the reader asks with 0, and then only the
// number of stanzas counts. One stanza always has a place, however large.
func (o *Out[T]) Full(reserve int) bool {
	return o.n+reserve >= MaxStanzas || reserve > 0 && o.bytes >= MaxBytes
}

// Over tells whether so many times the bounds are in flight.
func (o *Out[T]) Over(times int) bool { return o.n >= times*MaxStanzas || o.bytes >= times*MaxBytes }

func (o *Out[T]) sent() uint64 { return o.acked + uint64(o.n) }

func (o *Out[T]) at(i int) *slot[T] { return &o.slots[(o.head+i)&(len(o.slots)-1)] }

func (o *Out[T]) push(v T, size int) {
	if o.n == len(o.slots) {
		o.grow()
	}
	o.n++
	*o.at(o.n - 1) = slot[T]{v, size}
	o.bytes += size
}

func (o *Out[T]) grow() {
	if len(o.slots) == 0 && o.spare != nil {
		if few, ok := o.spare.arrays.Get().(*[fewSlots]slot[T]); ok {
			o.slots = few[:]
			return
		}
	}
	slots := make([]slot[T], max(fewSlots, 2*len(o.slots)))
	n := copy(slots, o.slots[o.head:])
	copy(slots[n:], o.slots[:o.head])
	o.slots, o.head = slots, 0
}

// pop takes the n oldest off the queue. The caller counts them.
func (o *Out[T]) pop(dst []T, n int) []T {
	for n > 0 {
		run := o.slots[o.head:min(o.head+n, len(o.slots))]
		for i := range run {
			dst = append(dst, run[i].value)
			o.bytes -= run[i].size
		}
		clear(run) // what is acknowledged isn't kept alive
		o.head = (o.head + len(run)) & (len(o.slots) - 1)
		o.n -= len(run)
		n -= len(run)
	}
	return dst
}
