package xmpp

import (
	"hash/maphash"
	"time"

	"github.com/gosmack/xmpp/stanza"
)

// What a server sends again because a stream was cut may have been handled already. Stream management recognises it by its place
// where the server keeps the order; what comes behind a difference, or in a new session, is recognised by what it is.
const (
	doublesFor = 10 * time.Minute
	doublesMax = 4096
)

// doubles remembers the messages that were routed, as fingerprints. The router alone uses it.
type doubles struct {
	seed  maphash.Seed
	seen  map[uint64]time.Time
	order []uint64 // ring
	next  int
}

// double tells whether m came before: the same sender, id and place in our own archive, or without an archive the same sender and id and
// a mark of the server's that it is late. An id alone proves nothing.
func (c *Connection) double(m *stanza.Message) bool {
	if m.ID == "" || m.Type == stanza.MessageError {
		return false
	}
	self := c.User().Bare().String()
	archived, late := "", false
	for p := range m.Payloads() {
		switch {
		case p.Is("urn:xmpp:sid:0", "stanza-id") && p.Attr("by") == self:
			archived = p.Attr("id")
		case p.Is("urn:xmpp:delay", "delay"):
			late = true
		}
	}
	d := &c.doubles
	if d.seen == nil {
		d.seed, d.seen = maphash.MakeSeed(), make(map[uint64]time.Time)
	}
	var h maphash.Hash
	h.SetSeed(d.seed)
	for _, s := range [...]string{m.From.String(), m.ID, archived} {
		_, _ = h.WriteString(s)
		_ = h.WriteByte(0)
	}
	key, now := h.Sum64(), time.Now()
	if at, ok := d.seen[key]; ok && now.Sub(at) < doublesFor && (archived != "" || late) {
		return true
	}
	d.keep(key, now)
	return false
}

func (d *doubles) keep(key uint64, now time.Time) {
	if len(d.order) < doublesMax {
		d.order = append(d.order, key)
	} else {
		delete(d.seen, d.order[d.next])
		d.order[d.next] = key
		d.next = (d.next + 1) % doublesMax
	}
	d.seen[key] = now
}
