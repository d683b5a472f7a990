package forms

import (
	"slices"
	"strings"

	"github.com/gosmack/xmpp/jid"
)

// formType is the field whose value says what the others mean (XEP-0068 §3.1).
const formType = "FORM_TYPE"

// New returns a form of this type with a hidden field for its form type (XEP-0068),
// unless that is empty, before the others.
func New(t Type, formtype string, fields ...Field) Form {
	f := Form{Type: t}
	if formtype != "" {
		f.Fields = append(f.Fields, Field{Var: formType, Type: Hidden, Values: []string{formtype}})
	}
	f.Fields = append(f.Fields, fields...)
	return f
}

// FormType returns the name that says what the fields mean (XEP-0068 §3.1), or ""
// where there is none, or two. It is a hidden field, but for submissions, which may
// leave out the types (§4.3).
func (f Form) FormType() string {
	found := ""
	n := 0
	for i := range f.Fields {
		field := &f.Fields[i]
		if field.Var != formType || len(field.Values) != 1 {
			continue
		}
		if field.Type == Hidden || f.Type == Submit {
			found = field.Values[0]
			n++
		}
	}
	if n > 1 {
		return ""
	}
	return found
}

// Field returns the first field of this name. ok is false if there is none.
func (f Form) Field(name string) (field Field, ok bool) {
	i := slices.IndexFunc(f.Fields, func(field Field) bool { return field.Var == name })
	if i < 0 || name == "" {
		return Field{}, false
	}
	return f.Fields[i], true
}

// Value returns the first value of the field of this name, or "".
func (f Form) Value(name string) string {
	field, _ := f.Field(name)
	return field.Value()
}

// Text is a field with these values. Its type is left to what is asked.
func Text(name string, values ...string) Field { return Field{Var: name, Values: values} }

// Bool is a field that says yes or no.
func Bool(name string, value bool) Field {
	return Field{Var: name, Type: Boolean, Values: []string{boolean(value)}}
}

// JIDs is a field with these addresses. Its type is left to what is asked.
func JIDs(name string, addresses ...jid.JID) Field {
	f := Field{Var: name}
	for _, a := range addresses {
		f.Values = append(f.Values, a.String())
	}
	return f
}

// Value returns the first value, or "".
func (f Field) Value() string {
	if len(f.Values) == 0 {
		return ""
	}
	return f.Values[0]
}

// Lines returns all values as one text, a line each (XEP-0004 §3.3 on text-multi).
func (f Field) Lines() string { return strings.Join(f.Values, "\n") }

// Bool returns the value as yes or no; ok is false if it is neither.
func (f Field) Bool() (value, ok bool) {
	switch f.Value() {
	case "1", "true":
		return true, true
	case "0", "false":
		return false, true
	}
	return false, false
}

// JIDs returns the values that are addresses, each once (XEP-0004 §3.3 on jid-multi).
func (f Field) JIDs() []jid.JID {
	var all []jid.JID
	seen := make(map[jid.JID]bool)
	for _, v := range f.Values {
		if j, err := jid.Parse(v); err == nil && !seen[j] {
			seen[j] = true
			all = append(all, j)
		}
	}
	return all
}

func boolean(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
