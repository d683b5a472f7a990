package forms

import (
	"errors"
	"slices"

	"github.com/gosmack/xmpp/stanza"
)

// A FieldType is how a field is to be filled in (XEP-0004 §3.3).
type FieldType string

// The types. A received field may have another, which counts as TextSingle, or none,
// which does so in a form that asks.
const (
	Boolean     FieldType = "boolean"
	Fixed       FieldType = "fixed" // text to be shown
	Hidden      FieldType = "hidden"
	JIDMulti    FieldType = "jid-multi"
	JIDSingle   FieldType = "jid-single"
	ListMulti   FieldType = "list-multi"
	ListSingle  FieldType = "list-single"
	TextMulti   FieldType = "text-multi"   // a line each value
	TextPrivate FieldType = "text-private" // not to be shown
	TextSingle  FieldType = "text-single"
)

var fieldTypes = []FieldType{Boolean, Fixed, Hidden, JIDMulti, JIDSingle, ListMulti, ListSingle, TextMulti, TextPrivate, TextSingle}

// Known returns the type as it is to be treated: TextSingle for one that isn't defined.
func (t FieldType) Known() FieldType {
	if slices.Contains(fieldTypes, t) {
		return t
	}
	return TextSingle
}

// single tells whether there can be only one value. Where the type is left out, it is
// not for the element to say.
func (t FieldType) single() bool {
	return t == Boolean || t == JIDSingle || t == ListSingle || t == TextPrivate || t == TextSingle
}

func (t FieldType) list() bool { return t == ListMulti || t == ListSingle }

// A Field is one line of a form (XEP-0004 §3.2).
type Field struct {
	Var      string // its name, required unless the type is Fixed
	Type     FieldType
	Label    string // for people
	Desc     string // for people
	Required bool
	// Values are the answer, or the default of a question.
	Values []string
	// Options are what a list offers.
	Options []Option
	// Validation narrows down what is a good value; nil where there is none.
	Validation *Validation

	// Others is what stands in the field and isn't of these protocols, such as
	// media (XEP-0221).
	Others []stanza.Element
}

// An Option is one of the values that a list offers.
type Option struct {
	Label string // for people
	Value string
}

// field reads one field behind others, if it is one.
func (d *decoder) field(fields []Field, e stanza.Element) []Field {
	d.fields++
	f := Field{Var: e.Attr("var"), Type: FieldType(e.Attr("type")), Label: e.Attr("label")}
	if f.Var == "" && f.Type != Fixed {
		d.fault(errors.New("forms: field without a name"))
		return fields
	}
	for c := range e.Children() {
		if d.fields > maxFields || d.values > maxValues {
			return fields
		}
		switch {
		case c.Is(NSValidate, "validate") && f.Validation == nil:
			v, err := stanza.Decode[Validation](c)
			if err != nil {
				d.fault(&FieldError{f.Var, err.Error()})
				continue
			}
			f.Validation = &v
		case c.Space() == NSValidate:
		case c.Space() != NS:
			f.Others = append(f.Others, c)
			d.values++
		case c.Local() == "value":
			f.Values = append(f.Values, c.Text())
			d.values++
		case c.Local() == "option":
			d.option(&f, c)
		case c.Local() == "required":
			f.Required = true
		case c.Local() == "desc" && f.Desc == "":
			f.Desc = c.Text()
		}
	}
	return append(fields, f)
}

func (d *decoder) option(f *Field, e stanza.Element) {
	d.values++
	value := e.Child(NS, "value")
	switch {
	case value.IsZero():
		d.fault(&FieldError{f.Var, "option without a value"})
	case !f.Type.list():
		d.fault(&FieldError{f.Var, "option, but it is no list"})
	default:
		f.Options = append(f.Options, Option{e.Attr("label"), value.Text()})
	}
}

// write writes the field, in the order of the schema (XEP-0004 §10).
func (f *Field) write(w *stanza.Writer) error {
	switch {
	case f.Var == "" && f.Type != Fixed:
		return errors.New("forms: field without a name")
	case len(f.Values) > 1 && f.Type.single():
		return &FieldError{f.Var, "more than one value in a field of type " + string(f.Type)}
	case len(f.Options) > 0 && !f.Type.list():
		return &FieldError{f.Var, "options, but it is no list"}
	}
	w.Start(NS, "field")
	attr(w, "var", f.Var)
	attr(w, "type", string(f.Type))
	attr(w, "label", f.Label)
	if f.Desc != "" {
		w.TextElement(NS, "desc", f.Desc)
	}
	if f.Required {
		w.TextElement(NS, "required", "")
	}
	if f.Validation != nil {
		if err := w.Value(f.Validation); err != nil {
			return err
		}
	}
	for _, v := range f.Values {
		w.TextElement(NS, "value", v)
	}
	for _, o := range f.Options {
		w.Start(NS, "option")
		attr(w, "label", o.Label)
		w.TextElement(NS, "value", o.Value)
		w.End()
	}
	for _, o := range f.Others {
		w.Element(o)
	}
	w.End()
	return w.Err()
}

// attr adds an attribute that may be left out.
func attr(w *stanza.Writer, name, value string) {
	if value != "" {
		w.Attr(name, value)
	}
}
