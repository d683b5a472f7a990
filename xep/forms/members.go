package forms

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// members are the fields of a struct type that are fields of a form.
type members struct {
	formType string
	all      []member
}

type member struct {
	name      string
	index     []int
	typ       FieldType // "" if it follows from the Go type
	omitEmpty bool
}

func membersOf(t reflect.Type) (members, error) {
	var m members
	err := m.collect(t, nil)
	return m, err
}

func (m *members) collect(t reflect.Type, index []int) error {
	for f := range t.Fields() {
		tag, tagged := f.Tag.Lookup("form")
		at := append(slices.Clip(index), f.Index...)
		switch {
		case tag == "-":
		case tagged:
			if err := m.add(f, tag, at); err != nil {
				return fmt.Errorf("forms: %v.%s: tag %q: %w", t, f.Name, tag, err)
			}
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			if err := m.collect(f.Type, at); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *members) add(f reflect.StructField, tag string, index []int) error {
	name, rest, _ := strings.Cut(tag, ",")
	if name == formType {
		if rest == "" || m.formType != "" {
			return fmt.Errorf("one name of a form type is needed")
		}
		m.formType = rest
		return nil
	}
	new := member{name: name, index: index}
	switch {
	case name == "":
		return fmt.Errorf("it has no name")
	case !f.IsExported():
		return fmt.Errorf("the field is not exported")
	case slices.ContainsFunc(m.all, func(other member) bool { return other.name == name }):
		return fmt.Errorf("a second one of this name")
	}
	for option := range strings.SplitSeq(rest, ",") {
		switch {
		case option == "":
		case option == "omitempty":
			new.omitEmpty = true
		case slices.Contains(fieldTypes, FieldType(option)):
			new.typ = FieldType(option)
		default:
			return fmt.Errorf("there is no option %q", option)
		}
	}
	m.all = append(m.all, new)
	return nil
}
