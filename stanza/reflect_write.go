package stanza

import (
	"encoding"
	"encoding/xml"
	"fmt"
	"reflect"
)

var (
	marshalerType     = reflect.TypeFor[xml.Marshaler]()
	textMarshalerType = reflect.TypeFor[encoding.TextMarshaler]()
)

// maxDepth ends the writing of values that contain themselves.
const maxDepth = 256

// value writes v, which Value has fenced in.
func (w *Writer) value(v any) error {
	if e, ok := v.(Element); ok {
		w.Element(e)
		return w.Err()
	}
	rv := reflect.ValueOf(v)
	if !rv.IsValid() || rv.Kind() == reflect.Pointer && rv.IsNil() {
		w.fail("payload", fmt.Sprintf("%T is nil", v))
		return w.Err()
	}
	if a, ok := v.(Appender); ok {
		return a.AppendElement(w)
	}
	if p := reflect.PointerTo(rv.Type()); rv.Kind() != reflect.Pointer && p.Implements(appenderType) {
		addressable := reflect.New(rv.Type())
		addressable.Elem().Set(rv)
		return addressable.Interface().(Appender).AppendElement(w)
	}
	w.reflected(rv, nil, "")
	return w.Err()
}

// reflected writes a value as encoding/xml would: none, one or many elements.
// f is the field it came from, if any; outer is the namespace that was written
// on the start tag around it, "" if none was.
func (w *Writer) reflected(v reflect.Value, f *field, outer string) {
	if !v.IsValid() || f != nil && f.omitEmpty && isEmpty(v) {
		return
	}
	for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	if w.open() > maxDepth {
		w.fail("payload", "nested too deeply")
	}
	if w.Err() != nil {
		return
	}
	if m, t, ok := implementing[xml.Marshaler](v, marshalerType); ok {
		w.marshaler(m, defaultName(t, f))
		return
	}
	if m, t, ok := implementing[encoding.TextMarshaler](v, textMarshalerType); ok {
		name := defaultName(t, f)
		w.start(name)
		w.textOf(m, name.Local)
		w.End()
		return
	}
	if k := v.Kind(); (k == reflect.Slice || k == reflect.Array) && v.Type().Elem().Kind() != reflect.Uint8 {
		for i := range v.Len() {
			w.reflected(v.Index(i), f, outer)
		}
		return
	}
	w.reflectedElement(v, f, outer)
}

// reflectedElement writes the one element of a struct or a simple value.
func (w *Writer) reflectedElement(v reflect.Value, f *field, outer string) {
	in, err := infoOf(v.Type())
	if err != nil {
		w.fail(v.Type().String(), err.Error())
		return
	}
	name, fromValue := elementName(v, in, f)
	if name.Local == "" {
		w.fail("payload", "a "+v.Type().String()+" has no element name")
		return
	}
	attrs, ok := w.reflectedAttrs(v, in, &name)
	if !ok {
		return
	}
	if fromValue && name.Space == "" && outer != "" {
		w.Start("", name.Local) // an XMLName that says "no namespace" means it
	} else {
		w.start(name)
	}
	for _, a := range attrs {
		w.AttrNS(a.Name.Space, a.Name.Local, a.Value)
	}
	if v.Kind() == reflect.Struct {
		w.reflectedFields(v, in, name.Space)
	} else if text, ok := simpleText(v); ok {
		w.Text(text)
	} else {
		w.fail(name.Local, "encoding/xml has no form for a "+v.Type().String())
	}
	w.End()
}

// start starts an element; a name without namespace takes the one around it.
func (w *Writer) start(name xml.Name) {
	if name.Space == "" {
		name.Space = w.space()
	}
	w.Start(name.Space, name.Local)
}

// elementName decides by XMLName's tag, XMLName's value, the field, the type.
// fromValue tells of an XMLName without a tag.
func elementName(v reflect.Value, in *info, f *field) (name xml.Name, fromValue bool) {
	if in.name != nil {
		name = in.name.name
		fromValue = name.Local == ""
		if fromValue {
			name = in.name.dynamic(v)
		}
	}
	if name.Local == "" && f != nil {
		name = f.name
	}
	if name.Local == "" {
		name = xml.Name{Local: typeName(v.Type())}
	}
	return name, fromValue
}

// reflectedFields writes the content of a struct.
func (w *Writer) reflectedFields(v reflect.Value, in *info, space string) {
	var open []string // parents that are started
	trim := func(parents []string) {
		n := 0
		for n < len(open) && n < len(parents) && open[n] == parents[n] {
			n++
		}
		for range open[n:] {
			w.End()
		}
		open = open[:n]
	}
	for i := range in.fields {
		f := &in.fields[i]
		fv := f.value(v)
		if !fv.IsValid() {
			continue
		}
		switch f.mode {
		case modeText:
			trim(nil)
			w.reflectedText(fv)
		case modeInner:
			if raw, ok := rawText(fv); ok {
				w.inner(raw, f.name.Local)
				continue
			}
			w.reflected(fv, f, space) // of another type: encoding/xml takes it for an element
		case modeElement, modeAny:
			trim(f.parents)
			if k := fv.Kind(); k != reflect.Pointer && k != reflect.Interface || !fv.IsNil() {
				for _, p := range f.parents[len(open):] {
					w.start(xml.Name{Local: p})
				}
				open = append(open[:len(open):len(open)], f.parents[len(open):]...)
			}
			around := space
			if len(open) > 0 {
				around = "" // parents are written without a namespace
			}
			w.reflected(fv, f, around)
		case modeAttr, modeAnyAttr, modeComment: // in the start tag; RFC 6120 §11.1 has no comments
		}
	}
	trim(nil)
}

// reflectedText writes a field that is the element's character data.
func (w *Writer) reflectedText(v reflect.Value) {
	if m, _, ok := implementing[encoding.TextMarshaler](v, textMarshalerType); ok && !(v.Kind() == reflect.Pointer && v.IsNil()) {
		w.textOf(m, "text")
		return
	}
	v = indirect(v)
	if !v.IsValid() {
		return
	}
	if v.Kind() == reflect.Array {
		return
	}
	if text, ok := simpleText(v); ok {
		w.Text(text)
	}
}

func (w *Writer) textOf(m encoding.TextMarshaler, field string) {
	text, err := m.MarshalText()
	if err != nil {
		w.fail(field, err.Error())
		return
	}
	w.Text(string(text))
}

// implementing returns v, or its address if only that has the method.
func implementing[I any](v reflect.Value, iface reflect.Type) (I, reflect.Type, bool) {
	if v.CanInterface() && v.Type().Implements(iface) {
		return v.Interface().(I), v.Type(), true
	}
	if v.CanAddr() && v.Addr().CanInterface() && reflect.PointerTo(v.Type()).Implements(iface) {
		return v.Addr().Interface().(I), reflect.PointerTo(v.Type()), true
	}
	var none I
	return none, nil, false
}

// defaultName names what writes itself: by the field, else by the type.
func defaultName(t reflect.Type, f *field) xml.Name {
	if f != nil {
		return f.name
	}
	if t.Name() == "" && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return xml.Name{Local: t.Name()}
}

func indirect(v reflect.Value) reflect.Value {
	for v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	return v
}

// isEmpty is omitempty's notion: a struct is never empty.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct, reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return false
	}
	return v.IsZero()
}
