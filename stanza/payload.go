package stanza

import (
	"encoding/xml"
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// ErrAbsent is the error of [Payload] when the stanza has no such payload.
var ErrAbsent = errors.New("stanza: no such payload")

// Payload returns the stanza's first payload of type T: among the received
// children, else among what [Add] put in. T is a type with a codec ([Decoder])
// or a struct with encoding/xml tags, whose XMLName tag names the element; see
// [NameFor] for the panic of a type without a name.
//
// The error is [ErrAbsent] or says what is wrong with the payload; it never
// costs the rest of the stanza. A received payload is decoded at each call and
// nothing is kept: a step that has decoded one hands it on with [Mark]. An
// added value of type T or *T is returned as it is, any other of the same
// element name by way of its XML.
func Payload[T any](s Stanza) (T, error) {
	e, found, err := find(s, reflect.TypeFor[T]())
	if t, ok := found.(T); ok || err != nil {
		return t, err
	}
	return decode[T](e)
}

func decode[T any](e Element) (T, error) {
	var v T
	err := Unmarshal(e, &v)
	return v, err
}

// PayloadInto decodes the payload of out's type into out, a non-nil pointer:
// [Payload] for a type that is known only at run time.
func PayloadInto(s Stanza, out any) error {
	rv := reflect.ValueOf(out)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return fmt.Errorf("stanza: payload into %T: a non-nil pointer is needed", out)
	}
	e, found, err := find(s, rv.Type().Elem())
	switch {
	case err != nil:
		return err
	case found != nil:
		rv.Elem().Set(reflect.ValueOf(found))
		return nil
	}
	return Unmarshal(e, out)
}

// find returns the element that a type reads, or the added value of that very
// type, or ErrAbsent.
func find(s Stanza, t reflect.Type) (e Element, found any, err error) {
	name := mustName(t)
	if s == nil || s.extra() == nil {
		return Element{}, nil, ErrAbsent
	}
	x := s.extra()
	if !x.element.IsZero() {
		for c := range x.element.raw().Children() {
			if e := Element(c); matches(name, e) && x.keeps(s, e) {
				return e, nil, nil
			}
		}
	}
	for _, v := range x.changes().added {
		switch vt := reflect.TypeOf(v); {
		case vt == t:
			return Element{}, v, nil
		case vt.Kind() == reflect.Pointer && vt.Elem() == t:
			return Element{}, reflect.ValueOf(v).Elem().Interface(), nil
		}
		if !isNamed(v, name) {
			continue
		}
		if e, err := Marshal(v); err == nil {
			return e, nil, nil
		}
	}
	return Element{}, nil, ErrAbsent
}

// isNamed tells whether an added value is written under the name. One that
// can't be written is not: Append will say why.
func isNamed(v any, name xml.Name) bool {
	if own, _ := nameOfValue(v); own.Local != "" {
		return own.Local == name.Local && (name.Space == "" || own.Space == name.Space)
	}
	e, err := Marshal(v)
	return err == nil && matches(name, e)
}

// Has tells whether the stanza has a payload with T's element name, without
// decoding it: Payload may still find it wrong.
func Has[T any](s Stanza) bool {
	name := NameFor[T]()
	if s == nil || s.extra() == nil {
		return false
	}
	x := s.extra()
	if !x.element.IsZero() {
		for c := range x.element.raw().Children() {
			if e := Element(c); matches(name, e) && x.keeps(s, e) {
				return true
			}
		}
	}
	return slices.ContainsFunc(x.changes().added, func(v any) bool { return isNamed(v, name) })
}

// Decode reads an element as a T, as [Payload] does. An element of another name
// is an error.
func Decode[T any](e Element) (T, error) {
	name := NameFor[T]()
	if !matches(name, e) {
		var none T
		return none, fmt.Errorf("stanza: element is {%s}%s, not {%s}%s", shorten(e.Space()), shorten(e.Local()), name.Space, name.Local)
	}
	return decode[T](e)
}

// Add adds a payload behind those that are there. v is an [Element], an
// [Appender] or a struct with encoding/xml tags whose XMLName names the
// element, or a pointer to one. It is kept as it is and written when the stanza
// is: what can't be written is an error of [Append], and of sending. Add panics
// if v can have no element name, which is a mistake of the program.
//
// Add changes the stanza: never use it on a received one, but on its Clone.
func Add(s Stanza, v any) {
	if _, ok := nameOfValue(v); !ok {
		panic(fmt.Sprintf("stanza: Add of a %T without an element name: give it a field XMLName xml.Name with a tag `xml:\"namespace name\"`, or the method of stanza.Appender", v))
	}
	x := s.extra().change()
	x.added = append(x.added, v)
}

// Set puts v in the place of all payloads with T's element name. What Add says
// holds for it too.
func Set[T any](s Stanza, v T) {
	Remove[T](s)
	Add(s, v)
}

// Remove takes away all payloads with T's element name, received and added. It
// changes the stanza: never use it on a received one, but on its Clone.
func Remove[T any](s Stanza) {
	name := NameFor[T]()
	received := !s.extra().element.IsZero()
	x := s.extra().change()
	if received && !slices.Contains(x.removed, name) {
		x.removed = append(x.removed, name)
	}
	kept := make([]any, 0, len(x.added)) // a clone may share the old one
	for _, v := range x.added {
		if !isNamed(v, name) {
			kept = append(kept, v)
		}
	}
	x.added = kept
}
