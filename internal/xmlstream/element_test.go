package xmlstream_test

import (
	"encoding/xml"
	"testing"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/stretchr/testify/require"
)

func TestElement(t *testing.T) {
	e := stanza(t, `<message to='a' xml:lang='en' xmlns:p='urn:p' p:to='b'>1<body>two&amp;</body><p:x><y/></p:x>4<body/></message>`)
	require.Equal(t, "14", e.Text())
	require.Equal(t, "a", e.Attr("to"))
	require.Empty(t, e.Attr("lang"))
	require.Empty(t, e.Attr("p"))
	v, ok := e.AttrNS("urn:p", "to")
	require.True(t, ok)
	require.Equal(t, "b", v)
	_, ok = e.AttrNS("urn:q", "to")
	require.False(t, ok)
	require.Equal(t, "two&", e.Child("jabber:client", "body").Text())
	require.Equal(t, e.First(), e.Child("jabber:client", "body"))
	require.True(t, e.Child("jabber:client", "x").IsZero())
	x := e.Child("urn:p", "x")
	require.Equal(t, len(`<p:x><y/></p:x>`), x.Size())
	require.Equal(t, len(`<y/>`), x.First().Size())
	require.True(t, x.First().Is("jabber:client", "y"))

	var names []xml.Name
	for n := range e.Attrs() {
		names = append(names, n)
	}
	require.Equal(t, []xml.Name{{Local: "to"}, {Space: "http://www.w3.org/XML/1998/namespace", Local: "lang"}, {Space: "urn:p", Local: "to"}}, names)
	var nodes []string
	for n := range e.Nodes() {
		nodes = append(nodes, n.Text+n.Element.Local())
	}
	require.Equal(t, []string{"1", "body", "x", "4", "body"}, nodes)
}

func TestLoopsStop(t *testing.T) {
	e := stanza(t, `<a b='' c=''>1<d/><e/></a>`)
	for n := range e.Attrs() {
		require.Equal(t, "b", n.Local)
		break
	}
	for c := range e.Children() {
		require.Equal(t, "d", c.Local())
		break
	}
	for n := range e.Nodes() {
		require.Equal(t, "1", n.Text)
		break
	}
}

func TestZeroElement(t *testing.T) {
	var e xmlstream.Element
	require.True(t, e.IsZero())
	require.False(t, e.Is("", ""))
	require.Empty(t, e.Space()+e.Local()+e.Attr("a")+e.Text())
	require.True(t, e.First().IsZero())
	require.True(t, e.Child("", "").IsZero())
	require.True(t, e.Clone().IsZero())
	require.Zero(t, e.Size())
	require.Empty(t, e.Append(nil, ""))
	for range e.Attrs() {
		t.Fatal("attribute of nothing")
	}
	for range e.Nodes() {
		t.Fatal("content of nothing")
	}
}

func TestClone(t *testing.T) {
	e := stanza(t, `<a xmlns:p='urn:p' xmlns:q='urn:q'><skip/><p:b q:c='1' p:d='2' xmlns:r='urn:r'>x<r:e p:f='3'/>y<g xmlns='urn:g'/></p:b></a>`)
	b := e.Child("urn:p", "b")
	c := b.Clone()
	require.NotEqual(t, b, c)
	require.Equal(t, dump(b), dump(c))
	require.Equal(t, b.Size(), c.Size())
	require.Equal(t, b.First().Size(), c.First().Size())
	require.Equal(t, canonical(b), canonical(c))
	require.Equal(t, dump(b.First()), dump(c.First().Clone()))
	require.Equal(t, dump(e), dump(e.Clone()))
}

func TestParse(t *testing.T) {
	e, err := xmlstream.Parse(" <a b='1'>\r\n</a>\n", xmlstream.Limits{})
	require.NoError(t, err)
	require.Equal(t, "\n", e.Text())
	require.Empty(t, e.Space())
	for in, want := range map[string]string{
		"":                          "not-well-formed",
		"x":                         "not-well-formed",
		"<a":                        "not-well-formed",
		"<a/><b/>":                  "not-well-formed",
		"<a/>x":                     "not-well-formed",
		"</a>":                      "not-well-formed",
		"<?xml version='1.0'?><a/>": "restricted-xml",
		"<stream:a/>":               "bad-namespace-prefix",
	} {
		_, err := xmlstream.Parse(in, xmlstream.Limits{})
		require.Equal(t, want, condition(err), in)
	}
	_, err = xmlstream.Parse("<abc/>", xmlstream.Limits{StanzaBytes: 5})
	require.Equal(t, "policy-violation", condition(err))
	_, err = xmlstream.Parse("<abc/>", xmlstream.Limits{StanzaBytes: 6})
	require.NoError(t, err)
}
