package xmpp

import (
	"encoding/binary"
	"iter"
	"slices"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// presences are the available resources of one address. They are few, so that looking through them costs less than a map, in memory as
// well as in time.
//
// An account sees thousands of resources, and the garbage collector looks at all that lives in each of its cycles. So they are packed: nothing in cards is a
// pointer, and all of them are one object. Nothing of it refers to the stanza it came in, nor to what package jid keeps.
type presences struct {
	bare  jid.JID
	cards []byte // one behind the other
	said  []said // nil, or one for each card

	bytes int32 // what they count for, at most 64 statuses and resources

	counted    bool // it is a stranger's
	prev, next *presences
}

// A card begins with the code of its show, its priority and two bytes with the length of the resource, which follows.
const cardHead = 4

// said is what is seldom there: a show that RFC 6121 §4.7.2.1 doesn't know, and the status.
type said struct {
	show   stanza.Show
	status string
}

// The code of a show is its place in usualShows, else otherShow.
var usualShows = [...]stanza.Show{stanza.ShowAvailable, stanza.ShowAway, stanza.ShowChat, stanza.ShowDND, stanza.ShowXA}

const otherShow = 255

// A spot is where a resource stands: which one it is, and from where to where its card goes.
type spot struct{ i, at, end int }

func (p *presences) all() iter.Seq[spot] {
	return func(yield func(spot) bool) {
		for s := (spot{}); s.at < len(p.cards); s = (spot{i: s.i + 1, at: s.end}) {
			s.end = s.at + cardHead + int(binary.LittleEndian.Uint16(p.cards[s.at+2:]))
			if !yield(s) {
				return
			}
		}
	}
}

func (p *presences) count() (n int) {
	for range p.all() {
		n++
	}
	return n
}

// find returns where a resource stands, and whether it does.
func (p *presences) find(resource string) (spot, bool) {
	for s := range p.all() {
		if string(p.cards[s.at+cardHead:s.end]) == resource {
			return s, true
		}
	}
	return spot{}, false
}

// address is the full address of a resource, made for who asks.
func (p *presences) address(s spot) jid.JID {
	resource := string(p.cards[s.at+cardHead : s.end])
	if resource == "" {
		return p.bare // who has sent presence without a resource
	}
	full, _ := p.bare.WithResource(resource) // it has been one
	return full
}

// read is what is kept of the resource, which has that address.
func (p *presences) read(s spot, address jid.JID) Availability {
	a := Availability{Address: address, Available: true, Priority: int8(p.cards[s.at+1])}
	if p.said != nil {
		a.Show, a.Status = p.said[s.i].show, p.said[s.i].status
	}
	if code := p.cards[s.at]; code != otherShow {
		a.Show = usualShows[code]
	}
	return a
}

// write keeps what is new of a resource.
func (p *presences) write(s spot, a Availability) {
	code := slices.Index(usualShows[:], a.Show)
	other := said{status: a.Status}
	if code < 0 {
		code, other.show = otherShow, a.Show
	}
	p.cards[s.at], p.cards[s.at+1] = byte(code), byte(a.Priority)
	if p.said == nil && other != (said{}) {
		p.said = make([]said, p.count())
	}
	if p.said != nil {
		p.said[s.i] = other
	}
}

// add keeps a further resource.
func (p *presences) add(a Availability) {
	resource := a.Address.Resource()
	s := spot{p.count(), len(p.cards), len(p.cards) + cardHead + len(resource)}
	if s.end > cap(p.cards) {
		p.cards = append(make([]byte, 0, s.end+s.end/8), p.cards...) // twice as much would count for more than it is
	}
	p.cards = append(binary.LittleEndian.AppendUint16(append(p.cards, 0, 0), uint16(len(resource))), resource...)
	if p.said != nil {
		p.said = append(p.said, said{})
	}
	p.write(s, a)
}

// remove takes a resource off, and gives back the room of many.
func (p *presences) remove(s spot) {
	p.cards = slices.Delete(p.cards, s.at, s.end)
	if 2*len(p.cards) < cap(p.cards) {
		p.cards = slices.Clone(p.cards)
	}
	if p.said != nil {
		p.said = slices.Delete(p.said, s.i, s.i+1)
		if 2*len(p.said) < cap(p.said) {
			p.said = slices.Clone(p.said)
		}
	}
}
