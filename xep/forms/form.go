package forms

import (
	"errors"
	"fmt"
	"slices"
)

// Answer fills in a form that was received, of type form: the result is of type
// submit and has the hidden fields, all defaults, and in their place the answers,
// which need only Var and Values. A field answered without Values is sent as one that
// has none. Answers to what wasn't asked, and ones that [Field.Check] refuses, are
// errors, as is a required field without a value: each a [*FieldError], joined. f is not
// changed.
func (f Form) Answer(answers ...Field) (Form, error) {
	filled := Form{Type: Submit}
	var errs []error
	open := make(map[string]Field, len(answers))
	for _, a := range answers {
		if _, twice := open[a.Var]; twice {
			errs = append(errs, &FieldError{a.Var, "it is answered twice"})
		}
		open[a.Var] = a
	}
	for _, field := range f.Fields {
		if field.Type == Fixed || field.Var == "" {
			continue
		}
		answer, answered := open[field.Var]
		delete(open, field.Var)
		values := field.Values
		if answered {
			values = split(field.Type, answer.Values)
			if err := field.Check(values...); err != nil {
				errs = append(errs, err)
			}
		} else if field.Required && isEmpty(values) {
			errs = append(errs, &FieldError{field.Var, "it is required"})
		}
		if answered || len(values) > 0 {
			filled.Fields = append(filled.Fields, Field{Var: field.Var, Type: field.Type, Values: slices.Clone(values)})
		}
	}
	for _, a := range answers {
		if _, left := open[a.Var]; left {
			errs = append(errs, &FieldError{a.Var, "the form doesn't ask for it"})
			delete(open, a.Var)
		}
	}
	if len(errs) > 0 {
		return Form{}, errors.Join(errs...)
	}
	return filled, nil
}

// split makes a value of each line, where that is how lines are written.
func split(t FieldType, values []string) []string {
	if t != TextMulti {
		return values
	}
	var all []string
	for _, v := range values {
		all = append(all, lines(v)...)
	}
	return all
}

// Check judges a submission by f, the form that was sent out: its form type,
// required fields, and each value as [Field.Check] does. Fields that f hasn't are
// ignored (XEP-0004 §3.1), absent ones keep their value (§3.5). Errors are
// [*FieldError], joined; answer with stanza.NotAcceptable (§4).
func (f Form) Check(submitted Form) error {
	var errs []error
	if submitted.Type != Submit {
		errs = append(errs, fmt.Errorf("forms: the type is %q, not submit", submitted.Type))
	}
	if want := f.FormType(); want != "" && submitted.FormType() != want {
		errs = append(errs, &FieldError{formType, "it is another one"})
	}
	given := make(map[string]*Field, len(submitted.Fields))
	for i := range submitted.Fields {
		s := &submitted.Fields[i]
		if _, twice := given[s.Var]; twice {
			errs = append(errs, &FieldError{s.Var, "it is there twice"})
		}
		given[s.Var] = s
	}
	for _, field := range f.Fields {
		if field.Type == Fixed || field.Var == "" || field.Var == formType {
			continue
		}
		s, ok := given[field.Var]
		switch {
		case ok:
			if err := field.Check(s.Values...); err != nil {
				errs = append(errs, err)
			}
		case field.Required:
			errs = append(errs, &FieldError{field.Var, "it is required"})
		}
	}
	return errors.Join(errs...)
}

// A FieldError says what is wrong with one field.
type FieldError struct {
	Var    string // the field's name
	Reason string
}

// Error names the field, shortened, and holds nothing of its values.
func (e *FieldError) Error() string {
	name := e.Var
	if len(name) > 64 {
		name = name[:64] + "…"
	}
	return fmt.Sprintf("forms: field %q: %s", name, e.Reason)
}
