package xmlstream_test

import (
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
