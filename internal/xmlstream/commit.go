package xmlstream

import (
	"bytes"
	"slices"
	"strings"
	"sync/atomic"
)

// commit makes the element out of b, its bytes, and the nodes scanned.
func (s *scanner) commit(b []byte) Element {
	var d *doc
	if n := len(s.nodes); s.apart && n >= cap(s.nodes)-cap(s.nodes)/4 {
		d = &doc{nodes: s.nodes} // a copy would double much memory
	} else {
		d = newDoc(n)
		copy(d.nodes, s.nodes)
	}
	d.text, d.root = string(b), s.root
	return Element{d, 0}
}

// draft is commit that leaves the nodes where they are, if it can.
func (s *scanner) draft(b []byte) Draft {
	l := s.lot
	if s.apart {
		return Draft{s.commit(b).d}
	}
	d := &l.docs[l.given]
	l.given++
	l.used += len(s.nodes)
	d.text, d.nodes, d.root, d.lot = string(b), s.nodes, s.root, l
	return Draft{d}
}

// newDoc makes a doc of n nodes, in one allocation if they are few. The sizes
// are those that the allocator has.
func newDoc(n int) *doc {
	switch {
	case n <= 4:
		d := new(struct {
			doc
			room [4]node
		})
		d.nodes = d.room[:n:n]
		return &d.doc
	case n <= 8:
		d := new(struct {
			doc
			room [8]node
		})
		d.nodes = d.room[:n:n]
		return &d.doc
	case n <= 12:
		d := new(struct {
			doc
			room [12]node
		})
		d.nodes = d.room[:n:n]
		return &d.doc
	case n <= 16:
		d := new(struct {
			doc
			room [16]node
		})
		d.nodes = d.room[:n:n]
		return &d.doc
	case n <= 20:
		d := new(struct {
			doc
			room [20]node
		})
		d.nodes = d.room[:n:n]
		return &d.doc
	case n <= 25:
		d := new(struct {
			doc
			room [25]node
		})
		d.nodes = d.room[:n:n]
		return &d.doc
	case n <= 28:
		d := new(struct {
			doc
			room [28]node
		})
		d.nodes = d.room[:n:n]
		return &d.doc
	case n <= 35:
		d := new(struct {
			doc
			room [35]node
		})
		d.nodes = d.room[:n:n]
		return &d.doc
	case n <= 48:
		d := new(struct {
			doc
			room [48]node
		})
		d.nodes = d.room[:n:n]
		return &d.doc
	}
	return &doc{nodes: make([]node, n)}
}

// commitRoot makes a root out of b, the bytes of a start tag. It copies what it
// needs, so that no element keeps the header alive.
func (s *scanner) commitRoot(b []byte) *root {
	f := &s.frames[0]
	rt := &root{name: append([]byte(nil), b[f.q:f.q+f.qLen]...)}
	rt.def = rt.adopt(s.spaceIn(b, f.def))
	for _, d := range s.binds {
		prefix := string(b[d.prefix : d.prefix+d.prefixLen])
		rt.binds = append(rt.binds, rootBinding{prefix, rt.adopt(s.spaceIn(b, d.ref))})
	}
	if last := lastRoot.Load(); last != nil && last.equal(rt) {
		return last
	}
	lastRoot.Store(rt)
	return rt
}

// lastRoot is the root made last. Headers are mostly the same, so that one will do for many streams.
var lastRoot atomic.Pointer[root]

func (rt *root) equal(o *root) bool {
	return rt.def == o.def && bytes.Equal(rt.name, o.name) && slices.Equal(rt.binds, o.binds) && slices.Equal(rt.outer, o.outer)
}

// adopt returns a reference to space that outlives the header.
func (rt *root) adopt(space string) uint32 {
	if ref, ok := wellKnownRef([]byte(space)); ok {
		return ref
	}
	if i := slices.Index(rt.outer, space); i >= 0 {
		return nsOuter | uint32(i)
	}
	rt.outer = append(rt.outer, strings.Clone(space))
	return nsOuter | uint32(len(rt.outer)-1)
}
