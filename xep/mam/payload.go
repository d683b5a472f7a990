package mam

import (
	"encoding/xml"
	"errors"
	"fmt"

	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/forms"
	"github.com/gosmack/xmpp/xep/forward"
	"github.com/gosmack/xmpp/xep/rsm"
)

// NS is the namespace of the protocol and the feature of those that have an archive.
const NS = "urn:xmpp:mam:2"

// nsExtended is the feature of archives that know the fields before-id, after-id and ids
// (XEP-0313 §7).
const nsExtended = NS + "#extended"

// maxID bounds the IDs that archives make up: positions are kept.
const maxID = 1024

// A query asks for messages (XEP-0313 §4).
type query struct {
	ID   string // tells its results from those of others
	Form forms.Form
	Set  rsm.Request
}

// ElementName returns the name of the payload.
func (*query) ElementName() xml.Name { return xml.Name{Space: NS, Local: "query"} }

// DecodeElement reads the payload.
func (q *query) DecodeElement(e stanza.Element) (err error) {
	q.ID = e.Attr("queryid")
	if x := e.Child(forms.NS, "x"); !x.IsZero() {
		if q.Form, err = stanza.Decode[forms.Form](x); err != nil {
			return err
		}
		if len(q.Form.Fields) == 0 {
			q.Form = forms.Form{} // it asks for nothing, as if it weren't there
		}
	}
	if set := e.Child(rsm.NS, "set"); !set.IsZero() {
		q.Set, err = stanza.Decode[rsm.Request](set)
	}
	return err
}

// AppendElement writes the payload.
func (q query) AppendElement(w *stanza.Writer) error {
	w.Start(NS, "query")
	if q.ID != "" {
		w.Attr("queryid", q.ID)
	}
	if len(q.Form.Fields) > 0 {
		_ = w.Value(q.Form) // the Writer keeps the error
	}
	_ = w.Value(q.Set)
	w.End()
	return w.Err()
}

// A result is one message of an archive (XEP-0313 §4.2).
type result struct {
	Query string // of the query's id
	ID    string // in the archive
	// Forwarded has no stanza where the archive has removed the message (§3.2).
	Forwarded forward.Forwarded
}

// ElementName returns the name of the payload.
func (*result) ElementName() xml.Name { return xml.Name{Space: NS, Local: "result"} }

// DecodeElement reads the payload. One without an ID, or with something else in place of one
// message, is an error.
func (r *result) DecodeElement(e stanza.Element) (err error) {
	r.Query, r.ID = e.Attr("queryid"), e.Attr("id")
	if r.ID == "" || len(r.ID) > maxID {
		return fmt.Errorf("mam: result: an id of %d bytes", len(r.ID))
	}
	var inner stanza.Element
	for c := range e.Children() {
		if !c.Is(forward.NS, "forwarded") {
			continue
		}
		if !inner.IsZero() {
			return errors.New("mam: result: there is more than one message")
		}
		inner = c
	}
	if inner.IsZero() {
		return errors.New("mam: result: there is no message")
	}
	if isRemoved(inner) {
		return nil
	}
	if r.Forwarded, err = stanza.Decode[forward.Forwarded](inner); err != nil {
		return err
	}
	if r.Forwarded.Message() == nil {
		return fmt.Errorf("mam: result: there is a %v, not a message", r.Forwarded.Stanza.Kind())
	}
	return nil
}

func isRemoved(forwarded stanza.Element) bool {
	for c := range forwarded.Children() {
		if c.Space() == stanza.NS {
			return false
		}
	}
	return true
}

// AppendElement writes the payload.
func (r result) AppendElement(w *stanza.Writer) error {
	w.Start(NS, "result")
	if r.Query != "" {
		w.Attr("queryid", r.Query)
	}
	w.Attr("id", r.ID)
	_ = w.Value(r.Forwarded) // the Writer keeps the error
	w.End()
	return w.Err()
}

// A fin ends the results (XEP-0313 §4).
type fin struct {
	Complete bool // there is no further page
	Set      rsm.Result
}

// ElementName returns the name of the payload.
func (*fin) ElementName() xml.Name { return xml.Name{Space: NS, Local: "fin"} }

// DecodeElement reads the payload.
func (f *fin) DecodeElement(e stanza.Element) (err error) {
	complete := e.Attr("complete")
	f.Complete = complete == "true" || complete == "1"
	if set := e.Child(rsm.NS, "set"); !set.IsZero() {
		f.Set, err = stanza.Decode[rsm.Result](set)
	}
	return err
}

// AppendElement writes the payload.
func (f fin) AppendElement(w *stanza.Writer) error {
	w.Start(NS, "fin")
	if f.Complete {
		w.Attr("complete", "true")
	}
	_ = w.Value(f.Set) // the Writer keeps the error
	w.End()
	return w.Err()
}
