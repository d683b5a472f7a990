package xmlstream_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/gosmack/xmpp/internal/xmlstream"
)

// small limits let the fuzzer reach them.
var small = xmlstream.Limits{StanzaBytes: 600, Elements: 20, Depth: 6, Attributes: 16, StartTagBytes: 300}

func FuzzReader(f *testing.F) {
	for _, in := range corpus() {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		for _, lim := range []xmlstream.Limits{{}, small} {
			lines, err := read(strings.NewReader(in), lim)
			for _, size := range []int{1, 3} {
				l, e := read(&chunks{data: in, cuts: every(len(in), size)}, lim)
				if e.Error() != err.Error() || strings.Join(l, "\n") != strings.Join(lines, "\n") {
					t.Fatalf("%q\nby %d: %v %v\nwhole: %v %v", in, size, l, e, lines, err)
				}
			}
		}
	})
}

func FuzzRoundTrip(f *testing.F) {
	for _, c := range good {
		f.Add(c.in)
	}
	for _, c := range bad {
		f.Add(c.in)
	}
	for _, s := range mix {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		first, err := xmlstream.Parse(in, xmlstream.Limits{})
		differential(t, in, first, err)
		if err != nil {
			return
		}
		out := string(first.Append(nil, ""))
		second, err := xmlstream.Parse(out, xmlstream.Limits{StartTagBytes: 1 << 20, Attributes: 1000})
		if err != nil || dump(first) != dump(second) {
			t.Fatalf("%q\nwritten as %q: %v\n%v\n%v", in, out, err, dump(first), dump(second))
		}
		if again := string(second.Append(nil, "")); again != out {
			t.Fatalf("%q\nwritten as %q\nthen as %q", in, out, again)
		}
		if dump(first.Clone()) != dump(first) {
			t.Fatalf("%q: clone differs", in)
		}
		for c := range first.Children() {
			if dump(c.Clone()) != dump(c) {
				t.Fatalf("%q: clone of a child differs", in)
			}
		}
	})
}

// differential compares with encoding/xml: what we accept it accepts with the
// same names and text, and what it refuses we refuse.
func differential(t *testing.T, in string, e xmlstream.Element, err error) {
	if err != nil {
		return
	}
	d := xml.NewDecoder(strings.NewReader(strings.Trim(in, " \t\r\n")))
	var theirs strings.Builder
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			// It bounds names to the fourth edition of XML 1.0.
			if s := err.Error(); strings.Contains(s, "invalid XML name") || strings.Contains(s, "expected attribute name") ||
				strings.Contains(s, "expected element name") || strings.Contains(s, "invalid character entity") {
				return
			}
			t.Fatalf("%q: accepted, encoding/xml says %v", in, err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			theirs.WriteString("(" + tok.Name.Local)
		case xml.EndElement:
			theirs.WriteString(")")
		case xml.CharData:
			theirs.Write(tok)
		}
	}
	var ours strings.Builder
	outline(&ours, e)
	if ours.String() != theirs.String() {
		t.Fatalf("%q: %q, encoding/xml has %q", in, ours.String(), theirs.String())
	}
}

func outline(b *strings.Builder, e xmlstream.Element) {
	b.WriteString("(" + e.Local())
	for n := range e.Nodes() {
		b.WriteString(n.Text)
		if !n.Element.IsZero() {
			outline(b, n.Element)
		}
	}
	b.WriteString(")")
}
