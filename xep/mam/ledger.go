package mam

import (
	"hash/maphash"

	"github.com/gosmack/xmpp/stanza"
)

// ledgerSize is how many messages are remembered. What comes by both ways further apart, comes
// twice.
const ledgerSize = 1 << 15

// A ledger remembers which messages of our archive have come, by whichever way, as fingerprints of
// their ids.
type ledger struct {
	seed    maphash.Seed
	entries map[uint64]entry
	order   []uint64 // ring
	next    int
	seq     uint64 // given last
}

// An entry is what is known of a message.
type entry struct {
	print   uint64 // of the message itself: see fingerprint
	seq     uint64 // its place among those that have come in the archive's order; 0: not known yet
	held    bool   // it is kept back, and nobody has seen it
	handled bool
}

func newLedger() ledger {
	return ledger{seed: maphash.MakeSeed(), entries: make(map[uint64]entry)}
}

// clear forgets all messages, but not how many places were given: positions are compared by them.
func (l *ledger) clear() {
	*l = ledger{seed: l.seed, entries: make(map[uint64]entry), seq: l.seq}
}

// fingerprint tells a message from others that say to have the same id.
func (l *ledger) fingerprint(m *stanza.Message) uint64 {
	if m == nil {
		return 0
	}
	var h maphash.Hash
	h.SetSeed(l.seed)
	for _, s := range [...]string{m.From.String(), m.ID, m.Body} {
		_, _ = h.WriteString(s)
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}

// step gives the next place in the archive's order.
func (l *ledger) step() uint64 {
	l.seq++
	return l.seq
}

func (l *ledger) find(id string) (e entry, ok bool) {
	e, ok = l.entries[maphash.String(l.seed, id)]
	return e, ok
}

// set notes what is known of a message, in place of what was.
func (l *ledger) set(id string, e entry) {
	key := maphash.String(l.seed, id)
	if _, known := l.entries[key]; !known {
		if len(l.order) < ledgerSize {
			l.order = append(l.order, key)
		} else {
			delete(l.entries, l.order[l.next])
			l.order[l.next] = key
			l.next = (l.next + 1) % ledgerSize
		}
	}
	l.entries[key] = e
}
