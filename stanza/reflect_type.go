package stanza

import (
	"encoding/xml"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// mode is what a struct field stands for, by its encoding/xml tag.
type mode uint8

const (
	modeElement mode = iota
	modeAttr
	modeText // chardata and cdata: the same to a reader
	modeInner
	modeComment
	modeAny
	modeAnyAttr
)

// field is one field of a struct with encoding/xml tags, its own or that of an
// embedded struct.
type field struct {
	index     []int
	name      xml.Name
	parents   []string // elements around it: a>b>name
	mode      mode
	omitEmpty bool
}

// value returns the field of v, or the zero Value behind a nil embedded
// pointer.
func (f *field) value(v reflect.Value) reflect.Value {
	for i, x := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return reflect.Value{}
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v
}

// dynamic returns what an XMLName field holds.
func (f *field) dynamic(v reflect.Value) xml.Name {
	if fv := f.value(v); fv.IsValid() && fv.CanInterface() {
		if name, ok := fv.Interface().(xml.Name); ok {
			return name
		}
	}
	return xml.Name{}
}

// info is what the tags of a struct say.
type info struct {
	name   *field // XMLName, nil if there is none
	fields []field
}

type infoOrError struct {
	info *info
	err  error
}

// infos keeps the reading of each type's tags: a function of the type alone.
var infos sync.Map // reflect.Type → infoOrError

var nameType = reflect.TypeFor[xml.Name]()

// infoOf reads the tags of a type with the meaning that encoding/xml documents
// under Marshal and Unmarshal. The errors are mistakes in the tags.
func infoOf(t reflect.Type) (*info, error) {
	if known, ok := infos.Load(t); ok {
		k := known.(infoOrError)
		return k.info, k.err
	}
	in := new(info)
	err := in.read(t, 0)
	infos.Store(t, infoOrError{in, err})
	return in, err
}

func (in *info) read(t reflect.Type, depth int) error {
	if t.Kind() != reflect.Struct || t == nameType {
		return nil
	}
	if depth > 32 {
		return fmt.Errorf("stanza: type %v embeds itself", t)
	}
	for f := range t.Fields() {
		if !f.IsExported() && !f.Anonymous || f.Tag.Get("xml") == "-" {
			continue
		}
		if f.Anonymous {
			embedded := f.Type
			if embedded.Kind() == reflect.Pointer {
				embedded = embedded.Elem()
			}
			if embedded.Kind() == reflect.Struct {
				if err := in.embed(t, f.Index[0], embedded, depth); err != nil {
					return err
				}
				continue
			}
		}
		parsed, err := parseTag(t, f)
		switch {
		case err != nil:
			return err
		case f.Name == "XMLName":
			in.name = parsed
		default:
			if err := in.add(t, *parsed); err != nil {
				return err
			}
		}
	}
	return nil
}

// embed takes over the fields of an embedded struct.
func (in *info) embed(t reflect.Type, index int, embedded reflect.Type, depth int) error {
	inner := new(info)
	if err := inner.read(embedded, depth+1); err != nil {
		return err
	}
	if in.name == nil && inner.name != nil {
		name := *inner.name
		name.index = append([]int{index}, name.index...)
		in.name = &name
	}
	for _, f := range inner.fields {
		f.index = append([]int{index}, f.index...)
		if err := in.add(t, f); err != nil {
			return err
		}
	}
	return nil
}

// add adds a field by Go's rule for embedded ones: of two with the same path
// the shallower wins, and two at one depth are an error.
func (in *info) add(t reflect.Type, f field) error {
	var drop []int
	for i := range in.fields {
		old := &in.fields[i]
		if !old.conflicts(&f) {
			continue
		}
		if len(old.index) < len(f.index) {
			return nil
		}
		drop = append(drop, i)
	}
	for _, i := range drop {
		if old := &in.fields[i]; len(old.index) == len(f.index) {
			return fmt.Errorf("stanza: type %v: fields %s and %s have the same XML name", t,
				t.FieldByIndex(old.index).Name, t.FieldByIndex(f.index).Name)
		}
	}
	for _, i := range slices.Backward(drop) {
		in.fields = slices.Delete(in.fields, i, i+1)
	}
	in.fields = append(in.fields, f)
	return nil
}

// conflicts tells whether one path is the beginning of the other.
func (f *field) conflicts(g *field) bool {
	if f.mode != g.mode {
		return false
	}
	if f.name.Space != "" && g.name.Space != "" && f.name.Space != g.name.Space {
		return false
	}
	if len(f.parents) == len(g.parents) {
		return slices.Equal(f.parents, g.parents) && f.name == g.name
	}
	if len(f.parents) > len(g.parents) {
		f, g = g, f
	}
	n := len(f.parents)
	return slices.Equal(f.parents, g.parents[:n]) && f.name.Local == g.parents[n]
}

// parseTag reads `xml:"namespace a>b>name,flags"`.
func parseTag(t reflect.Type, sf reflect.StructField) (*field, error) {
	bad := func(reason string) error {
		return fmt.Errorf("stanza: type %v, field %s, tag %q: %s", t, sf.Name, sf.Tag.Get("xml"), reason)
	}
	f := &field{index: sf.Index}
	tag := sf.Tag.Get("xml")
	if space, rest, ok := strings.Cut(tag, " "); ok {
		f.name.Space, tag = space, rest
	}
	path, flags, _ := strings.Cut(tag, ",")
	var err error
	if f.mode, f.omitEmpty, err = parseFlags(flags); err != nil {
		return nil, bad(err.Error())
	}
	switch {
	case f.mode != modeElement && sf.Name == "XMLName",
		f.mode != modeElement && f.mode != modeAttr && path != "":
		return nil, bad("flags that don't go with a name")
	case f.omitEmpty && f.mode != modeElement && f.mode != modeAttr && f.mode != modeAny && f.mode != modeAnyAttr:
		return nil, bad("omitempty is for elements and attributes")
	case f.name.Space != "" && path == "":
		return nil, bad("namespace without name")
	case sf.Name == "XMLName":
		f.name.Local = path
		return f, nil
	case path == "":
		f.name = xml.Name{Local: sf.Name}
		if own := taggedName(sf.Type); own != nil {
			f.name = own.name
		}
		return f, nil
	}
	steps := strings.Split(path, ">")
	if steps[0] == "" {
		steps[0] = sf.Name
	}
	last := len(steps) - 1
	f.parents, f.name.Local = steps[:last], steps[last]
	switch {
	case f.name.Local == "":
		return nil, bad("nothing after >")
	case last > 0 && f.mode != modeElement:
		return nil, bad("a path is for elements")
	}
	if f.mode == modeElement {
		if own := taggedName(sf.Type); own != nil && own.name.Local != f.name.Local {
			return nil, bad("the name conflicts with XMLName " + own.name.Local + " of the field's type")
		}
	}
	return f, nil
}

func parseFlags(flags string) (m mode, omitEmpty bool, err error) {
	var attr, element, others bool // element stands for any
	for flag := range strings.SplitSeq(flags, ",") {
		next := modeElement
		switch flag {
		case "omitempty":
			omitEmpty = true
		case "attr":
			attr = true
		case "any":
			element = true
		case "chardata", "cdata":
			next = modeText
		case "innerxml":
			next = modeInner
		case "comment":
			next = modeComment
		}
		if next != modeElement {
			if others && next != m {
				return 0, false, errTwoModes
			}
			m, others = next, true
		}
	}
	switch {
	case others && (attr || element):
		return 0, false, errTwoModes
	case attr && element:
		m = modeAnyAttr
	case attr:
		m = modeAttr
	case element:
		m = modeAny
	}
	return m, omitEmpty, nil
}

var errTwoModes = errors.New("flags that exclude each other")

// taggedName returns the tagged XMLName directly in a struct type or a pointer
// to one, nil if there is none.
func taggedName(t reflect.Type) *field {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for sf := range t.Fields() {
		if sf.Name != "XMLName" {
			continue
		}
		if f, err := parseTag(t, sf); err == nil && f.name.Local != "" {
			return f
		}
		break
	}
	return nil
}
