package xmlstream_test

import (
	"io"
	"strings"
	"testing"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/stretchr/testify/require"
)

func TestHeader(t *testing.T) {
	const root = `<s:stream xmlns='jabber:client' xmlns:s='http://etherx.jabber.org/streams' id='1'>`
	for _, c := range []struct{ name, in, want string }{
		{"plain", root, ""},
		{"empty root", `<a/>`, ""},
		{"declaration", `<?xml version="1.0"?>` + root, ""},
		{"declaration in full", `<?xml version = '1.0' encoding='utf-8' standalone="yes" ?>` + "\r\n" + root, ""},
		{"S090 BOM first", "\uFEFF" + `<?xml version='1.0'?>` + root, ""},
		{"S090 BOM twice", "\uFEFF\uFEFF" + root, "not-well-formed"},
		{"S090 BOM behind the declaration", `<?xml version='1.0'?>` + "\uFEFF" + root, "not-well-formed"},
		{"S090 encoding", `<?xml version='1.0' encoding='ISO-8859-1'?>` + root, "unsupported-encoding"},
		{"S090 version", `<?xml version='1.1'?>` + root, "not-well-formed"},
		{"S090 UTF-16 LE", "\xFF\xFE<\x00a\x00", "unsupported-encoding"},
		{"S090 UTF-16 BE", "\x00<\x00a", "unsupported-encoding"},
		{"S090 UTF-16 without mark", "<\x00a\x00", "not-well-formed"},
		{"declaration not first", ` <?xml version='1.0'?>` + root, "restricted-xml"},
		{"declaration twice", `<?xml version='1.0'?><?xml version='1.0'?>` + root, "restricted-xml"},
		{"no version", `<?xml encoding='UTF-8'?>` + root, "not-well-formed"},
		{"wrong order", `<?xml version='1.0' standalone='no' encoding='UTF-8'?>` + root, "not-well-formed"},
		{"standalone", `<?xml version='1.0' standalone='maybe'?>` + root, "not-well-formed"},
		{"open quote", `<?xml version='1.0?>` + root, "not-well-formed"},
		{"endless", `<?xml version='1.0' ` + strings.Repeat(" ", 300) + `?>` + root, "not-well-formed"},
		{"S072 instruction", `<?xml-stylesheet href='a'?>` + root, "restricted-xml"},
		{"S072 comment", `<!-- -->` + root, "restricted-xml"},
		{"S070 DOCTYPE", `<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b "c">]>` + root, "restricted-xml"},
		{"end tag", `</a>`, "not-well-formed"},
		{"text", `x` + root, "not-well-formed"},
		{"S076", `<s:stream>`, "bad-namespace-prefix"},
		{"S083", `<a` + strings.Repeat(" b='c'", 20000) + `>`, "policy-violation"},
		{"S086 cut off", `<a b='`, "unexpected EOF"},
		{"nothing", ``, "unexpected EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, size := range []int{1, 5, 1 << 20} {
				r := xmlstream.NewReader(&chunks{data: c.in, cuts: every(len(c.in), size)}, xmlstream.Limits{})
				e, err := r.Header()
				require.Equal(t, c.want, condition(err), "%v", err)
				require.Equal(t, c.want == "", !e.IsZero())
			}
		})
	}
}

func TestHeaderElement(t *testing.T) {
	r := xmlstream.NewReader(strings.NewReader(header), xmlstream.Limits{})
	_, err := r.Next()
	require.ErrorContains(t, err, "before Header")
	e, err := r.Header()
	require.NoError(t, err)
	require.True(t, e.Is("http://etherx.jabber.org/streams", "stream"))
	require.Equal(t, "s1", e.Attr("id"))
	lang, ok := e.AttrNS("http://www.w3.org/XML/1998/namespace", "lang")
	require.True(t, ok)
	require.Equal(t, "en", lang)
	require.True(t, e.First().IsZero())
	require.Empty(t, e.Text())
	require.Equal(t, len(header)-len(`<?xml version='1.0'?>`), e.Size())
	_, err = r.Header()
	require.ErrorContains(t, err, "without Restart")
}

func TestHeaderNamespaces(t *testing.T) {
	in := `<x:r xmlns='urn:own' xmlns:x='urn:x' xmlns:y='urn:x' xmlns:z='urn:&lt;z'>` +
		`<a x:b='1'/><x:a><z:b/></x:a><a x:b='1' y:b='2'/>`
	r := xmlstream.NewReader(strings.NewReader(in), xmlstream.Limits{})
	_, err := r.Header()
	require.NoError(t, err)
	e, err := r.Next()
	require.NoError(t, err)
	require.True(t, e.Is("urn:own", "a"))
	require.Equal(t, `<a xmlns='urn:own' xmlns:ns1='urn:x' ns1:b='1'/>`, string(e.Append(nil, "")))
	e, err = r.Next()
	require.NoError(t, err)
	require.Equal(t, "urn:<z", e.First().Space())
	require.Equal(t, dump(e.First()), dump(e.First().Clone()))
	_, err = r.Next()
	require.Equal(t, "not-well-formed", condition(err), "one namespace under two prefixes")
}

func TestEnd(t *testing.T) { // S089
	r := xmlstream.NewReader(strings.NewReader(header+`<presence/> </stream:stream >`+header+`<iq/>x`), xmlstream.Limits{})
	_, err := r.Header()
	require.NoError(t, err)
	_, err = r.Next()
	require.NoError(t, err)
	for range 3 {
		_, err = r.Next()
		require.Equal(t, io.EOF, err)
	}
	r = xmlstream.NewReader(strings.NewReader(`<a/><b/>`), xmlstream.Limits{})
	_, err = r.Header()
	require.NoError(t, err)
	_, err = r.Next()
	require.Equal(t, io.EOF, err)
}

func TestRestart(t *testing.T) {
	in := `<a xmlns:p='urn:p'><p:ok/>` + "\n" + `<?xml version='1.0'?><b xmlns='urn:b'><c/></b>`
	for _, size := range []int{1, 4, len(in)} {
		r := xmlstream.NewReader(&chunks{data: in, cuts: every(len(in), size)}, xmlstream.Limits{})
		_, err := r.Header()
		require.NoError(t, err)
		e, err := r.Next()
		require.NoError(t, err)
		require.True(t, e.Is("urn:p", "ok"))
		if size == len(in) {
			require.Equal(t, len(in)-len(`<a xmlns:p='urn:p'><p:ok/>`), r.Buffered())
		}
		r.Restart()
		e, err = r.Header()
		require.NoError(t, err)
		require.True(t, e.Is("urn:b", "b"))
		e, err = r.Next()
		require.NoError(t, err)
		require.True(t, e.Is("urn:b", "c"))
		_, err = r.Next()
		require.Equal(t, io.EOF, err)
	}
}

func TestRestartForgetsPrefixes(t *testing.T) {
	r := xmlstream.NewReader(strings.NewReader(`<a xmlns:p='urn:p'><ok/><b><p:c/></b>`), xmlstream.Limits{})
	_, err := r.Header()
	require.NoError(t, err)
	_, err = r.Next()
	require.NoError(t, err)
	r.Restart()
	_, err = r.Header()
	require.NoError(t, err)
	_, err = r.Next()
	require.Equal(t, "bad-namespace-prefix", condition(err))
}
