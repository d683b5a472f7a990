package stream

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosmack/xmpp/internal/sm"
)

// ErrFull says that a lane of the outbox has no room.
var ErrFull = errors.New("the outbox is full")

// ErrNoSession says that what belongs to a session came after its end.
var ErrNoSession = errors.New("the session has ended")

// A Lane is one of the outbox's queues. A lower one goes first.
type Lane int

// The lanes. Replies and what a new session needs pass what the application sends.
const (
	Replies Lane = iota // automatic answers
	Setup               // what a new session needs before the application's stanzas
	Main                // the application's, in its order
	lanes
)

// room is what each lane holds at most.
var room = [lanes]struct{ entries, bytes int }{
	Replies: {256, 32 << 20},
	Setup:   {1 << 20, 1 << 30}, // bounded by who writes to it: Start and the core
	Main:    {1024, 8 << 20},
}

// A Completion hears what becomes of an entry: Written, then Acked where the server acknowledges, or Failed at any
// time; the last of them once. It must not block.
type Completion interface {
	// Written: the bytes were handed to the network. final says that no more will be known.
	Written(final bool)
	// Acked: the server has taken responsibility (XEP-0198 §4).
	Acked()
	Failed(err error)
}

// An Entry is one stanza, ready to be written.
type Entry struct {
	Data []byte
	Done Completion // nil: nobody asks
	Keep bool       // it waits for the next session where this one ends before it is written
	At   time.Time  // when it was accepted

	Delayed bool // it says already that it is late

	Nonza bool // no stanza: never counted, never sent again

	// Maybe: an earlier session was lost with it, and the server may have it from there.
	Maybe bool

	Serial uint64 // in the order in which stanzas were accepted; the outbox's to set
	Gate   Gate   // nil: it may be written
	Place  uint64 // of a message among the messages, likewise; it stays the same when another process takes the message over
}

// A SharedCompletion is one for many entries, which is told whose end it is in place of Failed.
type SharedCompletion interface {
	Completion
	EntryFailed(data []byte, err error)
}

// Fail ends the entry with an error.
func (e *Entry) Fail(err error) {
	switch done := e.Done.(type) {
	case nil:
	case SharedCompletion:
		done.EntryFailed(e.Data, err)
	default:
		done.Failed(err)
	}
}

// The Outbox holds what waits to be written, across sessions. Any goroutine may put;
// the attached Writer takes.
type Outbox struct {
	mu     sync.Mutex
	queue  [lanes]fifo
	open   bool          // Main may be taken
	out    sm.Out[Entry] // what was written and isn't acknowledged
	again  []Entry       // of it, what the resumed stream has to be sent first
	asked  time.Time     // when the first <r/> was written that has no answer; zero: each has
	served bool          // the server has answered one, so it does
	owe    bool          // an <a/> is owed
	ask    bool          // an <r/> is wanted now
	timer  *time.Timer   // until an <r/> is due; nil: none was ever
	in     reading       // the other direction

	waiting atomic.Int32 // who wait for room
	writer  *Writer      // of the running session, or nil
	closed  error        // why nothing is taken in any more
	serial  uint64       // of the entry that was accepted last
	place   uint64       // of the message that was accepted last
	blamed  uint64       // entries up to this one are suspects (poison.go)
	alone   bool         // a suspect is under way: nothing else is taken

	record            func() error // stores what is to outlive the process (durable.go); nil: nothing is
	stale             bool         // what was recorded last is not true, or not enough
	follows, recorded uint64       // the place of the message that may be written without a record, and where that was recorded last

	unnumbered bool // messages were written without stream management: nobody counts them
	loose      bool // another process began the session (Restore)
	freed      chan struct{}
}

// reading is what an Outbox needs of the Inbound.
type reading interface {
	H() uint32    // the count for an <a/>
	Paused() bool // the reader has paused
	Poke()        // makes a paused reader look again
}

// TryPut queues e, or says ErrFull or why the outbox is closed.
func (o *Outbox) TryPut(lane Lane, e Entry) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.tryPut(lane, e)
}

func (o *Outbox) tryPut(lane Lane, e Entry) error {
	if r, ok := e.Done.(*Request); ok && r.ended.Load() {
		return ErrNoSession // that of the session it was made for, which has ended since
	}
	if o.closed != nil {
		return o.closed
	}
	if o.writer == nil && (lane != Main || !e.Keep) && (lane != Replies || !o.out.Enabled()) {
		return ErrNoSession // it belongs to the session that asked, or to none that may come
	}
	q := &o.queue[lane]
	// One stanza always has a place in an empty lane, however large.
	if n := q.len(); n >= room[lane].entries || n > 0 && q.bytes+len(e.Data) > room[lane].bytes {
		return ErrFull
	}
	o.serial++
	e.Serial = o.serial
	if e.Keep {
		o.place++
		e.Place = o.place
		if e.Gate != nil {
			e.Gate.Accepted(e)
		}
	}
	q.push(e)
	o.wake()
	return nil
}

// Put is TryPut that waits for room until ctx ends.
func (o *Outbox) Put(ctx context.Context, lane Lane, e Entry) error {
	for {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		o.mu.Lock()
		err := o.tryPut(lane, e)
		if !errors.Is(err, ErrFull) {
			o.mu.Unlock()
			return err
		}
		if o.freed == nil {
			o.freed = make(chan struct{})
		}
		freed := o.freed
		o.mu.Unlock()
		o.waiting.Add(1)
		o.in.Poke()
		select {
		case <-freed:
		case <-ctx.Done():
		}
		o.waiting.Add(-1)
	}
}

// Wanting tells whether somebody waits for room.
func (o *Outbox) Wanting() bool { return o.waiting.Load() > 0 }

// wake starts the writer where there is work for it. o.mu is held.
func (o *Outbox) wake() {
	if w := o.writer; w != nil && !w.running && (w.final != nil || o.ready()) {
		w.running = true
		go w.start()
	}
}

func (o *Outbox) ready() bool {
	if o.blamed != 0 && o.in.Paused() {
		o.blamed, o.alone = 0, false // the suspect's acknowledgement may lie behind what isn't read
	}
	if o.owe || o.ask || o.record != nil && o.stale || len(o.again) > 0 && o.mayAgain() > 0 {
		return true
	}
	for lane := range o.queue {
		if o.queue[lane].len() > 0 && o.may(Lane(lane)) {
			return true
		}
	}
	return false
}

// reserved is how many places in flight the application's stanzas leave to the others.
const reserved = 64

// may tells whether a lane may be taken from.
func (o *Outbox) may(lane Lane) bool {
	if e := o.queue[lane].peek(); o.alone || len(o.again) > 0 || gated(e) || o.holds(e) {
		return false
	}
	if lane == Main {
		return o.open && (!o.out.Full(reserved) || o.in.Paused() && !o.out.Over(deafTimes))
	}
	return !o.out.Full(0) || o.in.Paused()
}

// A paused reader waits for callbacks and sees no acknowledgement, while they may wait for room here. So the bound on what is in flight is
// larger then: for the application so many times as large, for answers by what was received and can be answered.
const deafTimes = 8

// take moves waiting entries, at most about max bytes of them, to batch. o.mu is held.
func (o *Outbox) take(batch []Entry, max int) []Entry {
	if o.owe {
		o.owe, o.stale = false, true // an h that was told can't be taken back
		batch = append(batch, Entry{Data: sm.AppendAck(nil, o.in.H()), Nonza: true})
	}
	size := 0
	if len(o.again) > 0 {
		// They have their numbers. Each piece is asked for at once, so that a connection that breaks again has brought us further.
		n := o.mayAgain()
		if n == 0 {
			return o.request(batch)
		}
		batch = append(batch, o.again[:n]...)
		if o.again = o.again[n:]; len(o.again) == 0 {
			o.again = nil
		}
		o.ask = true
		return o.request(batch)
	}
	now := time.Time{}
	for lane := range o.queue {
		q, taken := &o.queue[lane], len(batch)
		limit := max
		if Lane(lane) == Replies {
			limit = max / 2 // whoever makes us answer all the time does not silence us
		}
		for q.len() > 0 && size < limit && o.may(Lane(lane)) {
			e := q.pop()
			size += len(e.Data)
			batch = append(batch, e)
			if o.out.Enabled() && !e.Nonza {
				if now.IsZero() {
					now = time.Now()
				}
				o.out.Sent(e, len(e.Data), now)
				o.follow(&e)
				if o.alone = o.suspects(&e); o.alone {
					o.ask = true
				} else if due, _ := o.out.RequestDue(now); due {
					batch = o.askNow(batch)
				}
			} else if e.Keep {
				o.unnumbered = true
			}
		}
		if len(batch) > taken && q.len() <= room[lane].entries/2 && q.bytes <= room[lane].bytes/2 {
			o.free() // those who wait for another lane look and go on waiting
		}
	}
	return o.request(batch)
}

// free wakes everyone who waits for room. o.mu is held.
func (o *Outbox) free() {
	if o.freed != nil {
		close(o.freed)
		o.freed = nil
	}
}

// Attach makes w the writer. What the application sends waits for Open. On a resumed stream what isn't acknowledged is written
// first.
func (o *Outbox) Attach(w *Writer, resumed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writer, o.open, o.owe, o.ask, o.again, o.alone, o.asked = w, false, false, false, nil, false, time.Time{}
	if resumed {
		for _, e := range o.out.Unacked() {
			o.again = append(o.again, e)
		}
		o.ask = true
		o.wake()
	}
}

// Open lets the application's stanzas flow.
func (o *Outbox) Open() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.open = true
	o.wake()
}

// Detach ends the stream's writer. Where the stream can be resumed everything stays as it is.
func (o *Outbox) Detach(resumable bool, err error) {
	o.mu.Lock()
	o.writer, o.open, o.again = nil, false, nil
	o.quiet()
	o.free() // what waits for room and belongs to this session has nothing to wait for
	for lane := range o.queue {
		for q, n := &o.queue[lane], o.queue[lane].len(); n > 0; n-- {
			if e := q.pop(); !e.Nonza { // what is no stanza is of this stream alone
				q.push(e)
			}
		}
	}
	o.mu.Unlock()
	if !resumable {
		o.Drop(err)
	}
}

// Drop fails what waits and belongs to the session that is over; what is kept stays.
func (o *Outbox) Drop(err error) {
	o.mu.Lock()
	var dropped []Entry
	for lane := range o.queue {
		q := &o.queue[lane]
		for range q.len() {
			e := q.pop()
			if e.Keep && Lane(lane) == Main {
				q.push(e)
			} else {
				dropped = append(dropped, e)
			}
		}
	}
	o.free()
	o.mu.Unlock()
	for i := range dropped {
		dropped[i].Fail(err)
	}
}

// PutBack puts entries at the head of the application's lane: they were accepted before everything that waits there. False: the
// outbox is closed.
func (o *Outbox) PutBack(entries []Entry) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed != nil {
		return false
	}
	q := &o.queue[Main]
	for q.len() > 0 {
		entries = append(entries, q.pop())
	}
	for i := range entries {
		q.push(entries[i])
	}
	return true
}

// Close refuses everything from now on and returns what was left of the application's
// stanzas, each of which has failed with err.
func (o *Outbox) Close(err error) (left []Entry) {
	o.mu.Lock()
	if o.closed == nil {
		o.closed = err
	}
	var all []Entry
	for lane := range o.queue {
		for q := &o.queue[lane]; q.len() > 0; {
			e := q.pop()
			all = append(all, e)
			if Lane(lane) == Main {
				left = append(left, e)
			}
		}
	}
	o.free()
	o.mu.Unlock()
	for i := range all {
		if all[i].Maybe {
			all[i].Fail(&lostError{err})
		} else {
			all[i].Fail(err)
		}
	}
	return left
}

// Refuse makes every further Put fail with err; what waits is still written.
func (o *Outbox) Refuse(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed == nil {
		o.closed = err
	}
	o.free()
}

// Full tells whether the application's lane has no room.
func (o *Outbox) Full() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	q := &o.queue[Main]
	return q.len() >= room[Main].entries || q.bytes >= room[Main].bytes
}

// Waiting is the number of stanzas of the application that are not yet taken by a writer.
func (o *Outbox) Waiting() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.queue[Main].len()
}
