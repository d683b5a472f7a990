package sm

import "time"

// MaxHeld is how many stanzas may wait behind one that isn't handled before the reader has to pause.
const MaxHeld = 4096

// A Seq names a received stanza to [In.Handled]. It is unique in the life of an In, across sessions.
// Zero is a stanza that doesn't count.
type Seq uint64

// In is the inbound side of a session. Its h is the length of the prefix that is handled:
// a stanza counts when it and all before it are handled, so that a process that ends
// in between is sent it again. The zero In counts nothing until Enable or Restore.
type In struct {
	mode mode
	held held

	// first ≤ done ≤ next; while resuming or repeating, first ≤ again ≤ next as well.
	first Seq // the oldest that is remembered
	done  Seq // all before it are handled
	again Seq // the next one that the server sends a second time
	next  Seq // the next one to come

	h        uint32 // stanzas before done
	hAgain   uint32 // stanzas before again
	answered uint32 // the h told last
	at       time.Time
}

type mode uint8

const (
	off       mode = iota
	counting       // the ordinary state
	resuming       // the stream is gone; what comes before <resumed/> is not the session's
	repeating      // resumed, and the server sends again what it has no ack for
)

// Enable begins a session with h = 0. Call it when <enabled/> arrives (XEP-0198 §4), with
// Bind 2 at <success/>. Stanzas of the session before no longer count, whenever
// they are handled.
func (in *In) Enable() {
	in.Disable()
	in.mode = counting
}

// Disable ends the counting.
func (in *In) Disable() {
	next := max(in.next, 1)
	*in = In{first: next, done: next, again: next, next: next}
}

// Restore takes up a session of which nothing is left but its h; [In.Resuming] comes next.
func (in *In) Restore(h uint32) {
	in.Disable()
	in.mode, in.h = resuming, h
}

// Receive notes a stanza: a message, a presence or an iq, also one that is refused afterwards
// ([Counts]); kind is the element's name, id and from are its attributes as they came. Its Seq is
// to be given to Handled, once.
//
// If again is true it was received before the stream was cut, and is with its handlers or
// through them: drop it. Such are recognised by their place, counted from the h of <resume/>, because
// ids may repeat. A *[Diverged] ends that and is to be reported; the stanza itself is then new, and to be handled.
func (in *In) Receive(kind, id, from string) (seq Seq, again bool, err error) {
	switch in.mode {
	case off, resuming:
		return 0, false, nil
	case repeating:
		if in.repeats(kind, id, from) {
			return 0, true, nil
		}
		err = in.diverge()
	}
	seq = in.next
	in.next++
	in.held.set(in.first, seq, sum(kind, id, from))
	return seq, false, err
}

// Handled notes that nothing more needs to be done about a stanza, in any order. What is
// not, or no longer, of this session is ignored.
func (in *In) Handled(seq Seq) {
	if seq < in.done || seq >= in.next {
		return
	}
	in.held.mark(seq, isHandled)
	in.advance()
}

// H is how many stanzas are handled without a gap, as an <a/> tells it.
func (in *In) H() uint32 {
	if in.mode == repeating && in.done > in.again {
		// Until the server has shown that it means the same stanzas by these numbers,
		// the handlers' progress is not told: an ack can't be taken back.
		return in.hAgain
	}
	return in.h
}

// Enabled tells whether received stanzas count now.
func (in *In) Enabled() bool { return in.mode == counting || in.mode == repeating }

// Held is how many stanzas wait: received, and not in H.
func (in *In) Held() int { return int(in.next - in.done) }

// Full tells whether the reader has to pause because [MaxHeld] stanzas wait behind one that isn't handled.
// That these are handled themselves changes nothing: neither H nor the server's queue knows.
func (in *In) Full() bool { return in.next-in.done >= MaxHeld }

func (in *In) advance() {
	for in.done < in.next && in.held.is(in.done, isHandled) {
		if !in.held.is(in.done, isVoid) {
			in.h++
		}
		in.done++
	}
	in.forget()
}

// forget lets go of what nobody will ask for.
func (in *In) forget() {
	in.first = in.done
	if in.mode >= resuming {
		in.first = min(in.done, in.again)
	}
	if in.first == in.next {
		in.held.empty()
	}
}
