package xmlstream

import (
	"slices"
	"strings"
)

// commit makes the element out of b, its bytes, and the nodes scanned.
func (s *scanner) commit(b []byte) Element {
	return Element{&doc{text: string(b), nodes: s.takeNodes(), outer: s.root.outer}, 0}
}

// takeNodes returns the nodes in a slice of their own: a copy of the exact size,
// or the scratch itself where a copy would double much memory.
func (s *scanner) takeNodes() []node {
	if n := len(s.nodes); n > keptNodes && n >= cap(s.nodes)-cap(s.nodes)/4 {
		nodes := s.nodes
		s.nodes = nil
		return nodes
	}
	nodes := make([]node, len(s.nodes))
	copy(nodes, s.nodes)
	return nodes
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
	return rt
}

// adopt returns a reference to space that outlives the header.
func (rt *root) adopt(space string) uint32 {
	if ref, ok := wellKnownIndex[space]; ok {
		return ref
	}
	if i := slices.Index(rt.outer, space); i >= 0 {
		return nsOuter | uint32(i)
	}
	rt.outer = append(rt.outer, strings.Clone(space))
	return nsOuter | uint32(len(rt.outer)-1)
}
