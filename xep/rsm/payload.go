package rsm

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strconv"

	"github.com/gosmack/xmpp/stanza"
)

// NS is the namespace of the protocol and the feature that announces it.
const NS = "http://jabber.org/protocol/rsm"

// maxID bounds the IDs of items, which the other side makes and gets back.
const maxID = 4096

// A Request says which part of a list is wanted (XEP-0059 §2). The zero value wants
// the first page, as long as the other side likes it.
type Request struct {
	// Max is how many items are wanted at most; 0 leaves it to the other side,
	// which may send fewer anyway.
	Max int
	// Count wants no items, only how many there are (§2.7). Max doesn't count then.
	Count bool

	// After wants what follows the item of this ID (§2.2), Before what comes before
	// it (§2.3). Both together want what is between.
	After, Before string
	// Last wants the end of the list (§2.5): what is before no item.
	Last bool
	// Index wants the page that begins with this item, counted from 0 (§2.6). It
	// stands alone, and few support it.
	Index int
}

// A Result says which part of a list an answer is (XEP-0059 §2).
type Result struct {
	// First and Last are the IDs of the first and last item of the page. They are
	// empty for an empty page, and from those who know no pages.
	First, Last string
	// Index is the position of the first item in the list, counted from 0, if
	// Indexed; it may be approximate.
	Index   int
	Indexed bool
	// Count is the length of the whole list, if Counted; it may be approximate.
	Count   int
	Counted bool

	// Fault says which number of a received result was none and is left out. It is
	// never written.
	Fault error
}

// ElementName returns the name of the payload.
func (*Request) ElementName() xml.Name { return xml.Name{Space: NS, Local: "set"} }

// DecodeElement reads the payload. Numbers that are none, and IDs of more than
// 4 KiB, are errors.
func (r *Request) DecodeElement(e stanza.Element) (err error) {
	if c := e.Child(NS, "max"); !c.IsZero() {
		if r.Max, err = number("max", c.Text()); err != nil {
			return err
		}
		r.Count = r.Max == 0
	}
	if c := e.Child(NS, "index"); !c.IsZero() {
		if r.Index, err = number("index", c.Text()); err != nil {
			return err
		}
	}
	r.After = e.Child(NS, "after").Text()
	if c := e.Child(NS, "before"); !c.IsZero() {
		r.Before = c.Text()
		r.Last = r.Before == ""
	}
	return errors.Join(checkID("after", r.After), checkID("before", r.Before))
}

// AppendElement writes the payload. Negative numbers are errors, and an Index
// together with another position.
func (r Request) AppendElement(w *stanza.Writer) error {
	switch {
	case r.Max < 0:
		return errors.New("rsm: max: it is negative")
	case r.Index < 0:
		return errors.New("rsm: index: it is negative")
	case r.Index > 0 && (r.After != "" || r.Before != "" || r.Last):
		return errors.New("rsm: index: there is another position too")
	case r.Last && r.Before != "":
		return errors.New("rsm: before: it is the end and an item")
	}
	if err := errors.Join(checkID("after", r.After), checkID("before", r.Before)); err != nil {
		return err
	}
	w.Start(NS, "set")
	if r.Count {
		w.TextElement(NS, "max", "0")
	} else if r.Max > 0 {
		w.TextElement(NS, "max", strconv.Itoa(r.Max))
	}
	text(w, "after", r.After)
	if r.Before != "" || r.Last {
		w.TextElement(NS, "before", r.Before)
	}
	if r.Index > 0 {
		w.TextElement(NS, "index", strconv.Itoa(r.Index))
	}
	w.End()
	return w.Err()
}

// ElementName returns the name of the payload.
func (*Result) ElementName() xml.Name { return xml.Name{Space: NS, Local: "set"} }

// DecodeElement reads the payload. IDs of more than 4 KiB are errors, because
// without them it would look like the end of the list.
func (r *Result) DecodeElement(e stanza.Element) error {
	first := e.Child(NS, "first")
	r.First, r.Last = first.Text(), e.Child(NS, "last").Text()
	r.Index, r.Indexed = r.optional("first: index", first.Attr("index"))
	r.Count, r.Counted = r.optional("count", e.Child(NS, "count").Text())
	return errors.Join(checkID("first", r.First), checkID("last", r.Last))
}

// optional reads a number that may be absent.
func (r *Result) optional(name, s string) (n int, ok bool) {
	if s == "" {
		return 0, false
	}
	n, err := number(name, s)
	if err != nil {
		r.Fault = err
	}
	return n, err == nil
}

// AppendElement writes the payload.
func (r Result) AppendElement(w *stanza.Writer) error {
	switch {
	case r.Index < 0:
		return errors.New("rsm: first: index: it is negative")
	case r.Count < 0:
		return errors.New("rsm: count: it is negative")
	case (r.First == "") != (r.Last == ""):
		return errors.New("rsm: first and last: there is only one (XEP-0059 §2.2)")
	}
	if err := errors.Join(checkID("first", r.First), checkID("last", r.Last)); err != nil {
		return err
	}
	w.Start(NS, "set")
	if r.First != "" {
		w.Start(NS, "first")
		if r.Indexed {
			w.Attr("index", strconv.Itoa(r.Index))
		}
		w.Text(r.First)
		w.End()
	}
	text(w, "last", r.Last)
	if r.Counted {
		w.TextElement(NS, "count", strconv.Itoa(r.Count))
	}
	w.End()
	return w.Err()
}

// text writes an element that is left out if it is empty.
func text(w *stanza.Writer, name, value string) {
	if value != "" {
		w.TextElement(NS, name, value)
	}
}

// number reads an xs:int that is not negative.
func number(name, s string) (int, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("rsm: %s: it is not a number from 0 to 2147483647", name)
	}
	return int(n), nil
}

func checkID(name, id string) error {
	if len(id) > maxID {
		return fmt.Errorf("rsm: %s: it has %d bytes, more than %d", name, len(id), maxID)
	}
	return nil
}
