package xmpp

import (
	"hash/maphash"
	"math/bits"
	"time"

	"github.com/gosmack/xmpp/internal/stream"
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
	seen  map[uint64]sighting
	order []uint64 // ring
	next  int
}

// A sighting is when a message was routed, by the monotonic clock, and in which session. It has no pointers: the
// collector needn't look at thousands of them.
type sighting struct{ at, epoch int64 }

// double tells whether m came before: the same sender, id and text at the same place in our own archive; or, without an archive, the
// same sender, id and text in an earlier session, and our server says that it is late. An id alone proves nothing.
func (c *Connection) double(m *stanza.Message) bool {
	if m.ID == "" || m.Type == stanza.MessageError || m.Type == stanza.MessageGroupchat {
		return false
	}
	user := c.User()
	self := user.Bare().String()
	archived, late := "", false
	for p := range m.Element().Children() {
		switch p.Local() {
		case "stanza-id":
			if p.Space() == "urn:xmpp:sid:0" && p.Attr("by") == self {
				archived = p.Attr("id")
			}
		case "delay":
			if p.Space() == "urn:xmpp:delay" {
				from := p.Attr("from")
				late = late || from == "" || from == self || from == user.Domain()
			}
		}
	}
	d := &c.doubles
	if d.seen == nil {
		d.seed, d.seen = maphash.MakeSeed(), make(map[uint64]sighting)
	}
	key := uint64(0)
	for _, s := range [...]string{m.From.String(), m.ID, archived, m.Body, m.Subject} {
		key = bits.RotateLeft64(key, 17)*0x9E3779B97F4A7C15 + maphash.String(d.seed, s)
	}
	now := sighting{stream.Clock(), c.epoch.Load()}
	if before, ok := d.seen[key]; ok && (archived != "" || late && before.epoch < now.epoch && time.Duration(now.at-before.at) < doublesFor) {
		d.seen[key] = sighting{now.at, before.epoch} // until we get to acknowledge it, it comes with each new session
		return true
	}
	d.keep(key, now)
	return false
}

func (d *doubles) keep(key uint64, now sighting) {
	if len(d.order) < doublesMax {
		d.order = append(d.order, key)
	} else {
		delete(d.seen, d.order[d.next])
		d.order[d.next] = key
		d.next = (d.next + 1) % doublesMax
	}
	d.seen[key] = now
}
