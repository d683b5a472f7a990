package forms

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/xep/delay"
)

// ErrFormType is the error of [Unmarshal] for a form of another form type than the
// struct's.
var ErrFormType = errors.New("forms: another form type")

// Unmarshal reads a form into a struct, by the tags that [Marshal] has. What the form
// leaves out stays as it was; a field without a value becomes zero; several values of a
// string become its lines. A value that isn't one of the Go type costs itself alone:
// everything else is read, and the error joins a [*FieldError] for each. [ErrFormType] is
// returned before anything is read, if the struct has a form type and the form another,
// or none. Other errors say what is wrong with v or its tags.
func Unmarshal(f Form, v any) error {
	rv, members, err := target(v)
	if err != nil {
		return err
	}
	if members.formType != "" && f.FormType() != members.formType {
		return ErrFormType
	}
	return members.decode(rv, f.Fields)
}

// UnmarshalFields is [Unmarshal] for fields alone, as those of an item, which have no
// form type.
func UnmarshalFields(fields []Field, v any) error {
	rv, members, err := target(v)
	if err != nil {
		return err
	}
	return members.decode(rv, fields)
}

func target(v any) (reflect.Value, members, error) {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Pointer || rv.IsNil() || rv.Elem().Kind() != reflect.Struct {
		return rv, members{}, fmt.Errorf("forms: unmarshal into %T: a pointer to a struct is needed", v)
	}
	m, err := membersOf(rv.Elem().Type())
	return rv.Elem(), m, err
}

func (m members) decode(into reflect.Value, fields []Field) error {
	var errs []error
	for _, member := range m.all {
		i := slices.IndexFunc(fields, func(f Field) bool { return f.Var == member.name })
		if i < 0 {
			continue
		}
		// A failed value leaves nothing half done.
		v := into.FieldByIndex(member.index)
		fresh := reflect.New(v.Type()).Elem()
		if err := decode(fresh, fields[i].Values); err != nil {
			errs = append(errs, &FieldError{member.name, err.Error()})
			continue
		}
		v.Set(fresh)
	}
	return errors.Join(errs...)
}

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

// decode reads values into v, which is zero.
func decode(v reflect.Value, values []string) error {
	switch {
	case v.Kind() == reflect.Pointer:
		if len(values) == 0 {
			return nil
		}
		v.Set(reflect.New(v.Type().Elem()))
		return decode(v.Elem(), values)
	case v.Kind() == reflect.Slice && !reflect.PointerTo(v.Type()).Implements(textUnmarshaler):
		return decodeAll(v, values)
	case v.Kind() == reflect.String && !reflect.PointerTo(v.Type()).Implements(textUnmarshaler):
		v.SetString(strings.Join(values, "\n"))
		return nil
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return nil // XEP-0004 §3.6
	case len(values) > 1:
		return errors.New("there is more than one value")
	}
	return decodeOne(v, values[0])
}

func decodeAll(v reflect.Value, values []string) error {
	seen := make(map[jid.JID]bool)
	for _, s := range values {
		one := reflect.New(v.Type().Elem()).Elem()
		if err := decodeOne(one, s); err != nil {
			return err
		}
		if j, ok := one.Interface().(jid.JID); ok {
			if seen[j] {
				continue // XEP-0004 §3.3
			}
			seen[j] = true
		}
		v.Set(reflect.Append(v, one))
	}
	return nil
}

func decodeOne(v reflect.Value, s string) (err error) {
	switch p := v.Addr().Interface().(type) {
	case *time.Time:
		*p, err = delay.ParseDateTime(s)
		return err
	case *jid.JID:
		if *p, err = jid.Parse(s); err != nil {
			return errors.New("it is not an address")
		}
		return nil
	case encoding.TextUnmarshaler:
		return p.UnmarshalText([]byte(s))
	}
	switch {
	case v.Kind() == reflect.String:
		v.SetString(s)
	case v.Kind() == reflect.Bool:
		b, ok := Text("", s).Bool()
		if !ok {
			return errors.New("it is neither true nor false")
		}
		v.SetBool(b)
	case v.CanInt():
		n, err := strconv.ParseInt(s, 10, v.Type().Bits())
		if err != nil {
			return fmt.Errorf("it is not an integer of %d bits", v.Type().Bits())
		}
		v.SetInt(n)
	case v.CanUint():
		n, err := strconv.ParseUint(s, 10, v.Type().Bits())
		if err != nil {
			return fmt.Errorf("it is not a positive integer of %d bits", v.Type().Bits())
		}
		v.SetUint(n)
	case v.CanFloat():
		f, ok := parseDouble(s)
		if !ok || v.OverflowFloat(f.(float64)) && !math.IsInf(f.(float64), 0) {
			return fmt.Errorf("it is not a number of %d bits", v.Type().Bits())
		}
		v.SetFloat(f.(float64))
	default:
		return fmt.Errorf("a %v can't be read", v.Type())
	}
	return nil
}
