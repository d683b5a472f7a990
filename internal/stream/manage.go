package stream

import (
	"context"
	"slices"
	"time"

	"github.com/gosmack/xmpp/internal/sm"
)

// Stream management (XEP-0198) as the outbox sees it: what was written and isn't acknowledged stays in it, numbered,
// until the server takes responsibility or the session is over for good.

// Join says whose stanzas are counted for an <a/>.
func (o *Outbox) Join(in *Inbound) {
	o.in = in
	o.out.Use(&spare)
}

var spare sm.Spare[Entry]

// Poke makes the writer look again, because the reader has paused.
func (o *Outbox) Poke() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.wake()
}

// Manage begins to count: <enable/> is the last thing that was written (XEP-0198 §4).
func (o *Outbox) Manage() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.out.Enable()
	o.served = false
	o.unnumbered = false
	o.change()
}

// Counts tells whether what is written is counted, so that the server has something to acknowledge.
func (o *Outbox) Counts() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.out.Enabled()
}

// Unmanage ends the counting, because the server refused it: what was written is no more than that.
func (o *Outbox) Unmanage() {
	o.mu.Lock()
	left := o.out.Disable(nil)
	o.change()
	o.owe, o.ask, o.alone = false, false, false
	o.free()
	o.wake()
	o.mu.Unlock()
	for i := range left {
		if left[i].Done != nil {
			left[i].Done.Written(true)
		}
	}
}

// Owe makes the writer tell what is handled: the server asked, or it is time.
func (o *Outbox) Owe() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.out.Enabled() && o.writer != nil {
		o.owe = true
		o.wake()
	}
}

// Unanswered is since when the server owes an answer to an <r/>, of a server that does answer them; zero: it owes none.
func (o *Outbox) Unanswered() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.served {
		return time.Time{}
	}
	return o.asked
}

// Probe asks the server for an acknowledgement now; false: there is no stream management.
func (o *Outbox) Probe() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.out.Enabled() || o.writer == nil {
		return false
	}
	o.ask = true
	o.wake()
	return true
}

// Ack takes the server's count. An error (*sm.TooHigh, *sm.WentBack) ends the stream and the session.
func (o *Outbox) Ack(h uint32) error { return o.ack(h, (*sm.Out[Entry]).Ack) }

// Resumed takes the count of a <resumed/>.
func (o *Outbox) Resumed(h uint32) error {
	err := o.ack(h, (*sm.Out[Entry]).Resumed)
	if err == nil {
		o.mu.Lock()
		o.closeUp()
		o.change()
		o.mu.Unlock()
	}
	return err
}

func (o *Outbox) ack(h uint32, f func(*sm.Out[Entry], []Entry, uint32) ([]Entry, error)) error {
	o.mu.Lock()
	o.stretch(h)
	done, err := f(&o.out, entryArrays.get(), h)
	o.asked, o.served = time.Time{}, true
	o.relax()
	o.free()
	o.wake()
	if o.writer == nil || !o.writer.running {
		o.out.Rest()
	}
	o.mu.Unlock()
	acked(done)
	entryArrays.put(done)
	return err
}

func acked(done []Entry) {
	for i := range done {
		if done[i].Done != nil {
			done[i].Done.Acked()
		}
	}
}

// Lose ends a session that can't be resumed. With known, h is what the server handled of it: the rest was not. Without, the
// rest may have been.
func (o *Outbox) Lose(h uint32, known bool) (rest []Entry, certain bool) {
	o.mu.Lock()
	if known {
		o.stretch(h)
	}
	done, rest, err := o.out.Failed(h, known)
	rest = slices.DeleteFunc(rest, missing)
	o.owe, o.ask, o.loose = false, false, false
	o.change()
	o.mu.Unlock()
	acked(done)
	return rest, known && err == nil
}

// Drain waits until everything is written and, with stream management, acknowledged; or until ctx ends or the session has gone.
func (o *Outbox) Drain(ctx context.Context, gone <-chan struct{}) {
	asked := false
	for {
		o.mu.Lock()
		waiting := 0
		for lane := range o.queue {
			waiting += o.queue[lane].len()
		}
		flying, _ := o.out.Len()
		if o.writer == nil || waiting+flying == 0 {
			o.mu.Unlock()
			return
		}
		if waiting == 0 && !asked {
			asked, o.ask = true, true
			o.wake()
		}
		if o.freed == nil {
			o.freed = make(chan struct{})
		}
		freed := o.freed
		o.mu.Unlock()
		select {
		case <-freed:
		case <-gone:
			return
		case <-ctx.Done():
			return
		}
	}
}

// Unacked is how many stanzas were written and are not acknowledged.
func (o *Outbox) Unacked() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, _ := o.out.Len()
	return n
}

// request adds an <r/> to the batch where one is due, or sees to it that one will be. o.mu is held.
func (o *Outbox) request(batch []Entry) []Entry {
	due, wait := o.ask, time.Duration(0)
	if o.out.Enabled() && !due {
		due, wait = o.out.RequestDue(time.Now())
	}
	o.ask = false
	switch {
	case due:
		return o.askNow(batch)
	case wait > 0 && o.timer == nil:
		o.timer = time.AfterFunc(wait, o.remind)
	case wait > 0:
		o.timer.Reset(wait)
	}
	return batch
}

// askNow adds an <r/> to the batch. o.mu is held.
func (o *Outbox) askNow(batch []Entry) []Entry {
	o.out.Requested()
	if o.asked.IsZero() {
		o.asked = time.Now()
	}
	return append(batch, Entry{Data: request, Nonza: true})
}

var request = []byte(sm.Request)

// remind looks whether an <r/> is due, a while after the last stanza.
func (o *Outbox) remind() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.timer == nil || o.writer == nil || o.writer.final != nil {
		return
	}
	due, wait := o.out.RequestDue(time.Now())
	if wait > 0 && !due {
		o.timer.Reset(wait)
		return
	}
	o.timer = nil // an idle connection keeps none
	if due {
		o.ask = true
		o.wake()
	}
}

// quiet ends the timer. o.mu is held.
func (o *Outbox) quiet() {
	if o.timer != nil {
		o.timer.Stop()
		o.timer = nil
	}
}
