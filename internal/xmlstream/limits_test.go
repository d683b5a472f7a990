package xmlstream_test

import (
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/stretchr/testify/require"
)

// counter counts what was read from a source, and the live heap as it goes.
type counter struct {
	src   io.Reader
	n     int
	every int
	peak  uint64
	next  int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.src.Read(p)
	c.n += n
	if c.every > 0 && c.n >= c.next {
		c.next = c.n + c.every
		c.peak = max(c.peak, liveHeap())
	}
	return n, err
}

func liveHeap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestExactLimits(t *testing.T) {
	attrs := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(" a" + strings.Repeat("x", i) + "=''")
		}
		return `<a` + b.String() + `/>`
	}
	lim := xmlstream.Limits{StanzaBytes: 1000, Elements: 10, Depth: 5, Attributes: 7, StartTagBytes: 100}
	for _, c := range []struct {
		row    string
		ok, no string
	}{
		{"S082 depth", strings.Repeat("<a>", 5) + strings.Repeat("</a>", 5), strings.Repeat("<a>", 6)},
		{"S082 depth by empty element", strings.Repeat("<a>", 4) + "<a/>" + strings.Repeat("</a>", 4), strings.Repeat("<a>", 5) + "<a/>"},
		{"S083 attributes", attrs(7), attrs(8)},
		{"S083 declarations count", `<a xmlns='' xmlns:b='b' xmlns:c='c' d='' e='' f='' g=''/>`, `<a xmlns='' xmlns:b='b' xmlns:c='c' d='' e='' f='' g='' h=''/>`},
		{"S083 start tag", `<a b='` + strings.Repeat("x", 91) + `'/>`, `<a b='` + strings.Repeat("x", 92) + `'/>`},
		{"S083 blanks", `<a` + strings.Repeat(" ", 96) + `/>`, `<a` + strings.Repeat(" ", 97) + `/>`},
		{"S084 name", `<` + strings.Repeat("n", 97) + `/>`, `<` + strings.Repeat("n", 98) + `/>`},
		{"S084 text", `<a>` + strings.Repeat("x", 993) + `</a>`, `<a>` + strings.Repeat("x", 994) + `</a>`},
		{"S084 CDATA", `<a><![CDATA[` + strings.Repeat("x", 981) + `]]></a>`, `<a><![CDATA[` + strings.Repeat("x", 982) + `]]></a>`},
		{"S085 elements", `<a>` + strings.Repeat("<b/>", 9) + `</a>`, `<a>` + strings.Repeat("<b/>", 10)},
		{"prefixes in scope", `<a xmlns:a='a' xmlns:b='b' xmlns:c='c'><a xmlns:d='d' xmlns:e='e' xmlns:f='f'/></a>`,
			`<a xmlns:a='a' xmlns:b='b' xmlns:c='c'><a xmlns:d='d' xmlns:e='e' xmlns:f='f' xmlns:g='g'/></a>`},
	} {
		t.Run(c.row, func(t *testing.T) {
			for _, size := range []int{1, 13, 1 << 20} {
				in := header + c.ok + c.ok + c.no
				// The header has limits of its own making here.
				r := xmlstream.NewReader(&chunks{data: in, cuts: every(len(in), size)}, xmlstream.Limits{})
				_, err := r.Header()
				require.NoError(t, err)
				r.SetLimits(lim)
				for range 2 {
					_, err = r.Next()
					require.NoError(t, err)
				}
				_, err = r.Next()
				require.Equal(t, "policy-violation", condition(err), "%v", err)
			}
		})
	}
}

// TestBombs feeds endless elements and wants them refused near the limit.
func TestBombs(t *testing.T) {
	after, before := xmlstream.Limits{}, xmlstream.Limits{StanzaBytes: 64 << 10, Elements: 1000}
	for _, c := range []struct {
		row        string
		head, body string
		lim        xmlstream.Limits
		readMost   int
	}{
		{"S082 depth", "", "<a>", after, 4 << 10},
		{"S083 attributes", "<a", " a=''", after, 4 << 10},
		{"S083 one attribute", "<a b='", "x", after, 192 << 10},
		{"S084 text", "<a>", "x", after, 10<<20 + 64<<10 + 1},
		{"S084 references", "<a>", "&#120;", after, 10<<20 + 64<<10 + 1},
		{"S084 text before login", "<a>", "x", before, 192 << 10},
		{"S084 name", "<", "a", after, 192 << 10},
		{"S085 elements", "<a>", "<a/>", after, 1<<20 + 64<<10},
		{"S085 elements before login", "<a>", "<a/>", before, 20 << 10},
		{"S083 attributes everywhere", "<a>", "<a b='' c='' d='' e='' f='' g=''/>", after, 10<<20 + 64<<10 + 1},
	} {
		t.Run(c.row, func(t *testing.T) {
			base := liveHeap()
			src := &counter{src: repeat(header+c.head, c.body, 64<<20/len(c.body), ""), every: 1 << 20}
			r := xmlstream.NewReader(src, c.lim)
			_, err := r.Header()
			require.NoError(t, err)
			_, err = r.Next()
			require.Equal(t, "policy-violation", condition(err), "%v", err)
			require.LessOrEqual(t, src.n, c.readMost+len(header))
			require.LessOrEqual(t, src.peak, base+3*10<<20)
			runtime.KeepAlive(r)
		})
	}
}

// TestBigElement wants the live heap below three times the limit, while the
// biggest elements are read and after, and the memory back in the end.
func TestBigElement(t *testing.T) { // S084
	for _, c := range []struct{ name, body string }{
		{"text", "x"},
		{"references", "&lt;x"},
		{"elements", "<a>0123456789012345678901234567890123456</a>"},
		{"elements and text", "<a/>0123456789012345678901234567890123456"},
		{"attributes", "<a b='' c='' d='01234567890123456789012345678901234567890123456'/>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			const limit = 10 << 20
			n := min((limit-7)/len(c.body), 249_999)
			base := liveHeap()
			src := &counter{src: repeat(header+"<a>", c.body, n, "</a>"), every: 1 << 20}
			r := xmlstream.NewReader(src, xmlstream.Limits{})
			_, err := r.Header()
			require.NoError(t, err)
			e, err := r.Next()
			require.NoError(t, err)
			require.Equal(t, n*len(c.body)+7, e.Size())
			held := liveHeap()
			require.LessOrEqual(t, held, base+3*limit)
			require.LessOrEqual(t, src.peak, base+3*limit)
			runtime.KeepAlive(e)
			e = xmlstream.Element{}
			_, err = r.Next()
			require.Equal(t, io.ErrUnexpectedEOF, err)
			require.Less(t, liveHeap(), base+256<<10)
			runtime.KeepAlive(r)
		})
	}
}

func TestWhitespaceFlood(t *testing.T) { // S087
	base := liveHeap()
	const n = 1 << 27
	src := &counter{src: repeat(header, " \n\t\r", n/4, "<presence/>"), every: n / 8}
	r := xmlstream.NewReader(src, xmlstream.Limits{})
	_, err := r.Header()
	require.NoError(t, err)
	e, err := r.Next()
	require.NoError(t, err)
	require.True(t, e.Is("jabber:client", "presence"))
	require.EqualValues(t, n, r.Ignored())
	require.Less(t, src.peak, base+256<<10)
}

// TestRest wants 10 000 waiting readers to hold little more than 512 bytes each.
func TestRest(t *testing.T) {
	const n = 10_000
	big := header + "<a>" + strings.Repeat("x", 5000) + "</a>"
	readers := make([]*xmlstream.Reader, n)
	base := liveHeap()
	for i := range readers {
		readers[i] = xmlstream.NewReader(&chunks{data: big}, xmlstream.Limits{})
		_, err := readers[i].Header()
		require.NoError(t, err)
		_, err = readers[i].Next()
		require.NoError(t, err)
		_, err = readers[i].Next()
		require.Equal(t, io.ErrUnexpectedEOF, err)
	}
	require.Less(t, (liveHeap()-base)/n, uint64(1400))
	runtime.KeepAlive(readers)
}
