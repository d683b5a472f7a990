package xmpptest

import (
	"reflect"
	"testing"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/stanza"
)

// FuzzRoundTrip is the body of a fuzz target for the payload types of an extension: [RoundTrip] for whatever the
// fuzzer makes of the samples and of the elements of their names in testdata/*.xml. What is read as one of the
// types must survive being written, what isn't must not panic, and neither may spoil the message around it.
func FuzzRoundTrip(f *testing.F, samples ...any) {
	f.Helper()
	fixtures, err := readFixtures()
	if err != nil {
		f.Fatalf("FuzzRoundTrip: %v", err)
	}
	types := make(map[payload]bool)
	for _, sample := range samples {
		v := reflect.Indirect(reflect.ValueOf(sample))
		p := payload{v.Type()}
		if e, err := stanza.Marshal(v.Interface()); err == nil {
			f.Add(e.String())
		}
		if types[p] {
			continue
		}
		types[p] = true
		for _, root := range fixtures {
			for _, e := range appendNamed(nil, root, p.elementName()) {
				f.Add(e.String())
			}
		}
	}
	f.Fuzz(func(t *testing.T, xml string) {
		e, err := xmlstream.Parse(xml, xmlstream.Limits{})
		if err != nil {
			return
		}
		for p := range types {
			if stanza.Element(e).Name() != p.elementName() {
				continue
			}
			if err := p.bears(e); err != nil {
				t.Errorf("%v: %v", p.Type, err)
			}
		}
	})
}
