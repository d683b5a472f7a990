package stream

// A Gate holds a message back until it is durable. Nothing in it may block.
type Gate interface {
	// Accepted hears that the entry has its place, in the order of the places.
	Accepted(e Entry)
	// Open tells whether it may be written.
	Open() bool
}

// recordEvery is after how many messages it is recorded where the queue stands, though it would follow: what a later process has to count through is bounded.
const recordEvery = 4096

// Durable makes the outbox call record, on the writer's goroutine, before it writes what a later process could not tell from what was recorded last: the
// messages with a Place are taken to follow one another in their order, everything else has to be recorded. An error ends the session.
func (o *Outbox) Durable(record func() error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.record, o.stale = record, true
}

// Changed says that what was recorded is no longer true.
func (o *Outbox) Changed() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.change()
}

func (o *Outbox) change() {
	if o.record != nil {
		o.stale = true
		o.wake()
	}
}

// follow takes note that e gets the next number. o.mu is held.
func (o *Outbox) follow(e *Entry) {
	if e.Place == 0 || e.Place != o.follows || e.Place-o.recorded >= recordEvery {
		o.stale = o.record != nil
	}
	o.follows = max(o.follows, e.Place+1)
}

// toRecord is what is to be called before the next write, or nil. o.mu is held.
func (o *Outbox) toRecord() func() error {
	if o.record == nil || !o.stale {
		return nil
	}
	o.stale, o.recorded = false, o.follows
	return o.record
}

// gated tells whether e is not durable yet.
func gated(e *Entry) bool { return e.Gate != nil && !e.Gate.Open() }
