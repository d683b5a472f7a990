package stanza

import (
	"encoding"
	"encoding/xml"
	"reflect"
	"strconv"
	"strings"
)

var (
	attrType          = reflect.TypeFor[xml.Attr]()
	marshalerAttrType = reflect.TypeFor[xml.MarshalerAttr]()
)

// reflectedAttrs returns the attributes of a struct. A field with the tag
// "xmlns,attr" names the element's namespace, as it does in encoding/xml.
func (w *Writer) reflectedAttrs(v reflect.Value, in *info, name *xml.Name) ([]xml.Attr, bool) {
	var attrs []xml.Attr
	var err error
	for i := range in.fields {
		f := &in.fields[i]
		if f.mode != modeAttr && f.mode != modeAnyAttr {
			continue
		}
		fv := f.value(v)
		if !fv.IsValid() || f.omitEmpty && isEmpty(fv) {
			continue
		}
		if attrs, err = appendAttr(attrs, f.name, fv); err != nil {
			w.fail(f.name.Local, err.Error())
			return nil, false
		}
	}
	kept := attrs[:0]
	for _, a := range attrs {
		if prefix, local, ok := strings.Cut(a.Name.Local, ":"); ok && prefix == "xml" && a.Name.Space == "" {
			a.Name = xml.Name{Space: xmlNS, Local: local}
		}
		switch {
		case a.Name.Space == "xmlns": // a prefix: the Writer makes its own
		case a.Name == xml.Name{Local: "xmlns"}:
			if name.Space != "" && name.Space != a.Value {
				w.fail(name.Local, "has two namespaces: that of its name and an attribute xmlns")
				return nil, false
			}
			name.Space = a.Value
		default:
			kept = append(kept, a)
		}
	}
	return kept, true
}

func appendAttr(attrs []xml.Attr, name xml.Name, v reflect.Value) ([]xml.Attr, error) {
	if k := v.Kind(); (k == reflect.Pointer || k == reflect.Interface) && v.IsNil() {
		return attrs, nil
	}
	if m, _, ok := implementing[xml.MarshalerAttr](v, marshalerAttrType); ok {
		a, err := m.MarshalXMLAttr(name)
		if err != nil || a.Name.Local == "" {
			return attrs, err
		}
		return append(attrs, a), nil
	}
	if m, _, ok := implementing[encoding.TextMarshaler](v, textMarshalerType); ok {
		text, err := m.MarshalText()
		return append(attrs, xml.Attr{Name: name, Value: string(text)}), err
	}
	if k := v.Kind(); k == reflect.Pointer || k == reflect.Interface {
		return appendAttr(attrs, name, v.Elem())
	}
	if v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8 {
		var err error
		for i := range v.Len() {
			if attrs, err = appendAttr(attrs, name, v.Index(i)); err != nil {
				return attrs, err
			}
		}
		return attrs, nil
	}
	if v.Type() == attrType && v.CanInterface() {
		return append(attrs, v.Interface().(xml.Attr)), nil
	}
	text, ok := simpleText(v)
	if !ok {
		return attrs, &xml.UnsupportedTypeError{Type: v.Type()}
	}
	return append(attrs, xml.Attr{Name: name, Value: text}), nil
}

// simpleText is encoding/xml's form of a value that is no struct.
func simpleText(v reflect.Value) (string, bool) {
	switch v.Kind() {
	case reflect.String:
		return v.String(), true
	case reflect.Bool:
		return strconv.FormatBool(v.Bool()), true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10), true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return strconv.FormatUint(v.Uint(), 10), true
	case reflect.Float32, reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits()), true
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return string(v.Bytes()), true
		}
	case reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			b := make([]byte, v.Len())
			reflect.Copy(reflect.ValueOf(b), v)
			return string(b), true
		}
	}
	return "", false
}

// typeName is the type's name without type arguments.
func typeName(t reflect.Type) string {
	name, _, _ := strings.Cut(t.Name(), "[")
	return name
}
