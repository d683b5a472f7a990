package xmpptest

import (
	"strings"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/stanza"
)

// spoiled are values that are no good number, date, address, language,
// duration, base64 or token, or just too much.
var spoiled = []string{
	"", " ", "-1", "0", "1e9", "NaN", "99999999999999999999", "-99999999999999999999", "true", "maybe",
	"2026-13-45T99:99:99Z", "2026-02-30T00:00:00Z", "P1Y", "a@", "@b", "a@b@c", "a@b/", "a b", "=====", "<&>\"'", "\t\n\r", "\u00a0\u202e",
	"\U0001F980", strings.Repeat("x", 5000),
}

// A wreck is one way to damage one element or attribute of a tree.
type wreck int

const (
	dropAttribute wreck = iota
	setAttribute
	dropElement
	doubleElement
	moveElement // to a foreign namespace
	nestElement // in a copy of itself
	addElement  // a foreign one
	setText
)

// A damage is what happens where.
type damage struct {
	what      wreck
	at        int // which element, in document order; 0 is the root
	attribute int // which of its attributes
	value     string
}

// damages returns e damaged in every way, each by itself.
func damages(e stanza.Element) (all []xmlstream.Element) {
	root := xmlstream.Element(e)
	at := 0
	var visit func(xmlstream.Element)
	visit = func(e xmlstream.Element) {
		ways := waysToDamage(e, at)
		at++
		for _, d := range ways {
			if damaged := d.apply(root); !damaged.IsZero() {
				all = append(all, damaged)
			}
		}
		for c := range e.Children() {
			visit(c)
		}
	}
	visit(root)
	return all
}

func waysToDamage(e xmlstream.Element, at int) (ways []damage) {
	for _, value := range spoiled {
		ways = append(ways, damage{what: setText, at: at, value: value})
	}
	ways = append(ways, damage{what: addElement, at: at})
	if at > 0 {
		for what := dropElement; what <= nestElement; what++ {
			ways = append(ways, damage{what: what, at: at})
		}
	}
	n := 0
	for range e.Attrs() {
		ways = append(ways, damage{what: dropAttribute, at: at, attribute: n})
		for _, value := range spoiled {
			ways = append(ways, damage{what: setAttribute, at: at, attribute: n, value: value})
		}
		n++
	}
	return ways
}

// apply returns the damaged tree.
func (d damage) apply(root xmlstream.Element) xmlstream.Element {
	var w xmlstream.Writer
	w.Reset(nil, "")
	n := 0
	d.write(&w, root, &n)
	if w.Err() != nil {
		return xmlstream.Element{} // not XML at all: no peer can send it
	}
	e, err := xmlstream.Parse(string(w.Bytes()), xmlstream.Limits{})
	if err != nil {
		return xmlstream.Element{}
	}
	return e
}

// write writes e, the element number *n, with the damage if it is in it.
func (d damage) write(w *xmlstream.Writer, e xmlstream.Element, n *int) {
	here := *n == d.at
	*n++
	if !here {
		w.Start(e.Space(), e.Local())
		for name, value := range e.Attrs() {
			w.AttrNS(name.Space, name.Local, value)
		}
		d.content(w, e, n)
		w.End()
		return
	}
	switch d.what {
	case dropElement:
		return
	case doubleElement:
		w.Element(e)
		w.Element(e)
		return
	case moveElement:
		w.Start("urn:example:foreign", e.Local())
	default:
		w.Start(e.Space(), e.Local())
	}
	d.attributes(w, e)
	switch d.what {
	case nestElement:
		w.Element(e)
	case addElement:
		w.Start("urn:example:foreign", "unknown")
		w.Attr("attribute", "value")
		w.Text("text")
		w.End()
	case setText:
		w.Text(d.value)
		for c := range e.Children() {
			w.Element(c)
		}
		w.End()
		return
	}
	d.content(w, e, n)
	w.End()
}

func (d damage) attributes(w *xmlstream.Writer, e xmlstream.Element) {
	i := 0
	for name, value := range e.Attrs() {
		switch {
		case i != d.attribute || d.what != dropAttribute && d.what != setAttribute:
			w.AttrNS(name.Space, name.Local, value)
		case d.what == setAttribute:
			w.AttrNS(name.Space, name.Local, d.value)
		}
		i++
	}
}

func (d damage) content(w *xmlstream.Writer, e xmlstream.Element, n *int) {
	for node := range e.Nodes() {
		if node.Element.IsZero() {
			w.Text(node.Text)
			continue
		}
		d.write(w, node.Element, n)
	}
}
