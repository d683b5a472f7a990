package xmlstream

// Kinds of node.
const (
	kindElement uint8 = iota
	kindText
	kindAttr
	kindDecl // a namespace declaration that is referred to
)

// A node is an element, a run of text or an attribute. Nodes stand in document
// order: an element, its attributes, its content. Offsets are into the text of
// the doc.
type node struct {
	name    uint32 // offset of the local name ; 0 without
	value   uint32 // offset of the value or text; of an element: where it ends in the bytes as received
	size    uint32 // length of the value or text; of an element: index of the node behind its last
	ns      uint32 // namespace reference; in an open start tag: length of the prefix
	nameLen uint16
	kind    uint8
}

// A doc is one element of the stream with all that it contains. It never
// changes once made, so that its handles may be used concurrently.
type doc struct {
	text  string // bytes as received, references decoded in place
	nodes []node
	root  *root // has the namespaces declared outside of text
	lot   *lot  // whose part it is: it doesn't last. nil: it does
}

func (d *doc) local(n *node) string { return d.text[n.name : n.name+uint32(n.nameLen)] }

func (d *doc) value(n *node) string { return d.text[n.value : n.value+n.size] }

func (d *doc) space(n *node) string {
	switch {
	case n.ns < nsOuter:
		return wellKnown[n.ns]
	case n.ns < nsDecl:
		return d.root.outer[n.ns&nsMaskIx]
	}
	return d.value(&d.nodes[n.ns&nsMaskIx])
}
