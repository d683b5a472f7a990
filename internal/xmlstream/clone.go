package xmlstream

import "strings"

// Clone returns a copy of e that shares no memory with the element of the
// stream that e is a part of.
func (e Element) Clone() Element {
	if e.d == nil {
		return e
	}
	top := e.node()
	from, to := e.d.start(top), int(top.value)
	nodes := make([]node, int32(top.size)-e.i)
	copy(nodes, e.d.nodes[e.i:top.size])
	c := &doc{text: strings.Clone(e.d.text[from:to]), nodes: nodes}
	known := make(map[uint32]uint32)
	for i := range nodes {
		n := &nodes[i]
		n.value -= uint32(from)
		n.ns = c.adopt(e, n.ns, known)
		switch n.kind {
		case kindElement:
			n.name -= uint32(from)
			n.size -= uint32(e.i)
		case kindAttr:
			n.name -= uint32(from)
		}
	}
	return Element{c, 0}
}

// adopt returns the reference in c that stands for the reference ns of a node
// in e, copying the namespace if it is declared outside of e; known holds what was
// copied.
func (c *doc) adopt(e Element, ns uint32, known map[uint32]uint32) uint32 {
	if ns < nsOuter {
		return ns
	}
	if at := int32(ns & nsMaskIx); ns >= nsDecl && at >= e.i {
		return nsDecl | uint32(at-e.i)
	}
	ref, ok := known[ns]
	if !ok {
		if c.root == nil {
			c.root = new(root)
		}
		ref = nsOuter | uint32(len(c.root.outer))
		known[ns] = ref
		c.root.outer = append(c.root.outer, strings.Clone(e.d.space(&node{ns: ns})))
	}
	return ref
}
