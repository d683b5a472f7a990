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
//
// It is a ring with a table of places in it (open addressing, linear probing). Each message adds one and, when there are enough,
// takes the oldest off, which costs a map several times as much; and the collector has no pointers to look for.
type doubles struct {
	seed  maphash.Seed
	ring  []sighting
	next  int      // the oldest, once the ring is full
	table []uint16 // 1 + a place in ring; 0: free. Its length is a power of two, and at least half of it is free
}

// A sighting is when a message was routed, in seconds of the monotonic clock, and in which session.
type sighting struct {
	key       uint64
	at, epoch int32
}

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
	if d.ring == nil {
		d.seed = maphash.MakeSeed()
	}
	key := uint64(0)
	for _, s := range [...]string{m.From.String(), m.ID, archived, m.Body, m.Subject} {
		key = bits.RotateLeft64(key, 17) * 0x9E3779B97F4A7C15
		if s != "" { // which most have two of; an empty one has its place all the same
			key += maphash.String(d.seed, s)
		}
	}
	now := sighting{key, int32(time.Duration(stream.Clock()) / time.Second), int32(c.epoch.Load())}
	if before := d.find(key); before != nil {
		if archived != "" || late && before.epoch < now.epoch && time.Duration(now.at-before.at)*time.Second < doublesFor {
			before.at = now.at // until we get to acknowledge it, it comes with each new session
			return true
		}
		*before = now
		return false
	}
	d.add(now)
	return false
}

// find returns what is known of a message, or nil.
func (d *doubles) find(key uint64) *sighting {
	if len(d.table) == 0 {
		return nil
	}
	for i := d.slot(key); d.table[i] != 0; i = d.after(i) {
		if s := &d.ring[d.table[i]-1]; s.key == key {
			return s
		}
	}
	return nil
}

func (d *doubles) slot(key uint64) int { return int(key & uint64(len(d.table)-1)) }

func (d *doubles) after(slot int) int { return (slot + 1) & (len(d.table) - 1) }

// add takes a message in that is not known yet, in place of the oldest if there are enough.
func (d *doubles) add(s sighting) {
	place := d.next
	if len(d.ring) < doublesMax {
		place = len(d.ring)
		d.ring = append(d.ring, s)
		if 2*len(d.ring) > len(d.table) {
			d.table = make([]uint16, max(32, 2*len(d.table)))
			for i := range d.ring[:place] {
				d.enter(i)
			}
		}
	} else {
		d.leave(place)
		d.ring[place] = s
		d.next = (place + 1) % doublesMax
	}
	d.enter(place)
}

func (d *doubles) enter(place int) {
	i := d.slot(d.ring[place].key)
	for d.table[i] != 0 {
		i = d.after(i)
	}
	d.table[i] = uint16(place + 1)
}

// leave takes a place out of the table and closes the gap, so that no search ends there too early.
func (d *doubles) leave(place int) {
	i := d.slot(d.ring[place].key)
	for d.table[i] != uint16(place+1) {
		i = d.after(i)
	}
	for j := d.after(i); d.table[j] != 0; j = d.after(j) {
		// What stands at j may move to i unless its search begins behind i.
		if home := d.slot(d.ring[d.table[j]-1].key); (j-home)&(len(d.table)-1) >= (j-i)&(len(d.table)-1) {
			d.table[i] = d.table[j]
			i = j
		}
	}
	d.table[i] = 0
}
