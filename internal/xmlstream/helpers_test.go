package xmlstream_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/stretchr/testify/require"
)

const header = `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='s1' version='1.0' xml:lang='en'>`

const footer = `</stream:stream>`

// chunks is a source that cuts its data at the given offsets.
type chunks struct {
	data string
	cuts []int
	pos  int
}

func (c *chunks) Read(p []byte) (int, error) {
	end := len(c.data)
	for len(c.cuts) > 0 && c.cuts[0] <= c.pos {
		c.cuts = c.cuts[1:]
	}
	if len(c.cuts) > 0 {
		end = min(end, c.cuts[0])
	}
	if c.pos == len(c.data) {
		return 0, io.EOF
	}
	n := copy(p, c.data[c.pos:end])
	c.pos += n
	return n, nil
}

// every returns the offsets that cut n bytes in pieces of size.
func every(n, size int) (cuts []int) {
	for i := size; i < n; i += size {
		cuts = append(cuts, i)
	}
	return cuts
}

// read returns what a whole stream says, one line an element, and how it ends.
func read(src io.Reader, lim xmlstream.Limits) (lines []string, err error) {
	r := xmlstream.NewReader(src, lim)
	e, err := r.Header()
	for err == nil {
		lines = append(lines, dump(e))
		e, err = r.Next()
	}
	return lines, err
}

// dump shows every node of e, apart from how it was written.
func dump(e xmlstream.Element) string {
	var b strings.Builder
	dumpTo(&b, e)
	return b.String()
}

func dumpTo(b *strings.Builder, e xmlstream.Element) {
	b.WriteString("(" + quoteName(xml.Name{Space: e.Space(), Local: e.Local()}))
	for name, value := range e.Attrs() {
		b.WriteString(" " + quoteName(name) + "=" + quote(value))
	}
	for n := range e.Nodes() {
		if n.Element.IsZero() {
			b.WriteString(quote(n.Text))
		} else {
			dumpTo(b, n.Element)
		}
	}
	b.WriteString(")")
}

func quote(s string) string {
	return strings.NewReplacer("\\", "\\\\", "\"", "\\\"").Replace("\x00" + s + "\x00")
}

func quoteName(n xml.Name) string { return "{" + quote(n.Space) + "}" + n.Local }

// stanza reads one element inside a stream.
func stanza(t *testing.T, s string) xmlstream.Element {
	t.Helper()
	r := xmlstream.NewReader(strings.NewReader(header+s+footer), xmlstream.Limits{})
	_, err := r.Header()
	require.NoError(t, err)
	e, err := r.Next()
	require.NoError(t, err)
	_, err = r.Next()
	require.ErrorIs(t, err, io.EOF)
	return e
}

// condition returns the stream error that err stands for, or its text.
func condition(err error) string {
	if x := (*xmlstream.Error)(nil); errors.As(err, &x) {
		return x.Condition
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

func canonical(e xmlstream.Element) string { return string(e.Append(nil, "jabber:client")) }

// repeat is a source of head, n times body, and tail, without the memory.
func repeat(head, body string, n int, tail string) io.Reader {
	return io.MultiReader(strings.NewReader(head), &repeater{body: []byte(body), left: n * len(body)}, strings.NewReader(tail))
}

type repeater struct {
	body []byte
	off  int
	left int
}

func (r *repeater) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	p = p[:min(len(p), r.left)]
	total := 0
	for total < len(p) {
		n := copy(p[total:], r.body[r.off:])
		r.off = (r.off + n) % len(r.body)
		total += n
	}
	r.left -= total
	return total, nil
}

func TestRepeater(t *testing.T) {
	b, err := io.ReadAll(repeat("<", "abc", 3, ">"))
	require.NoError(t, err)
	require.Equal(t, "<abcabcabc>", string(b))
}
