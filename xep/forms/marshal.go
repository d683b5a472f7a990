package forms

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/xep/delay"
)

// Marshal makes a form of the fields of a struct, or pointer to one, that have a tag
// `form:"var"`, and of embedded structs without a tag. A tag goes on, after commas, with
// omitempty, which leaves out a zero value, and with the field's type where that does
// not follow from Go's. `form:"FORM_TYPE,name"` at a field of any type, mostly _, is the
// form type (XEP-0068).
//
// Strings, numbers, bool, jid.JID, time.Time and types that are
// encoding.TextMarshaler are one value; slices of them are several; a string of type
// text-multi is a value each line. Left out are nil pointers, and zero addresses and times, which
// nothing stands for. Other types, and values that can't be written, are errors that name the
// field.
func Marshal(t Type, v any) (Form, error) {
	f := Form{Type: t}
	rv := reflect.ValueOf(v)
	for rv.Kind() == reflect.Pointer && !rv.IsNil() {
		rv = rv.Elem()
	}
	if rv.Kind() != reflect.Struct {
		return f, fmt.Errorf("forms: marshal %T: a struct is needed", v)
	}
	members, err := membersOf(rv.Type())
	if err != nil {
		return f, err
	}
	if members.formType != "" {
		f = New(t, members.formType)
	}
	for _, m := range members.all {
		member := rv.FieldByIndex(m.index)
		if m.omitEmpty && member.IsZero() || m.omitEmpty && member.Kind() == reflect.Slice && member.Len() == 0 {
			continue
		}
		typ, values, err := encode(member, m.typ)
		switch {
		case errors.Is(err, errAbsent):
			continue
		case err != nil:
			return Form{Type: t}, &FieldError{m.name, err.Error()}
		}
		if m.typ != "" {
			typ = m.typ
		}
		f.Fields = append(f.Fields, Field{Var: m.name, Type: typ, Values: values})
	}
	return f, nil
}

// errAbsent says that there is no value for a form.
var errAbsent = errors.New("it has no value")

var (
	timeType      = reflect.TypeFor[time.Time]()
	jidType       = reflect.TypeFor[jid.JID]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

// encode returns the values of a member and the type of field that follows from
// its own.
func encode(v reflect.Value, typ FieldType) (FieldType, []string, error) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "", nil, errAbsent
		}
		return encode(v.Elem(), typ)
	}
	if v.Kind() == reflect.Slice && !reflect.PointerTo(v.Type()).Implements(textMarshaler) {
		return encodeAll(v)
	}
	if v.Kind() == reflect.String && typ == TextMulti {
		return TextMulti, lines(v.String()), nil
	}
	s, err := encodeOne(v)
	switch {
	case err != nil:
		return "", nil, err
	case v.Kind() == reflect.Bool:
		return Boolean, []string{s}, nil
	case v.Type() == jidType:
		return JIDSingle, []string{s}, nil
	}
	return TextSingle, []string{s}, nil
}

func encodeAll(v reflect.Value) (FieldType, []string, error) {
	typ := TextMulti
	if v.Type().Elem() == jidType {
		typ = JIDMulti
	}
	var values []string
	for i := range v.Len() {
		s, err := encodeOne(v.Index(i))
		if err != nil {
			return "", nil, fmt.Errorf("value %d: %v", i, err) // not wrapped: here it is an error to have no value
		}
		values = append(values, s)
	}
	return typ, values, nil
}

func encodeOne(v reflect.Value) (string, error) {
	switch v.Type() {
	case timeType:
		t := v.Interface().(time.Time)
		if y := t.UTC().Year(); y < 1 || y > 9999 {
			return "", fmt.Errorf("year %d can't be written", y)
		}
		if t.IsZero() {
			return "", errAbsent
		}
		return delay.FormatDateTime(t), nil
	case jidType:
		if v.IsZero() {
			return "", errAbsent
		}
		return v.Interface().(jid.JID).String(), nil
	}
	if reflect.PointerTo(v.Type()).Implements(textMarshaler) {
		p := reflect.New(v.Type()) // the method may be the pointer's
		p.Elem().Set(v)
		text, err := p.Interface().(encoding.TextMarshaler).MarshalText()
		return string(text), err
	}
	switch {
	case v.Kind() == reflect.String:
		return v.String(), nil
	case v.Kind() == reflect.Bool:
		return boolean(v.Bool()), nil
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10), nil
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10), nil
	case v.CanFloat():
		return formatDouble(v.Float(), v.Type().Bits()), nil
	}
	return "", fmt.Errorf("a %v can't be written", v.Type())
}

// lines splits a text (XEP-0004 §3.3 on text-multi).
func lines(s string) []string {
	return strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
}

// formatDouble writes an xs:double, whose infinity isn't Go's.
func formatDouble(f float64, bits int) string {
	switch {
	case math.IsInf(f, 1):
		return "INF"
	case math.IsInf(f, -1):
		return "-INF"
	}
	return strconv.FormatFloat(f, 'g', -1, bits)
}
