package stanza

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gosmack/xmpp/internal/xmlstream"
)

// Writer writes elements; codecs get one ([Appender]). It holds on to its first
// error, so that a codec may write all it has and look once at Err. All text is
// escaped; what can't stand in XML (control characters, invalid UTF-8, names
// that are none) is an error and never replaced or left out. A Writer is used
// by one goroutine and not kept.
//
// A codec can neither close nor write into an element that it didn't start, so
// that a mistake stays within its payload.
type Writer struct {
	w      xmlstream.Writer
	spaces []string // namespaces of the open elements; the first is the one around
	floor  int      // open elements that don't belong to the codec that writes
	roots  int      // elements started at the floor
	id     string   // of the next stanza, in place of its own
	err    error    // the first one of this layer
}

// WriteError says what can't be written. Nothing of it was.
type WriteError struct {
	Stanza string // message, presence or iq; "" outside of one
	Field  string // element or attribute
	Reason string
}

// Error names stanza, field and reason.
func (e *WriteError) Error() string {
	if e.Stanza == "" {
		return "stanza: " + e.Field + ": " + e.Reason
	}
	return e.Stanza + " " + e.Field + ": " + e.Reason
}

func (w *Writer) reset(buf []byte, space string) {
	w.w.Reset(buf, space)
	w.spaces = append(w.spaces[:0], space)
	w.floor, w.roots, w.id, w.err = 0, 0, "", nil
}

// open returns the number of elements that are started and not ended.
func (w *Writer) open() int { return len(w.spaces) - 1 }

// space returns the namespace that an element without one would stand in.
func (w *Writer) space() string { return w.spaces[len(w.spaces)-1] }

// fail records the first error.
func (w *Writer) fail(field, reason string) {
	if w.Err() == nil {
		w.err = &WriteError{Field: field, Reason: reason}
	}
}

// count counts an element that belongs to no other of the codec.
func (w *Writer) count() {
	if w.open() == w.floor {
		w.roots++
	}
}

// own tells whether there is an open element that the codec itself started.
func (w *Writer) own(what string) bool {
	if w.open() <= w.floor {
		w.fail("payload", what+" outside of the payload's own element")
		return false
	}
	return w.err == nil
}

// Start starts an element in a namespace; "" is no namespace.
func (w *Writer) Start(space, local string) {
	if w.err == nil {
		w.count()
		w.w.Start(space, local)
		w.spaces = append(w.spaces, space)
	}
}

// Attr adds an attribute without namespace to the element just started. An
// empty value is written too; to leave it out is the caller's.
func (w *Writer) Attr(local, value string) {
	if w.own("attribute") {
		w.w.Attr(local, value)
	}
}

// AttrNS adds an attribute in a namespace to the element just started.
func (w *Writer) AttrNS(space, local, value string) {
	if !w.own("attribute") {
		return
	}
	if space == "" {
		w.w.Attr(local, value)
		return
	}
	w.w.AttrNS(space, local, value)
}

// Lang adds xml:lang to the element just started, if lang is not empty.
func (w *Writer) Lang(lang string) {
	if lang != "" {
		w.AttrNS(xmlNS, "lang", lang)
	}
}

// Text adds character data to the open element.
func (w *Writer) Text(s string) {
	if w.own("text") {
		w.w.Text(s)
	}
}

// End ends the element started last.
func (w *Writer) End() {
	if w.own("end of an element") {
		w.w.End()
		w.spaces = w.spaces[:len(w.spaces)-1]
	}
}

// TextElement writes an element that holds only text.
func (w *Writer) TextElement(space, local, text string) {
	w.Start(space, local)
	w.Text(text)
	w.End()
}

// Element writes a whole element.
func (w *Writer) Element(e Element) {
	switch {
	case w.err != nil:
	case e.IsZero():
		w.fail("payload", "the zero Element is none")
	default:
		w.count()
		w.w.Element(e.raw())
	}
}

// Err returns the first error.
func (w *Writer) Err() error {
	if w.err != nil {
		return w.err
	}
	if err := w.w.Err(); err != nil {
		var we *xmlstream.WriteError
		if errors.As(err, &we) {
			return fromXML(we)
		}
		return err
	}
	return nil
}

// fromXML takes over an error of the layer below. Whether it was the text or
// the value that is wrong shows in the field.
func fromXML(e *xmlstream.WriteError) *WriteError {
	reason := strings.TrimPrefix(strings.TrimPrefix(e.Reason, "text: "), "value: ")
	field := e.Name
	if field == "" {
		field = "payload"
	}
	return &WriteError{Field: field, Reason: reason}
}

// Value writes any value that [Add] takes, and every other one that
// encoding/xml would write as one element, as an element of its own. A name
// without namespace takes the one around it, as it would in text. The error is
// also the Writer's.
func (w *Writer) Value(v any) error {
	if err := w.Err(); err != nil {
		return err
	}
	w.count()
	floor, roots := w.floor, w.roots
	w.floor, w.roots = w.open(), 0
	err := w.value(v)
	switch {
	case err != nil:
	case w.open() != w.floor:
		err = &WriteError{Field: "payload", Reason: fmt.Sprintf("%T left an element open", v)}
	case w.roots != 1:
		err = &WriteError{Field: "payload", Reason: fmt.Sprintf("%T wrote %d elements, not one", v, w.roots)}
	}
	w.floor, w.roots = floor, roots
	if err != nil && w.Err() == nil {
		w.err = err
	}
	return w.Err()
}

// startStanza writes the start tag: the fields, then what was received and has
// no field.
func (w *Writer) startStanza(s Stanza) {
	h := s.Head()
	if w.id != "" {
		h.ID, w.id = w.id, "" // not that of a stanza inside
	}
	w.Start(NS, s.Kind().String())
	if !h.To.IsZero() {
		w.Attr("to", h.To.String())
	}
	if !h.From.IsZero() {
		w.Attr("from", h.From.String())
	}
	if h.ID != "" {
		w.Attr("id", h.ID)
	}
	if h.Type != "" {
		w.Attr("type", h.Type)
	}
	w.Lang(h.Lang)
	e := s.Element()
	if e.IsZero() {
		return
	}
	for name, value := range e.raw().Attrs() {
		switch {
		case name.Space == xmlNS && name.Local == "lang":
		case name.Space == "" && (name.Local == "to" || name.Local == "from" || name.Local == "id" || name.Local == "type"):
		default:
			w.AttrNS(name.Space, name.Local, value)
		}
	}
}

// endStanza writes the error, the payloads and the end tag.
func (w *Writer) endStanza(s Stanza, e *Error) {
	isError := s.Head().Type == "error"
	switch {
	case isError && e == nil:
		w.fail("error", "a stanza of type error needs one (RFC 6120 §8.3.1)")
	case !isError && e != nil:
		w.fail("error", "is set, but the type is not error")
	case isError:
		_ = e.AppendElement(w) // the Writer keeps it
	}
	n := 0
	x := s.extra()
	if !x.element.IsZero() {
		for c := range x.element.raw().Children() {
			if x.keeps(s, Element(c)) {
				w.w.Element(c)
				n++
			}
		}
	}
	for _, v := range x.changes().added {
		_ = w.Value(v) // the Writer keeps it
		n++
	}
	if iq, ok := s.(*IQ); ok {
		if reason := iq.checkPayloads(n); reason != "" {
			w.fail("payload", reason)
		}
	}
	w.End()
}
