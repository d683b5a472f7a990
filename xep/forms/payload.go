package forms

import (
	"encoding/xml"
	"errors"
	"fmt"

	"github.com/gosmack/xmpp/stanza"
)

// NS is the namespace of the protocol and the feature that announces it.
const NS = "jabber:x:data"

const (
	maxFields = 10_000
	maxValues = 100_000 // options too
)

// A Type is what a form is for (XEP-0004 §3.1).
type Type string

// The types. A received form may have another, or none.
const (
	Ask    Type = "form"   // to be filled in
	Submit Type = "submit" // filled in
	Cancel Type = "cancel" // not going to be
	Result Type = "result" // data
)

// A Form is a question, an answer or a set of data (XEP-0004 §3).
type Form struct {
	Type         Type
	Title        string
	Instructions []string
	Fields       []Field

	// Reported and Items are a table (XEP-0004 §3.4): its columns, and the rows,
	// each with a field for each column.
	Reported []Field
	Items    [][]Field

	// Others is what stands in the form and isn't of this protocol, such as
	// layout (XEP-0141).
	Others []stanza.Element

	// Faults say what of a received form was left out, and why. They are never
	// written.
	Faults []error
}

// ElementName returns the name of the payload.
func (*Form) ElementName() xml.Name { return xml.Name{Space: NS, Local: "x"} }

// DecodeElement reads the payload: every field that is one. A form with too many
// is an error.
func (f *Form) DecodeElement(e stanza.Element) error {
	d := decoder{form: f}
	f.Type = Type(e.Attr("type"))
	for c := range e.Children() {
		switch {
		case c.Space() != NS:
			f.Others = append(f.Others, c)
		case c.Local() == "title" && f.Title == "":
			f.Title = c.Text()
		case c.Local() == "instructions":
			f.Instructions = append(f.Instructions, c.Text())
			d.values++
		case c.Local() == "field":
			f.Fields = d.field(f.Fields, c)
		case c.Local() == "reported" && f.Reported == nil:
			f.Reported = d.row(c)
		case c.Local() == "item":
			f.Items = append(f.Items, d.row(c))
			d.fields++ // an empty one counts
		}
		if d.fields > maxFields || d.values > maxValues {
			return errors.New("forms: there are too many fields")
		}
	}
	return nil
}

// A decoder counts what it has read.
type decoder struct {
	form           *Form
	fields, values int
}

func (d *decoder) fault(err error) { d.form.Faults = append(d.form.Faults, err) }

func (d *decoder) row(e stanza.Element) (row []Field) {
	for c := range e.Children() {
		if c.Is(NS, "field") {
			row = d.field(row, c)
		}
	}
	return row
}

// AppendElement writes the payload.
func (f Form) AppendElement(w *stanza.Writer) error {
	if f.Type == "" {
		return errors.New("forms: type: it is empty")
	}
	w.Start(NS, "x")
	w.Attr("type", string(f.Type))
	if f.Title != "" {
		w.TextElement(NS, "title", f.Title)
	}
	for _, i := range f.Instructions {
		w.TextElement(NS, "instructions", i)
	}
	for _, o := range f.Others {
		w.Element(o)
	}
	if err := writeFields(w, f.Fields); err != nil {
		return err
	}
	if f.Reported != nil {
		if err := writeRow(w, "reported", f.Reported); err != nil {
			return err
		}
	}
	for i, item := range f.Items {
		if err := writeRow(w, "item", item); err != nil {
			return fmt.Errorf("item %d: %w", i, err)
		}
	}
	w.End()
	return w.Err()
}

func writeRow(w *stanza.Writer, name string, row []Field) error {
	w.Start(NS, name)
	if err := writeFields(w, row); err != nil {
		return err
	}
	w.End()
	return w.Err()
}

func writeFields(w *stanza.Writer, fields []Field) error {
	for i := range fields {
		if err := fields[i].write(w); err != nil {
			return err
		}
	}
	return nil
}
