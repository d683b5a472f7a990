package stream

import "time"

// Some servers end the stream because of a stanza of ours, and would end every stream on which it is sent again. Which one it was
// they don't say. So after such an end everything that was under way is suspect, and each suspect is sent alone and acknowledged before
// anything else leaves: the next time the one that stands first is the one.

// againStanzas is after how many stanzas that are written again the server is asked for its count.
const againStanzas = 25

// Blame makes everything that was written and isn't acknowledged suspect, and tells which stanza stood first; 0: there was none.
func (o *Outbox) Blame() (first uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	flying := o.flying()
	for _, e := range o.out.Unacked() {
		if flying--; flying < 0 {
			break // not written on this stream
		}
		if first == 0 {
			first = e.Serial
		}
		o.blamed = max(o.blamed, e.Serial)
	}
	return first
}

func (o *Outbox) suspects(e *Entry) bool {
	return !e.Nonza && e.Serial <= o.blamed && o.out.Enabled()
}

// flying is how many stanzas were written on this stream and are not acknowledged.
func (o *Outbox) flying() int {
	n, _ := o.out.Len()
	return n - len(o.again)
}

// holds tells whether e has to wait because it is suspect and others are under way.
func (o *Outbox) holds(e *Entry) bool { return o.suspects(e) && o.flying() > 0 }

// mayAgain is how many of those that are written again may be written now.
func (o *Outbox) mayAgain() int {
	if !o.suspects(&o.again[0]) {
		n, size := 0, 0
		for n < min(len(o.again), againStanzas) && size < batchBytes {
			size += len(o.again[n].Data)
			n++
		}
		return n
	}
	if o.flying() > 0 {
		return 0
	}
	return 1
}

// Acquit ends all suspicion where a server that is asked about a suspect has said nothing for so long: it acknowledges nothing, and the others
// would wait for ever.
func (o *Outbox) Acquit(after time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.blamed != 0 && !o.asked.IsZero() && time.Since(o.asked) > after {
		o.blamed, o.alone = 0, false
		o.wake()
	}
}

// relax lets others leave when a suspect was acknowledged.
func (o *Outbox) relax() {
	if o.flying() == 0 {
		o.alone = false
	}
}

// Expire takes out what then chooses of what was not written.
func (o *Outbox) Expire(then func(*Entry) bool) (old []Entry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for lane := range o.queue {
		q := &o.queue[lane]
		for range q.len() {
			if e := q.pop(); then(&e) {
				old = append(old, e)
			} else {
				q.push(e)
			}
		}
	}
	o.free()
	return old
}
