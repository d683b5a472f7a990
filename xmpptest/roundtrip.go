package xmpptest

import (
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/stanza"
)

// RoundTrip tests the payload types of an extension: one line in a package's
// tests. A sample is a value of such a type. For each type with fields there
// must be one that has something in it, best of all in every field, or an
// element in the stanzas of testdata/*.xml, one stanza a file; then a zero
// sample names the type.
//
// What is tested: written and read again, a sample is the same; so is what is
// read from testdata. Of every element each attribute and child is then left
// out, doubled, moved to another namespace and filled with what is no number,
// date, address or anything. That may be refused or read, but must not panic;
// what was read must survive being written, and the message around it stays
// whole. Unexported fields and errors are taken for local and not compared.
func RoundTrip(t testing.TB, samples ...any) {
	t.Helper()
	if len(samples) == 0 {
		t.Errorf("RoundTrip: there are no samples")
	}
	fixtures, err := readFixtures()
	if err != nil {
		t.Errorf("RoundTrip: %v", err)
		return
	}
	byType := make(map[payload][]reflect.Value)
	for _, sample := range samples {
		v := reflect.Indirect(reflect.ValueOf(sample))
		if !v.IsValid() {
			t.Errorf("RoundTrip: %T: the sample is nil", sample)
			continue
		}
		byType[payload{v.Type()}] = append(byType[payload{v.Type()}], v)
	}
	for p, samples := range byType {
		if err := p.test(samples, fixtures); err != nil {
			t.Errorf("RoundTrip: %v: %v", p.Type, err)
		}
	}
}

func readFixtures() (roots []stanza.Element, err error) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.xml"))
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		root, err := stanza.Parse(strings.TrimSpace(string(data)))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		roots = append(roots, root)
	}
	return roots, nil
}

// payload is a payload type under test.
type payload struct{ reflect.Type }

func (p payload) test(samples []reflect.Value, fixtures []stanza.Element) error {
	name := p.elementName()
	if name.Local == "" {
		return errors.New("it has no element name, neither by stanza.Decoder nor by a tag of XMLName")
	}
	var elements []stanza.Element
	for _, root := range fixtures {
		elements = appendNamed(elements, root, name)
	}
	says := p.bare() || len(elements) > 0
	for _, sample := range samples {
		e, err := p.rewritten(sample)
		if err != nil && sample.IsZero() {
			continue // it only names the type
		}
		if err != nil {
			return err
		}
		elements = append(elements, e)
		says = says || !sample.IsZero()
	}
	if !says {
		return fmt.Errorf("the sample is empty, and testdata has no <%s xmlns=%q/>", name.Local, name.Space)
	}
	for _, e := range elements {
		if err := p.survives(e); err != nil {
			return err
		}
		for _, d := range damages(e) {
			if err := p.bears(d); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p payload) writable(v reflect.Value) bool {
	_, err := stanza.Marshal(v.Interface())
	return err == nil
}

// bare tells whether the type has no fields, so that its zero value says all.
func (p payload) bare() bool {
	if p.Kind() != reflect.Struct {
		return false
	}
	for f := range p.Fields() {
		if f.Name != "XMLName" && f.IsExported() {
			return false
		}
	}
	return true
}

func (p payload) elementName() xml.Name {
	if d, ok := reflect.New(p.Type).Interface().(stanza.Decoder); ok {
		return d.ElementName()
	}
	if p.Kind() != reflect.Struct {
		return xml.Name{}
	}
	f, _ := p.FieldByName("XMLName")
	tag, _, _ := strings.Cut(f.Tag.Get("xml"), ",")
	switch words := strings.Fields(tag); len(words) {
	case 1:
		return xml.Name{Local: words[0]}
	case 2:
		return xml.Name{Space: words[0], Local: words[1]}
	}
	return xml.Name{}
}

func appendNamed(found []stanza.Element, e stanza.Element, name xml.Name) []stanza.Element {
	if e.Name() == name || name.Space == "" && e.Local() == name.Local {
		return append(found, e)
	}
	for c := range e.Children() {
		found = appendNamed(found, c, name)
	}
	return found
}

func (p payload) decode(e stanza.Element) (reflect.Value, error) {
	v := reflect.New(p.Type)
	return v.Elem(), stanza.Unmarshal(e, v.Interface())
}

// survives is the test of an element without fault.
func (p payload) survives(e stanza.Element) error {
	v, err := p.decode(e)
	if err != nil {
		return fmt.Errorf("reading %s: %w", e, err)
	}
	_, err = p.rewritten(v)
	return err
}

// rewritten writes a value, reads it again and compares.
func (p payload) rewritten(v reflect.Value) (stanza.Element, error) {
	written, err := stanza.Marshal(v.Interface())
	if err != nil {
		return written, fmt.Errorf("writing %+v: %w", v, err)
	}
	e, err := stanza.Parse(written.String())
	if err != nil {
		return e, fmt.Errorf("parsing what was written, %s: %w", written, err)
	}
	again, err := p.decode(e)
	if err != nil {
		return e, fmt.Errorf("reading what was written, %s: %w", written, err)
	}
	if !same(v, again) {
		return e, fmt.Errorf("%+v was written as %s and read as %+v", v, written, again)
	}
	return e, nil
}

// neighbour stands beside the damaged payload.
type neighbour struct {
	XMLName xml.Name `xml:"urn:example:neighbour neighbour"`
	Value   string   `xml:"value,attr"`
}

// bears is the test of a damaged element, within a message.
func (p payload) bears(damaged xmlstream.Element) (err error) {
	text := string(damaged.Append(nil, ""))
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic on %s: %v", text, v)
		}
	}()
	around, err := stanza.Parse(`<message xmlns="jabber:client" id="1">` + text +
		`<neighbour xmlns="urn:example:neighbour" value="whole"/><body>whole</body></message>`)
	if err != nil {
		return fmt.Errorf("parsing %s: %w", text, err)
	}
	s, err := stanza.FromElement(around)
	if err != nil {
		return fmt.Errorf("message with %s: %w", text, err)
	}
	v := reflect.New(p.Type)
	refused := stanza.PayloadInto(s, v.Interface())
	n, err := stanza.Payload[neighbour](s)
	if err != nil || n.Value != "whole" || s.(*stanza.Message).Body != "whole" {
		return fmt.Errorf("%s spoils the message around it", text)
	}
	if refused != nil || !p.writable(v.Elem()) {
		return nil
	}
	if _, err := p.rewritten(v.Elem()); err != nil {
		return fmt.Errorf("read from %s: %w", text, err)
	}
	return nil
}

var (
	elementType = reflect.TypeFor[stanza.Element]()
	timeType    = reflect.TypeFor[time.Time]()
	errorType   = reflect.TypeFor[error]()
)

// same compares what two values of one type say on the wire.
func same(a, b reflect.Value) bool {
	switch t := a.Type(); {
	case t == errorType || t.Kind() == reflect.Slice && t.Elem() == errorType || t.Kind() == reflect.Func:
		return true
	case t == elementType:
		return a.Interface().(stanza.Element).String() == b.Interface().(stanza.Element).String()
	case t == timeType:
		return a.Interface().(time.Time).Equal(b.Interface().(time.Time))
	}
	switch a.Kind() {
	case reflect.Pointer, reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return a.Elem().Type() == b.Elem().Type() && same(a.Elem(), b.Elem())
	case reflect.Slice, reflect.Array:
		for i := range min(a.Len(), b.Len()) {
			if !same(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return a.Len() == b.Len()
	case reflect.Map:
		for _, k := range a.MapKeys() {
			if v := b.MapIndex(k); !v.IsValid() || !same(a.MapIndex(k), v) {
				return false
			}
		}
		return a.Len() == b.Len()
	case reflect.Struct:
		return sameStruct(a, b)
	}
	return a.Equal(b)
}

func sameStruct(a, b reflect.Value) bool {
	fields := false
	for f := range a.Type().Fields() {
		if !f.IsExported() {
			continue
		}
		fields = true
		if f.Name != "XMLName" && !same(a.FieldByIndex(f.Index), b.FieldByIndex(f.Index)) {
			return false
		}
	}
	return fields || !a.Comparable() || a.Equal(b)
}
