package stream

import (
	"context"
	"iter"
	"slices"
)

// Kept is what an outbox holds that has to outlive the process.
type Kept struct {
	Acked   uint64  // stanzas of the session that the server has acknowledged
	Flying  []Entry // written since then, in order
	Waiting []Entry // messages that were accepted and never written, in order
	Place   uint64  // the highest that any message had
	Written uint64  // the place behind which everything may have been written, in its order, without a record
	// Loose: nobody knows whether all of Flying was written, and what was acknowledged may be missing at its end.
	Loose bool
}

// Kept copies what is to be kept.
func (o *Outbox) Kept() (k Kept) {
	o.mu.Lock()
	defer o.mu.Unlock()
	k.Acked, k.Place = o.out.Acked(), o.place
	if !o.unnumbered && o.follows > 0 {
		k.Written = o.follows - 1
	}
	for _, e := range o.out.Unacked() {
		k.Flying = append(k.Flying, e)
	}
	for lane := range o.queue {
		for _, e := range o.queue[lane].entries[o.queue[lane].head:] {
			if e.Keep {
				k.Waiting = append(k.Waiting, e)
			}
		}
	}
	return k
}

// Restore takes up what another process left. With managed Flying is to be resumed, and an entry of it without Data is a stanza that has its
// number and is not sent again; else it is for somebody else to decide about. Nothing may have been sent before.
func (o *Outbox) Restore(k Kept, managed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.place, o.follows = k.Place, k.Place+1
	o.change()
	o.number(k.Flying)
	o.number(k.Waiting)
	if managed {
		o.out.Restore(k.Acked, sized(k.Flying))
		o.loose = k.Loose
	}
	for _, e := range k.Waiting {
		o.queue[Main].push(e)
	}
}

// number gives entries of another process their serials. o.mu is held.
func (o *Outbox) number(entries []Entry) {
	for i := range entries {
		o.serial++
		entries[i].Serial = o.serial
	}
}

func sized(entries []Entry) iter.Seq2[Entry, int] {
	return func(yield func(Entry, int) bool) {
		for _, e := range entries {
			if !yield(e, len(e.Data)) {
				return
			}
		}
	}
}

// stretch makes room in a loose queue for an h behind its end: what is missing there was acknowledged, or it would have been kept. o.mu is held.
func (o *Outbox) stretch(h uint32) {
	if !o.loose {
		return
	}
	o.loose = false
	flying := o.unacked()
	if more := h - o.out.Count(); more < 1<<31 {
		o.out.Restore(o.out.Acked()+uint64(more), sized(flying))
	}
}

// closeUp drops from a resumed session what has a number and is not sent again: the server, which never got it, gives its number to the next.
// o.mu is held.
func (o *Outbox) closeUp() {
	flying := slices.DeleteFunc(o.unacked(), missing)
	if n, _ := o.out.Len(); len(flying) < n {
		o.out.Restore(o.out.Acked(), sized(flying))
	}
}

func missing(e Entry) bool { return e.Data == nil }

func (o *Outbox) unacked() (flying []Entry) {
	for _, e := range o.out.Unacked() {
		flying = append(flying, e)
	}
	return flying
}

// Leave empties the outbox: messages end with kept, because they are kept elsewhere, and everything else with err.
func (o *Outbox) Leave(kept, err error) {
	o.mu.Lock()
	all := o.out.Disable(nil)
	for lane := range o.queue {
		for q := &o.queue[lane]; q.len() > 0; {
			all = append(all, q.pop())
		}
	}
	o.free()
	o.mu.Unlock()
	for i := range all {
		if all[i].Keep {
			all[i].Fail(kept)
		} else {
			all[i].Fail(err)
		}
	}
}

// Restore takes up a session of which h stanzas were handled.
func (q *Inbound) Restore(h uint32) {
	q.lock()
	defer q.mu.Unlock()
	q.sm.Restore(h)
}

// Handled is the count of what is handled, without telling it.
func (q *Inbound) Handled() uint32 {
	q.lock()
	defer q.mu.Unlock()
	return q.sm.H()
}

// Suspend writes what waits and the last <a/>, as far as ctx lets it, and closes the connection without ending the stream, so that the server
// keeps the session (XEP-0198 §5). The reader is through when it returns.
func (s *Session) Suspend(ctx context.Context, err error) {
	s.setErr(err)
	words, cancel := context.WithCancel(ctx)
	defer cancel()
	defer s.life.AfterFunc(cancel)()
	s.writer.finish(words, "", true)
	s.fail(err)
	<-s.gone.C()
}
