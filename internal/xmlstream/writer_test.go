package xmlstream_test

import (
	"strings"
	"testing"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/stretchr/testify/require"
)

const nsXML = "http://www.w3.org/XML/1998/namespace"

func TestWriter(t *testing.T) {
	var w xmlstream.Writer
	w.Reset([]byte("before"), "jabber:client")
	w.Start("jabber:client", "message")
	w.Attr("to", "a'b\"<>&\t\n\rc")
	w.AttrNS(nsXML, "lang", "en")
	w.AttrNS("urn:x", "y", "1")
	w.AttrNS("urn:x", "z", "2")
	w.Start("jabber:client", "body")
	w.Text("a<b>]]>&'\"\r\n")
	w.Text("")
	w.Text("more")
	w.End()
	w.Start("urn:x", "x")
	w.Start("urn:x", "y")
	w.End()
	w.Start("", "z")
	w.End()
	w.Start(nsXML, "a")
	w.Text("t")
	w.End()
	w.End()
	w.Element(stanza(t, `<e xmlns='urn:e'/>`))
	w.Element(stanza(t, `<e/>`))
	w.Element(xmlstream.Element{})
	require.Equal(t, 1, w.Depth())
	w.End()
	require.NoError(t, w.Err())
	require.Zero(t, w.Depth())
	require.Equal(t, `before<message to='a&apos;b&quot;&lt;&gt;&amp;&#x9;&#xA;&#xD;c' xml:lang='en' xmlns:ns1='urn:x' ns1:y='1' ns1:z='2'>`+
		"<body>a&lt;b&gt;]]&gt;&amp;'\"&#xD;\nmore</body>"+
		`<x xmlns='urn:x'><y/><z xmlns=''/><xml:a>t</xml:a></x><e xmlns='urn:e'/><e/></message>`, string(w.Bytes()))
	require.Equal(t, len(w.Bytes()), w.Len())
}

func TestWriterRefuses(t *testing.T) {
	start := func(w *xmlstream.Writer) { w.Start("", "a") }
	for _, c := range []struct {
		row  string
		do   func(w *xmlstream.Writer)
		want string
	}{
		{"S102 element name", func(w *xmlstream.Writer) { w.Start("", "a><iq/") }, `XML: "a><iq/": not a name for an element`},
		{"S102 prefix", func(w *xmlstream.Writer) { w.Start("", "a:b") }, `XML: "a:b": not a name for an element`},
		{"S102 no name", func(w *xmlstream.Writer) { w.Start("", "") }, `XML: not a name for an element`},
		{"S102 long name", func(w *xmlstream.Writer) { w.Start("", strings.Repeat(" ", 999)) }, `XML: "` + strings.Repeat(" ", 64) + `": not a name for an element`},
		{"S102 attribute name", func(w *xmlstream.Writer) { start(w); w.Attr("b='c' d", "") }, `XML: "b='c' d": not a name for an attribute`},
		{"S102 declaration", func(w *xmlstream.Writer) { start(w); w.Attr("xmlns", "urn:x") }, `XML: xmlns: namespaces are declared by Start`},
		{"S102 declaration", func(w *xmlstream.Writer) { start(w); w.AttrNS("http://www.w3.org/2000/xmlns/", "p", "") }, `XML: p: namespaces are declared by Start`},
		{"S102 reserved", func(w *xmlstream.Writer) { w.Start("http://www.w3.org/2000/xmlns/", "p") }, `XML: p: the namespace of xmlns is reserved`},
		{"S103 text", func(w *xmlstream.Writer) { start(w); w.Text("a\x00b") }, `XML: a: text: U+0000 at byte 1 can't stand in XML`},
		{"S103 text", func(w *xmlstream.Writer) { start(w); w.Text("\x1b") }, `XML: a: text: U+001B at byte 0 can't stand in XML`},
		{"S103 value", func(w *xmlstream.Writer) { start(w); w.Attr("b", "ü\uFFFE") }, `XML: b: value: U+FFFE at byte 2 can't stand in XML`},
		{"S103 namespace", func(w *xmlstream.Writer) { w.Start("\x01", "a") }, `XML: a: namespace: U+0001 at byte 0 can't stand in XML`},
		{"S103 namespace", func(w *xmlstream.Writer) { start(w); w.AttrNS("\x01", "b", "") }, `XML: b: namespace: U+0001 at byte 0 can't stand in XML`},
		{"S104 text", func(w *xmlstream.Writer) { start(w); w.Text("\xff") }, `XML: a: text: invalid UTF-8 at byte 0 can't stand in XML`},
		{"S104 value", func(w *xmlstream.Writer) { start(w); w.Attr("b", "\xed\xa0\x80") }, `XML: b: value: invalid UTF-8 at byte 0 can't stand in XML`},
		{"twice", func(w *xmlstream.Writer) { start(w); w.Attr("b", ""); w.Attr("b", "") }, `XML: b: attribute is there already`},
		{"late attribute", func(w *xmlstream.Writer) { start(w); w.Text("x"); w.Attr("b", "") }, `XML: b: attribute outside of a start tag`},
		{"text outside", func(w *xmlstream.Writer) { w.Text("x") }, `XML: text outside of an element`},
		{"unbalanced", func(w *xmlstream.Writer) { start(w); w.End(); w.End() }, `XML: End without Start`},
	} {
		t.Run(c.row, func(t *testing.T) {
			var w xmlstream.Writer
			c.do(&w)
			require.EqualError(t, w.Err(), c.want)
			require.IsType(t, &xmlstream.WriteError{}, w.Err())
			// S111: the error stays, and nothing comes behind it.
			n := w.Len()
			w.Start("", "a")
			w.Attr("b", "")
			w.Text("x")
			w.Element(stanza(t, `<a/>`))
			w.End()
			require.EqualError(t, w.Err(), c.want)
			require.Equal(t, n, w.Len())
			w.Reset(nil, "")
			w.Start("", "a")
			w.Attr("b", "")
			w.End()
			require.NoError(t, w.Err())
			require.Equal(t, "<a b=''/>", string(w.Bytes()))
		})
	}
}

func TestWriterEscapesEverything(t *testing.T) { // S100, S101
	for _, s := range []string{
		`x'/><message to='v'/>`, `"><iq/>`, `</message><iq/>`, `]]>`, `&amp;`, `&`, "\t\n\r", "'\"", "\u0085\u2028😀\uFFFD", " x  ",
	} {
		var w xmlstream.Writer
		w.Start("urn:"+s, "a")
		w.Attr("id", s)
		w.AttrNS("urn:"+s, "id", s)
		w.Text(s)
		w.End()
		require.NoError(t, w.Err())
		e, err := xmlstream.Parse(string(w.Bytes()), xmlstream.Limits{})
		require.NoError(t, err, s)
		require.Equal(t, "urn:"+s, e.Space())
		require.Equal(t, s, e.Attr("id"))
		v, _ := e.AttrNS("urn:"+s, "id")
		require.Equal(t, s, v)
		require.Equal(t, s, e.Text())
	}
}

func TestValidName(t *testing.T) {
	for _, s := range []string{"a", "_", "a-1.b", "é", "a\u00B7", "\u0370", "\uFFFD", "\U00010000"} {
		require.True(t, xmlstream.ValidName(s), "%q", s)
	}
	for _, s := range []string{"", "\xef", "a\xc0", ":", "a:b", "1", "-a", ".a", "a b", "a<", "\u00B7", "\u00D7", "\u00F7", "\u0300", "a\u037E", "\xff", "a\xff", "\uFFFE", "\x00", strings.Repeat("a", 1<<16)} {
		require.False(t, xmlstream.ValidName(s), "%q", s)
	}
}

func TestValidText(t *testing.T) {
	require.Equal(t, -1, xmlstream.ValidText("a\t\r\n]<&ü\u007F\uFFFD😀"))
	for _, s := range []string{"\x00", "\x0B", "\x1F", "\uFFFE", "\uFFFF", "\xff", "\xC0\xBC", "\xED\xA0\x80", "\xE2\x82"} {
		require.Equal(t, 2, xmlstream.ValidText("ü"+s+"x"), "%q", s)
	}
}

func TestRoundTrip(t *testing.T) { // S093
	ins := []string{
		`<a xmlns='x'><b xmlns='x' xmlns:c='y' c:d='1'/></a>`,
		// The shapes of CVE-2020-29509, -29510, -29511: refused, or a fixpoint.
		`<x xmlns:y='urn:y' y:attr='v'/>`, `<a xmlns:x='urn:x' x:xmlns='urn:y'/>`, `<x xmlns:_xmlns='xmlns' _xmlns:a='b'/>`,
	}
	for _, c := range good {
		ins = append(ins, c.in)
	}
	for _, in := range append(ins, mix[:]...) {
		first := stanza(t, in)
		out := canonical(first)
		second := stanza(t, out)
		require.Equal(t, dump(first), dump(second), in)
		require.Equal(t, out, canonical(second))
	}
}
