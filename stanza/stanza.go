package stanza

import (
	"encoding/xml"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/gosmack/xmpp/jid"
)

// NS is the namespace of the stanzas that a client sends and receives
// (RFC 6120 §4.8.3).
const NS = "jabber:client"

// Kind tells the three stanzas apart.
type Kind uint8

// The three kinds (RFC 6120 §8.2).
const (
	KindMessage Kind = iota + 1
	KindPresence
	KindIQ
)

// String returns the element's name: message, presence or iq.
func (k Kind) String() string {
	switch k {
	case KindMessage:
		return "message"
	case KindPresence:
		return "presence"
	case KindIQ:
		return "iq"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Stanza is a *[Message], a *[Presence] or an *[IQ]; there are no others.
type Stanza interface {
	// Kind tells which of the three it is.
	Kind() Kind
	// Head returns what all three have.
	Head() Head
	// Element returns the stanza as it was received, or the zero Element if
	// it was made here.
	Element() Element
	// Payloads yields the children that are no fields of the struct, received
	// ones first, then added ones in the order of writing. An added value that
	// can't be written is left out; Append names it.
	Payloads() iter.Seq[Element]
	// AppendElement writes the stanza, so that it can be the payload of another
	// (XEP-0297).
	AppendElement(*Writer) error

	extra() *extra
	isCore(local string) bool
}

// Head holds the attributes that every stanza has (RFC 6120 §8.1).
type Head struct {
	ID       string
	From, To jid.JID
	Type     string // as on the wire; "" is the kind's default
	Lang     string
}

// extra is what a stanza carries besides its fields.
type extra struct {
	element Element  // as received
	changed *changes // nil on nearly every received one
}

// changes are what was done to a stanza. They are never changed themselves: a copy of the stanza, made by Clone or by value, may share them.
type changes struct {
	removed []xml.Name // received payloads that are no longer part of it
	added   []any      // by Add, in order
	marks   []any      // by Mark, at most one of a type
}

// none stands for no changes; it is only read.
var none changes

// changes are there to be read.
func (x *extra) changes() *changes {
	if x.changed == nil {
		return &none
	}
	return x.changed
}

// change gives changes of its own to be added to.
func (x *extra) change() *changes {
	c := x.changes()
	x.changed = &changes{slices.Clip(c.removed), slices.Clip(c.added), slices.Clip(c.marks)}
	return x.changed
}

// ErrNotStanza is the error of [FromElement] for an element that is none of
// the three in the namespace jabber:client.
var ErrNotStanza = errors.New("stanza: element is not a stanza")

// AddressError says which address of a received stanza is not one.
type AddressError struct {
	Attribute string // from or to
	Err       error  // a *jid.Error
}

// Error names the attribute.
func (e *AddressError) Error() string {
	return "stanza: attribute " + e.Attribute + ": " + e.Err.Error()
}

// Unwrap returns the address's own error.
func (e *AddressError) Unwrap() error { return e.Err }

// FromElement reads a stanza. Its errors are [ErrNotStanza] and
// *[AddressError]. Everything else that a peer may get wrong is forgiven (see
// [Check]), and what has no field of its own is kept and written back.
// The stanza's strings are parts of e.
func FromElement(e Element) (Stanza, error) {
	if e.Space() != NS {
		return nil, ErrNotStanza
	}
	switch e.Local() {
	case "message":
		return either(messageFrom(e))
	case "presence":
		return either(presenceFrom(e))
	case "iq":
		return either(iqFrom(e))
	}
	return nil, ErrNotStanza
}

// either keeps a nil pointer from becoming a Stanza that is not nil.
func either[S Stanza](s S, err error) (Stanza, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// readHead reads the attributes in one pass; absent addresses are zero.
func readHead(e Element) (h Head, err error) {
	var from, to string
	for name, value := range e.raw().Attrs() {
		switch name.Local {
		case "from":
			if name.Space == "" {
				from = value
			}
		case "to":
			if name.Space == "" {
				to = value
			}
		case "id":
			if name.Space == "" {
				h.ID = value
			}
		case "type":
			if name.Space == "" {
				h.Type = value
			}
		case "lang":
			if name.Space == xmlNS {
				h.Lang = value
			}
		}
	}
	if from != "" {
		if h.From, err = jid.Parse(from); err != nil {
			return h, &AddressError{Attribute: "from", Err: err}
		}
	}
	if to != "" {
		if h.To, err = jid.Parse(to); err != nil {
			return h, &AddressError{Attribute: "to", Err: err}
		}
	}
	return h, nil
}

// keeps tells whether a received child is a payload that is still part of s.
func (x *extra) keeps(s Stanza, c Element) bool {
	if c.Space() == NS && s.isCore(c.Local()) {
		return false
	}
	return !slices.ContainsFunc(x.changes().removed, func(n xml.Name) bool { return matches(n, c) })
}

func (x *extra) payloads(s Stanza) iter.Seq[Element] {
	return func(yield func(Element) bool) {
		for c := range x.element.raw().Children() {
			if e := Element(c); x.keeps(s, e) && !yield(e) {
				return
			}
		}
		for _, v := range x.changes().added {
			if e, err := Marshal(v); err == nil && !yield(e) {
				return
			}
		}
	}
}

// Check reports what [FromElement] forgave and replaced with a default: a
// priority that is none, an error without a defined condition. It returns nil
// for a stanza without such a fault and for one that was not received. The
// error's text names the part and holds nothing of its content.
func Check(s Stanza) error {
	switch s := s.(type) {
	case *Message:
		if s != nil && s.element().Attr("type") == "error" {
			return checkError(s.element())
		}
	case *Presence:
		if s == nil {
			return nil
		}
		if c := s.element().Child(NS, "priority"); !c.IsZero() {
			if _, ok := parsePriority(c.Text()); !ok {
				return errors.New("stanza: presence priority is not a number from -128 to 127")
			}
		}
		if s.element().Attr("type") == "error" {
			return checkError(s.element())
		}
	case *IQ:
		if s != nil && s.element().Attr("type") == "error" {
			return checkError(s.element())
		}
	}
	return nil
}
