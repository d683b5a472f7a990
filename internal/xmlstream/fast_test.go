package xmlstream

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// slowly is run without the fast path.
func slowly(s *scanner, b []byte) verdict {
	b = b[:min(len(b), s.lim.StanzaBytes)]
	for {
		switch v := s.step(b); {
		case v == next:
		case v != more:
			return v
		case s.isTag() && len(b)-s.tag >= s.lim.StartTagBytes:
			return s.fail(PolicyViolation, "start tag too long")
		case len(b) >= s.lim.StanzaBytes:
			return s.fail(PolicyViolation, "element too long")
		default:
			return more
		}
	}
}

// scanned is what a scanner makes of an element that arrives in pieces.
func scanned(run func(*scanner, []byte) verdict, in string, lim Limits, cut int) string {
	s := &scanner{}
	s.begin(noRoot, lim.withDefaults())
	b := []byte(in)
	v := more
	for end := min(cut, len(b)); ; end = min(end+cut, len(b)) {
		if v = run(s, b[:end]); v != more || end == len(b) {
			break
		}
	}
	switch v {
	case whole:
		e := s.commit(b[:s.pos])
		return fmt.Sprintf("%d %s", s.pos, e.Append(nil, ""))
	case bad:
		return s.err.Error()
	}
	return fmt.Sprint(v)
}

func compareWays(t *testing.T, in string, lim Limits, cut int) {
	t.Helper()
	want := scanned(slowly, in, lim, cut)
	require.Equal(t, want, scanned((*scanner).run, in, lim, cut), "%.200q in pieces of %d within %+v", in, cut, lim)
	plainly(func() {
		require.Equal(t, want, scanned((*scanner).run, in, lim, cut), "without a window: %.200q in pieces of %d within %+v", in, cut, lim)
	})
}

// What the fast path takes is what the states make of it, within any limits.
func FuzzFastPath(f *testing.F) {
	for _, s := range []string{
		`<message xmlns='jabber:client' from='a@b' id="1"><body>x &amp; y</body><a xmlns='urn:xmpp:ping'/></message>`,
		`<a xmlns:p='urn:p' p:x='1' xml:lang='en'><p:b xmlns='u' c='d'>t<![CDATA[u]]>v</p:b></a>`, `<a><b>1</b>]]></a>`, `<a b='1' b='2'/>`, `<a b='1'c='2'/>`,
		`<a xmlns='u' xmlns='v'/>`,
		`<body id-'v'>so that a window is used</body>`, `<body id=]v]>so that a window is used</body>`, `<body id=&v&>so that a window is used</body>`, `<body id='v">so that a window is used</body>`,
		`<body>so that a window is used</bodx>`, `<bodybody>so that a window is used</bodyboda>`, `<a b='1' b='2'>so that a window is used</a>`, `<a b='ж' c='¤'>so that a window is used</a>`, `<p:a/>`, `<a><b></a>`, `<a b='<'/>`, "<a>\xff</a>", "<a>ж\u2028\ufffe</a>", `<a:b:c/>`, `<a xmlns:xml='u'/>`, `<a>` + strings.Repeat("<b/>", 20) + `x</a>`,
	} {
		for _, cut := range []uint8{0, 1, 7, 255} {
			f.Add(s, cut, uint8(0), uint8(0))
			f.Add(s, cut, uint8(3), uint8(30))
		}
	}
	f.Fuzz(func(t *testing.T, in string, cut, few, bytes uint8) {
		if in == "" || in[0] != '<' {
			in = "<a>" + in + "</a>"
		}
		lim := Limits{Elements: int(few), Depth: int(few) / 2, Attributes: int(few) / 3, StartTagBytes: int(bytes), StanzaBytes: 16 * int(bytes)}
		compareWays(t, in, lim, 1+int(cut))
	})
}

// A text that has no node left is not dropped.
func TestNoNodeForAText(t *testing.T) {
	attrs := func(n int) (s string) {
		for i := range n {
			s += fmt.Sprintf(" c%d=''", i)
		}
		return s
	}
	refused := 0
	for i := range 9 {
		for j := range 9 {
			in := "<a><b" + attrs(i) + "/><b" + attrs(j) + "/><b>t</b></a>"
			lim := Limits{Elements: 4, Attributes: 8, StanzaBytes: len(in) + 1}
			compareWays(t, in, lim, len(in))
			if strings.Contains(scanned((*scanner).run, in, lim, len(in)), PolicyViolation) {
				refused++
			}
		}
	}
	require.Positive(t, refused, "no limit was reached")
}
