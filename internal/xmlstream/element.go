package xmlstream

import (
	"encoding/xml"
	"iter"
	"strings"
)

// Element is a handle on an element that was read. It is comparable, small and
// immutable, and may be used concurrently; its zero value is no element. What it
// returns shares the memory of the whole element of the stream; [Element.Clone]
// cuts a part loose.
type Element struct {
	d *doc
	i int32
}

// A Node is a part of mixed content: an element or, if Element is zero, text.
type Node struct {
	Element Element
	Text    string
}

// IsZero reports whether e is no element.
func (e Element) IsZero() bool { return e.d == nil }

func (e Element) node() *node { return &e.d.nodes[e.i] }

// Space returns the namespace of e, "" for none.
func (e Element) Space() string {
	if e.d == nil {
		return ""
	}
	return e.d.space(e.node())
}

// Local returns the name of e without its prefix.
func (e Element) Local() string {
	if e.d == nil {
		return ""
	}
	return e.d.local(e.node())
}

// Is reports whether e has this namespace and local name. The zero Element is
// nothing.
func (e Element) Is(space, local string) bool {
	if e.d == nil {
		return false
	}
	n := e.node()
	return e.d.local(n) == local && e.d.space(n) == space
}

// Attr returns the value of the attribute without namespace of this name, "" if
// there is none.
func (e Element) Attr(local string) string {
	if e.d == nil {
		return ""
	}
	d := e.d
	for i := int(e.i) + 1; i < len(d.nodes) && d.nodes[i].kind >= kindAttr; i++ {
		if n := &d.nodes[i]; n.ns == refNone && n.kind == kindAttr && int(n.nameLen) == len(local) && d.local(n) == local {
			return d.value(n)
		}
	}
	return ""
}

// AttrNS returns the value of an attribute and whether there is one. Namespace
// declarations are no attributes.
func (e Element) AttrNS(space, local string) (string, bool) {
	if e.d == nil {
		return "", false
	}
	d := e.d
	for i := e.i + 1; int(i) < len(d.nodes); i++ {
		n := &d.nodes[i]
		if n.kind < kindAttr {
			break
		}
		if n.kind == kindAttr && d.local(n) == local && d.space(n) == space {
			return d.value(n), true
		}
	}
	return "", false
}

// Attrs ranges over the attributes in the order received, without namespace
// declarations.
func (e Element) Attrs() iter.Seq2[xml.Name, string] {
	return func(yield func(xml.Name, string) bool) {
		if e.d == nil {
			return
		}
		d := e.d
		for i := e.i + 1; int(i) < len(d.nodes) && d.nodes[i].kind >= kindAttr; i++ {
			n := &d.nodes[i]
			if n.kind == kindAttr && !yield(xml.Name{Space: d.space(n), Local: d.local(n)}, d.value(n)) {
				return
			}
		}
	}
}

// content returns the range of the nodes behind the attributes.
func (e Element) content() (from, to int32) {
	if e.d == nil {
		return 0, 0
	}
	to = int32(e.node().size)
	for from = e.i + 1; from < to && e.d.nodes[from].kind >= kindAttr; from++ {
	}
	return from, to
}

// after returns the index of the sibling that follows node i.
func (d *doc) after(i int32) int32 {
	if n := &d.nodes[i]; n.kind == kindElement {
		return int32(n.size)
	}
	return i + 1
}

// Text returns the character data directly inside e, without that of its
// children. It allocates only if children stand between two runs of text.
func (e Element) Text() string {
	first, runs := "", 0
	i, to := e.content()
	for at := i; at < to; at = e.d.after(at) {
		if n := &e.d.nodes[at]; n.kind == kindText {
			if runs++; runs == 1 {
				first = e.d.value(n)
			}
		}
	}
	if runs < 2 {
		return first
	}
	var b strings.Builder
	for ; i < to; i = e.d.after(i) {
		if n := &e.d.nodes[i]; n.kind == kindText {
			b.WriteString(e.d.value(n))
		}
	}
	return b.String()
}

// Child returns the first child of this namespace and local name, the zero
// Element if there is none.
func (e Element) Child(space, local string) Element {
	for c := range e.Children() {
		if c.Is(space, local) {
			return c
		}
	}
	return Element{}
}

// First returns the first child element, the zero Element if there is none.
func (e Element) First() Element {
	for c := range e.Children() {
		return c
	}
	return Element{}
}

// Children ranges over the child elements in order.
func (e Element) Children() iter.Seq[Element] {
	return func(yield func(Element) bool) {
		i, to := e.content()
		for ; i < to; i = e.d.after(i) {
			if e.d.nodes[i].kind == kindElement && !yield(Element{e.d, i}) {
				return
			}
		}
	}
}

// Nodes ranges over text and child elements in order. Text is never empty and
// never follows text.
func (e Element) Nodes() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		i, to := e.content()
		for ; i < to; i = e.d.after(i) {
			v := Node{}
			if n := &e.d.nodes[i]; n.kind == kindText {
				v.Text = e.d.value(n)
			} else {
				v.Element = Element{e.d, i}
			}
			if !yield(v) {
				return
			}
		}
	}
}

// Size returns the number of bytes of e as received, from < to >.
func (e Element) Size() int {
	if e.d == nil {
		return 0
	}
	if e.i == 0 {
		return len(e.d.text)
	}
	n := e.node()
	return int(n.value) - e.d.start(n)
}

// start returns the offset of the < of an element: it stands before the name
// or before its prefix.
func (d *doc) start(n *node) int { return strings.LastIndexByte(d.text[:n.name], '<') }
