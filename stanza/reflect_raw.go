package stanza

import (
	"bytes"
	"encoding/xml"
	"reflect"
	"strings"

	"github.com/gosmack/xmpp/internal/xmlstream"
)

// marshaler writes what a type's own MarshalXML makes. encoding/xml puts U+FFFD
// in the place of what it can't write; here that is an error.
func (w *Writer) marshaler(m xml.Marshaler, name xml.Name) {
	var b bytes.Buffer
	enc := xml.NewEncoder(&b)
	err := m.MarshalXML(enc, xml.StartElement{Name: name})
	if err == nil {
		err = enc.Close() // also finds elements that were left open
	}
	switch {
	case err != nil:
		w.fail(name.Local, err.Error())
	case bytes.ContainsRune(b.Bytes(), '\uFFFD'):
		w.fail(name.Local, "its MarshalXML wrote U+FFFD, the mark of a character that XML can't hold")
	default:
		w.inner(b.String(), name.Local)
	}
}

// inner writes text that is XML itself, after reading it: what isn't whole and
// allowed on a stream is an error.
func (w *Writer) inner(raw, field string) {
	if w.Err() != nil || raw == "" {
		return
	}
	var around strings.Builder
	around.WriteString(`<x xmlns="`)
	_ = xml.EscapeText(&around, []byte(w.space())) // a Builder doesn't fail
	around.WriteString(`">` + raw + `</x>`)
	e, err := xmlstream.Parse(around.String(), xmlstream.Limits{})
	if err != nil {
		w.fail(field, "is not XML that may stand in a stanza: "+err.Error())
		return
	}
	for n := range e.Nodes() {
		if n.Element.IsZero() {
			w.Text(n.Text)
		} else {
			w.Element(Element(n.Element))
		}
	}
}

// rawText returns the string or bytes of an innerxml field.
func rawText(v reflect.Value) (string, bool) {
	v = indirect(v)
	if !v.IsValid() || !v.CanInterface() {
		return "", false
	}
	switch raw := v.Interface().(type) {
	case string:
		return raw, true
	case []byte:
		return string(raw), true
	}
	return "", false
}
