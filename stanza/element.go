package stanza

import (
	"encoding/xml"
	"fmt"
	"iter"

	"github.com/gosmack/xmpp/internal/xmlstream"
)

const xmlNS = "http://www.w3.org/XML/1998/namespace"

// Element is one XML element with all that is in it. It is a small comparable
// handle on immutable data: copying it costs nothing, and any number of
// goroutines may use it at once. The zero Element is none; its methods answer
// as an empty element would.
type Element xmlstream.Element

// Parse reads exactly one element, for tests, stores and user interfaces. It
// accepts what a stream accepts (RFC 6120 §11: no comments, no processing
// instructions, no DTD), within the same limits.
func Parse(s string) (Element, error) {
	e, err := xmlstream.Parse(s, xmlstream.Limits{})
	if err != nil {
		return Element{}, fmt.Errorf("stanza: parse element: %w", err)
	}
	return Element(e), nil
}

func (e Element) raw() xmlstream.Element { return xmlstream.Element(e) }

// IsZero tells whether e is no element.
func (e Element) IsZero() bool { return e.raw().IsZero() }

// Name returns namespace and local name.
func (e Element) Name() xml.Name { return xml.Name{Space: e.Space(), Local: e.Local()} }

// Space returns the namespace, "" for none.
func (e Element) Space() string { return e.raw().Space() }

// Local returns the name without namespace.
func (e Element) Local() string { return e.raw().Local() }

// Is tells whether the element has that namespace and name.
func (e Element) Is(space, local string) bool { return e.raw().Is(space, local) }

// Attr returns the attribute of that name and no namespace, "" if absent.
func (e Element) Attr(local string) string { return e.raw().Attr(local) }

// AttrNS returns the attribute of that namespace and name, and whether it is
// there.
func (e Element) AttrNS(space, local string) (string, bool) { return e.raw().AttrNS(space, local) }

// Attrs yields the attributes in document order, without the declarations of
// namespaces.
func (e Element) Attrs() iter.Seq2[xml.Name, string] { return e.raw().Attrs() }

// Lang returns the element's own xml:lang, "" if absent.
func (e Element) Lang() string {
	lang, _ := e.AttrNS(xmlNS, "lang")
	return lang
}

// Text returns the character data directly in the element, without that of
// its children.
func (e Element) Text() string { return e.raw().Text() }

// Child returns the first child of that namespace and name, or the zero
// Element.
func (e Element) Child(space, local string) Element { return Element(e.raw().Child(space, local)) }

// First returns the first child element, or the zero Element.
func (e Element) First() Element { return Element(e.raw().First()) }

// Children yields the child elements in document order.
func (e Element) Children() iter.Seq[Element] {
	return func(yield func(Element) bool) {
		for c := range e.raw().Children() {
			if !yield(Element(c)) {
				return
			}
		}
	}
}

// Size returns the bytes of the element as it was received.
func (e Element) Size() int { return e.raw().Size() }

// Clone returns an equal element that owns its memory: to be used for what
// outlives the stanza it was cut from.
func (e Element) Clone() Element { return Element(e.raw().Clone()) }

// String returns the element as XML that stands for itself, with the
// namespaces it needs. The zero Element gives "".
func (e Element) String() string {
	if e.IsZero() {
		return ""
	}
	return string(e.raw().Append(nil, ""))
}

// AppendElement writes the element.
func (e Element) AppendElement(w *Writer) error {
	w.Element(e)
	return w.Err()
}
