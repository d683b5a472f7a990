package forms

import (
	"fmt"
	"slices"

	"github.com/gosmack/xmpp/jid"
)

// Check tells whether values are good for the field: as many as its type allows,
// each of the type and among the options, as the validation wants them, and there
// if the field is required. The error is a [*FieldError]. No value, or empty ones, are good
// where nothing is required (XEP-0004 §3.6).
func (f Field) Check(values ...string) error {
	typ := f.Type.Known()
	var v Validation
	if f.Validation != nil {
		v = *f.Validation
	}
	switch n := len(values); {
	case isEmpty(values):
		if f.Required {
			return &FieldError{f.Var, "it is required"}
		}
		return nil
	case n > 1 && typ.single():
		return &FieldError{f.Var, "there is more than one value"}
	case typ == ListMulti && v.ListMin > 0 && n < v.ListMin:
		return &FieldError{f.Var, fmt.Sprintf("there are %d values, at least %d are wanted", n, v.ListMin)}
	case typ == ListMulti && v.ListMax > 0 && n > v.ListMax:
		return &FieldError{f.Var, fmt.Sprintf("there are %d values, at most %d are wanted", n, v.ListMax)}
	}
	judge := v.judge()
	for _, value := range values {
		reason := f.fits(typ, v.Method, value)
		if reason == "" {
			reason = judge(value)
		}
		if reason != "" {
			return &FieldError{f.Var, reason}
		}
	}
	return nil
}

// fits tells why a value isn't one of the field's type; "" if it is.
func (f Field) fits(typ FieldType, method Method, value string) string {
	switch typ {
	case Boolean:
		if _, ok := (Field{Values: []string{value}}).Bool(); !ok {
			return "it is neither true nor false"
		}
	case JIDSingle, JIDMulti:
		if _, err := jid.Parse(value); err != nil {
			return "it is not an address"
		}
	case ListSingle, ListMulti:
		offered := slices.ContainsFunc(f.Options, func(o Option) bool { return o.Value == value })
		if !offered && method == Basic {
			return "it is not among the options"
		}
	}
	return ""
}

func isEmpty(values []string) bool {
	return !slices.ContainsFunc(values, func(v string) bool { return v != "" })
}
