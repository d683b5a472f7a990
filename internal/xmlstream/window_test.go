package xmlstream

import (
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pieces is a source that gives so many bytes at a time, by turns.
type pieces struct {
	data  string
	sizes []byte
	i     int
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.data == "" {
		return 0, io.EOF
	}
	n := len(p.data)
	if len(p.sizes) > 0 {
		n = 1 + int(p.sizes[p.i%len(p.sizes)])
		p.i++
	}
	n = copy(b, p.data[:min(n, len(p.data))])
	p.data = p.data[n:]
	return n, nil
}

// told is what a Reader says of a stream that comes in pieces.
func told(in string, sizes []byte, lim Limits) (lines []string) {
	r := NewReader(&pieces{data: in, sizes: sizes}, lim)
	e, err := r.Header()
	for ; err == nil; e, err = r.Next() {
		lines = append(lines, string(e.Append(nil, "")))
	}
	return append(lines, err.Error())
}

// A window goes on from one element to the next, however they arrive.
func compareWindows(t *testing.T, in string, sizes []byte) {
	t.Helper()
	for _, lim := range []Limits{{}, {StanzaBytes: 700, Elements: 20, Depth: 6, Attributes: 8, StartTagBytes: 200}} {
		have := told(in, sizes, lim)
		plainly(func() {
			require.Equal(t, told(in, sizes, lim), have, "%q in pieces of %d within %+v", in, sizes, lim)
		})
	}
}

// stanzas makes a stream of n of what the scanner has to tell apart, from r.
func stanzas(r *rand.Rand, n int) string {
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	var b strings.Builder
	var words func(depth int)
	words = func(depth int) {
		for range r.IntN(30) {
			b.WriteString(pick("soft ", "what light ", "naïve ", "привет ", "月が綺麗", "👍", "&amp;", "&#x1F339;", "don't ", `"so" `, "]", "]] ", "\n", "\t", "\r\n", "｡ﾟ", "\uFFFD"))
			if r.IntN(9) == 0 && depth < 4 {
				name := pick("b", "body", "stanza-id", "p:x", "occupant-identifier", "ж")
				b.WriteString("<" + name)
				for i := range r.IntN(4) {
					quote := pick("'", `"`)
					b.WriteString(" " + pick("a", "id", "xml:lang", "from", "xmlns", "xmlns:q", "p:to", "aVeryLongName", "x-y") + pick("", "", "", string(rune('b'+i))) + pick("=", "=", "=", " = ") +
						quote + pick("", "urn:xmpp:sid:0", "romeo@montague.example/orchard", "Ромео", "&lt;", "it`s", "]", "\t") + quote)
				}
				b.WriteString(pick("", "", "", " ") + pick("/>", ">"))
				if !strings.HasSuffix(b.String(), "/>") {
					words(depth + 1)
					b.WriteString("</" + name + ">")
				}
			}
		}
	}
	b.WriteString("<s xmlns='jabber:client' xmlns:p='urn:p'>")
	for range n {
		b.WriteString(pick("", "", "\n", strings.Repeat(" ", r.IntN(100))) + "<message to='juliet@capulet.example' id='1'>")
		words(0)
		b.WriteString("</message>")
	}
	return b.String() + "</s>"
}

func TestWindows(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	read := 0
	for range 500 {
		in := stanzas(r, 1+r.IntN(8))
		if r.IntN(2) == 0 { // a fault somewhere
			at := r.IntN(len(in))
			in = in[:at] + string([]byte{[]byte("<>&'\"] =/a\x00\x80\xFF\xEF\xC3")[r.IntN(15)]}) + in[at+r.IntN(2):]
		}
		read += len(told(in, nil, Limits{}))
		compareWindows(t, in, nil)
		compareWindows(t, in, []byte{byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(64))})
	}
	require.Greater(t, read, 1000, "most must be in order")
}

func FuzzWindow(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 30 {
		f.Add(stanzas(r, 1+r.IntN(4)), []byte{byte(r.IntN(256)), byte(r.IntN(256))})
	}
	f.Fuzz(compareWindows)
}

// An element that is on its way when the limits become less than what has come of it.
func TestLimitsBehindTheWindow(t *testing.T) {
	text := strings.Repeat("soft &amp; what light ", 40)
	for _, c := range []struct {
		in, want string
		lim      Limits
	}{
		{"<s><a>" + text, "element too long", Limits{StanzaBytes: 600}},
		{"<s><a b='" + text, "start tag too long", Limits{StartTagBytes: 600}},
	} {
		look := func() string {
			src := &pieces{data: c.in, sizes: []byte{2, 255, 255}}
			r := NewReader(src, Limits{})
			_, err := r.Header()
			require.NoError(t, err)
			_, err = r.Next()
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			src.data = text
			r.SetLimits(c.lim)
			_, err = r.Next()
			require.Error(t, err)
			return err.Error()
		}
		require.Contains(t, look(), c.want)
		plainly(func() { require.Contains(t, look(), c.want) })
	}
}
