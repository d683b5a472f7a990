package stanza

import (
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"sync"
	"sync/atomic"
)

// Decoder is how a payload type reads itself from an element; *T has it. T is
// then found by that name and never read by reflection.
type Decoder interface {
	// ElementName returns the name of the element, the same for every value.
	ElementName() xml.Name
	// DecodeElement reads the element, which has that name, into the receiver,
	// a new zero value. It may keep parts of the element, which is immutable.
	DecodeElement(Element) error
}

// Appender is how a payload type writes itself: one element, started and ended.
type Appender interface {
	AppendElement(*Writer) error
}

var (
	decoderType  = reflect.TypeFor[Decoder]()
	appenderType = reflect.TypeFor[Appender]()
)

// names keeps the element name of each type that was asked for: a function of
// the type alone, so it is never changed, and bounded by the program's types. A
// map that is replaced is found faster in than a sync.Map.
var (
	names   atomic.Pointer[map[reflect.Type]xml.Name]
	namesMu sync.Mutex // held to replace it
)

// nameOfType returns the name that a type's values have; Local is "" if the
// type has none.
func nameOfType(t reflect.Type) xml.Name {
	if known := names.Load(); known != nil {
		if name, ok := (*known)[t]; ok {
			return name
		}
	}
	name := findName(t)
	namesMu.Lock()
	defer namesMu.Unlock()
	more := make(map[reflect.Type]xml.Name)
	if known := names.Load(); known != nil {
		maps.Copy(more, *known)
	}
	more[t] = name
	names.Store(&more)
	return name
}

func findName(t reflect.Type) (name xml.Name) {
	switch {
	case t.Kind() == reflect.Interface:
	case t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(decoderType):
		name = reflect.New(t).Interface().(Decoder).ElementName()
	case t.Kind() == reflect.Struct:
		if info, err := infoOf(t); err == nil && info.name != nil {
			name = info.name.name
		}
	}
	return name
}

// NameFor returns the name of the element that T reads: that of its [Decoder],
// else the tag of its XMLName field. It panics if T has none, and if T is a
// pointer: both are mistakes of the program, found at the first call.
func NameFor[T any]() xml.Name { return mustName(reflect.TypeFor[T]()) }

func mustName(t reflect.Type) xml.Name {
	name := nameOfType(t)
	if name.Local != "" {
		return name
	}
	if t.Kind() == reflect.Pointer {
		panic(fmt.Sprintf("stanza: a payload is asked for by its type, not by a pointer to it: %v, not %v", t.Elem(), t))
	}
	panic(fmt.Sprintf("stanza: %v has no element name: give it a field XMLName xml.Name with a tag `xml:\"namespace name\"`, or the methods of stanza.Decoder", t))
}

// nameOfValue returns the name that a value will be written with. Local is ""
// if only writing tells. ok is false for what has no name at all.
func nameOfValue(v any) (name xml.Name, ok bool) {
	if e, isElement := v.(Element); isElement {
		return e.Name(), !e.IsZero()
	}
	rv := reflect.ValueOf(v)
	for rv.Kind() == reflect.Pointer || rv.Kind() == reflect.Interface {
		if rv.IsNil() {
			return xml.Name{}, false
		}
		rv = rv.Elem()
	}
	if !rv.IsValid() {
		return xml.Name{}, false
	}
	if name := nameOfType(rv.Type()); name.Local != "" {
		return name, true
	}
	if p := reflect.PointerTo(rv.Type()); p.Implements(appenderType) || p.Implements(marshalerType) {
		return xml.Name{}, true
	}
	if rv.Kind() == reflect.Struct {
		if info, err := infoOf(rv.Type()); err == nil && info.name != nil {
			name := info.name.dynamic(rv)
			return name, name.Local != ""
		}
	}
	return xml.Name{}, false
}

// matches tells whether e has the name; one without namespace takes any, as in
// encoding/xml.
func matches(name xml.Name, e Element) bool {
	return e.Local() == name.Local && (name.Space == "" || e.Space() == name.Space)
}

// Unmarshal decodes e into v, a non-nil pointer to what [Decode] takes. Unlike
// Decode it leaves the name to the caller, as far as v's type does.
func Unmarshal(e Element, v any) error {
	if e.IsZero() {
		return errors.New("stanza: decode: there is no element")
	}
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return fmt.Errorf("stanza: decode into %T: a non-nil pointer is needed", v)
	}
	switch v := v.(type) {
	case *Element:
		*v = e
		return nil
	case Decoder:
		return decodeError(e, v.DecodeElement(e))
	}
	return decodeError(e, xml.Unmarshal(e.raw().Append(nil, ""), v))
}

func decodeError(e Element, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("stanza: payload {%s}%s: %w", shorten(e.Space()), shorten(e.Local()), err)
}

// shorten bounds a name that a peer chose.
func shorten(s string) string {
	if len(s) > 128 {
		return s[:128] + "…"
	}
	return s
}
