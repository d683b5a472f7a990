package xmlstream

import (
	"sync"
	"sync/atomic"
)

// A Draft is an element that was read and whose nodes are still scratch. Copying them is a good part of
// what reading costs, and may be done by another goroutine. The zero Draft is none.
type Draft struct{ d *doc }

// Element is the element until Keep or Drop is called. The strings that one gets from it are good for ever.
func (t Draft) Element() Element { return Element{t.d, 0} }

// Keep returns the element, and makes t void: from then on Keep returns none.
func (t Draft) Keep() Element {
	d := t.d
	switch {
	case d == nil || d.lot == nil:
		return Element{d, 0}
	case d.nodes == nil:
		return Element{} // giving it back twice would give somebody else's lot away
	}
	e := newDoc(len(d.nodes))
	copy(e.nodes, d.nodes)
	e.text, e.root = d.text, d.root
	d.lot.back(d)
	return Element{e, 0}
}

// Drop is Keep of what nobody wants.
func (t Draft) Drop() {
	if t.d != nil && t.d.lot != nil && t.d.nodes != nil {
		t.d.lot.back(t.d)
	}
}

// A lot is where the nodes of elements are made, one element after another, by the Reader's goroutine. When it
// has gone on to another lot and all drafts are kept or dropped, the lot is used again.
type lot struct {
	size  int // in lots
	nodes []node
	docs  []doc

	used, given int // of nodes and of docs; the reader's

	out atomic.Int32 // the drafts that are out, less all that were given as long as the reader has the lot
}

// A stream that brings little at a time needs little room.
var (
	lotSizes = [...]struct{ nodes, docs int }{{64, 4}, {512, 32}}
	lots     [len(lotSizes)]sync.Pool
)

func getLot(size int) *lot {
	if l, ok := lots[size].Get().(*lot); ok {
		return l
	}
	n := lotSizes[size]
	return &lot{size: size, nodes: make([]node, n.nodes), docs: make([]doc, n.docs)}
}

// leave is the reader's last act.
func (l *lot) leave() {
	if l.out.Add(int32(l.given)) == 0 {
		l.put()
	}
}

// back takes a doc back.
func (l *lot) back(d *doc) {
	d.text, d.nodes, d.root = "", nil, nil
	if l.out.Add(-1) == 0 {
		l.put()
	}
}

func (l *lot) put() {
	l.used, l.given = 0, 0
	lots[l.size].Put(l)
}

// leaveLot is for a scanner that makes no more nodes in its lot.
func (s *scanner) leaveLot() {
	if s.lot != nil {
		s.lot.leave()
	}
	s.lot, s.nodes, s.apart = nil, nil, false
}

// minRoom is how many nodes an element should find room for. Most stanzas have fewer.
const minRoom = 32

// fewDrafts are not worth that a large lot waits for them. As long as more is at hand they aren't the last.
const fewDrafts = 8

// takeRoom begins with the nodes of an element, at most so many.
func (s *scanner) takeRoom(most int) {
	l := s.lot
	switch {
	case l == nil:
		l = getLot(0)
	case l.given == len(l.docs) || l.used > len(l.nodes)-minRoom:
		s.leaveLot()
		l = getLot(len(lotSizes) - 1)
	}
	s.lot, s.apart = l, false
	s.nodes = l.nodes[l.used:l.used]
	s.nodes = s.nodes[:0:min(cap(s.nodes), most)]
}

// growNodes takes a larger lot. If there is none it doubles small scratch and adds
// a quarter to big one, which keeps the sum of old and new in proportion to the text.
func (s *scanner) growNodes() bool {
	n := len(s.nodes)
	if n >= s.maxNodes {
		s.fail(PolicyViolation, "too many attributes")
		return false
	}
	largest := len(lotSizes) - 1
	if !s.apart && n < lotSizes[largest].nodes {
		l := getLot(largest)
		copy(l.nodes, s.nodes)
		s.leaveLot()
		s.lot, s.nodes = l, l.nodes[:n:min(len(l.nodes), s.maxNodes)]
		return true
	}
	size := 2 * n
	if size > 1<<16 {
		size = n + n/4
	}
	nodes := make([]node, n, min(size, s.maxNodes))
	copy(nodes, s.nodes)
	s.nodes, s.apart = nodes, true
	return true
}
