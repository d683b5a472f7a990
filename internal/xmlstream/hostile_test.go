package xmlstream_test

import (
	"strings"
	"testing"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/stretchr/testify/require"
)

// bad are bytes behind the stream header that must be refused, with the stream
// error of RFC 6120 §4.9.3 that they call for.
var bad = []struct{ row, in, want string }{
	{"S070", `<!DOCTYPE a [<!ENTITY a "b">]>`, "restricted-xml"},
	{"S070", `<message><!DOCTYPE a></message>`, "restricted-xml"},
	{"S070", `<!ENTITY a "b">`, "restricted-xml"},
	{"S071", `<a>&nbsp;</a>`, "not-well-formed"},
	{"S071", `<a>&foo;</a>`, "not-well-formed"},
	{"S071", `<a b='&foo;'/>`, "not-well-formed"},
	{"S071", `<a>&;</a>`, "not-well-formed"},
	{"S071", `<a>& b</a>`, "not-well-formed"},
	{"S071", `<a>&ampx;</a>`, "not-well-formed"},
	{"S071", `<a>&AMP;</a>`, "not-well-formed"},
	{"S072", `<a>a<!-- -->b</a>`, "restricted-xml"},
	{"S072", `<!-- -->`, "restricted-xml"},
	{"S072", `<?foo bar?>`, "restricted-xml"},
	{"S072", `<a><?foo bar?></a>`, "restricted-xml"},
	{"S072", `<?xml version='1.0'?>`, "restricted-xml"},
	{"S074", "<a>\xC0\xBC</a>", "unsupported-encoding"},
	{"S074", "<a>\xED\xA0\x80</a>", "unsupported-encoding"},
	{"S074", "<a>\xF4\x90\x80\x80</a>", "unsupported-encoding"},
	{"S074", "<a>\xE2\x82</a>", "unsupported-encoding"},
	{"S074", "<a>\x80</a>", "unsupported-encoding"},
	{"S074", "<a>\xFF</a>", "unsupported-encoding"},
	{"S074", "<a b='\xC0\xBC'/>", "unsupported-encoding"},
	{"S074", "<a b='\xE2\x82'/>", "unsupported-encoding"},
	{"S074", "<a\xC0\xBC/>", "unsupported-encoding"},
	{"S074", "<a\xE2\x82>", "unsupported-encoding"},
	{"S074", "<a b\xE2\x82='c'/>", "unsupported-encoding"},
	{"S074", "<a><![CDATA[\xC0\xBC]]></a>", "unsupported-encoding"},
	{"S075", "<a>\x00</a>", "not-well-formed"},
	{"S075", "<a>\x01</a>", "not-well-formed"},
	{"S075", "<a>\x1B</a>", "not-well-formed"},
	{"S075", "<a>\uFFFE</a>", "not-well-formed"},
	{"S075", "<a>\uFFFF</a>", "not-well-formed"},
	{"S075", "<a b='\x01'/>", "not-well-formed"},
	{"S075", "<a b='\uFFFF'/>", "not-well-formed"},
	{"S075", "<a><![CDATA[\x01]]></a>", "not-well-formed"},
	{"S075", "<a><![CDATA[\uFFFE]]></a>", "not-well-formed"},
	{"S075", "\x00", "not-well-formed"},
	{"S075", `<a>&#0;</a>`, "not-well-formed"},
	{"S075", `<a>&#1;</a>`, "not-well-formed"},
	{"S075", `<a>&#xD800;</a>`, "not-well-formed"},
	{"S075", `<a>&#xDFFF;</a>`, "not-well-formed"},
	{"S075", `<a>&#xFFFE;</a>`, "not-well-formed"},
	{"S075", `<a>&#x110000;</a>`, "not-well-formed"},
	{"S075", `<a>&#x100000041;</a>`, "not-well-formed"},
	{"S075", `<a>&#x;</a>`, "not-well-formed"},
	{"S075", `<a>&#;</a>`, "not-well-formed"},
	{"S075", `<a>&#X41;</a>`, "not-well-formed"},
	{"S075", `<a>&#4a;</a>`, "not-well-formed"},
	{"S075", `<a>&#-1;</a>`, "not-well-formed"},
	{"S075", `<a b='&#1;'/>`, "not-well-formed"},
	{"S076", `<x:y/>`, "bad-namespace-prefix"},
	{"S076", `<a x:b='1'/>`, "bad-namespace-prefix"},
	{"S076", `<a><b xmlns:x='urn:x'/><x:c/></a>`, "bad-namespace-prefix"},
	{"S076", `<xmlns:a/>`, "bad-namespace-prefix"},
	{"S077", `<iq id='1' id='2'/>`, "not-well-formed"},
	{"S077", `<iq id='1' type='get' id='1'/>`, "not-well-formed"},
	{"S077", `<a xmlns:p='urn:x' xmlns:q='urn:x' p:x='1' q:x='2'/>`, "not-well-formed"},
	{"S077", `<a p:x='1' q:x='2' xmlns:p='urn:x' xmlns:q='urn:&#120;'/>`, "not-well-formed"},
	{"S077", `<a xmlns:p='urn:x'><b xmlns:q='urn:x' p:x='1' q:x='2'/></a>`, "not-well-formed"},
	{"S077", `<a xmlns:p='jabber:client' xmlns:q='jabber:client' p:x='1' q:x='2'/>`, "not-well-formed"},
	{"S077", `<a xmlns='urn:x' xmlns='urn:y'/>`, "not-well-formed"},
	{"S077", `<a xmlns:p='urn:x' xmlns:p='urn:x'/>`, "not-well-formed"},
	{"S077", `<a a1='' a2='' a3='' a4='' a5='' a6='' a7='' a8='' a9='' a10='' a11='' a12='' a13='' a7=''/>`, "not-well-formed"},
	{"ns", `<a xmlns:p=''/>`, "bad-namespace-prefix"},
	{"ns", `<a xmlns:xmlns='urn:x'/>`, "bad-namespace-prefix"},
	{"ns", `<a xmlns:xml='urn:x'/>`, "bad-namespace-prefix"},
	{"ns", `<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>`, "bad-namespace-prefix"},
	{"ns", `<a xmlns:p='http://www.w3.org/2000/xmlns/'/>`, "bad-namespace-prefix"},
	{"ns", `<a xmlns='http://www.w3.org/XML/1998/namespace'/>`, "not-well-formed"},
	{"ns", `<a xmlns='http://www.w3.org/2000/xmlns/'/>`, "not-well-formed"},
	{"ns", `<:b/>`, "not-well-formed"},
	{"ns", `<b:/>`, "not-well-formed"},
	{"ns", `<a:b:c/>`, "not-well-formed"},
	{"ns", `<a :b=''/>`, "not-well-formed"},
	{"ns", `<a xmlns:=''/>`, "not-well-formed"},
	{"ns", `<a xmlns='` + strings.Repeat("u", 513) + `'/>`, "policy-violation"},
	{"syntax", `<a b='1'c='2'/>`, "not-well-formed"},
	{"syntax", `<a b=1/>`, "not-well-formed"},
	{"syntax", `<a b/>`, "not-well-formed"},
	{"syntax", `<a b='<'/>`, "not-well-formed"},
	{"syntax", `<a/ >`, "not-well-formed"},
	{"syntax", `<a //>`, "not-well-formed"},
	{"syntax", `< a/>`, "not-well-formed"},
	{"syntax", `<1a/>`, "not-well-formed"},
	{"syntax", `<-a/>`, "not-well-formed"},
	{"syntax", "<\u00D7/>", "not-well-formed"},
	{"syntax", "<a\u00D7/>", "not-well-formed"},
	{"syntax", `<>`, "not-well-formed"},
	{"syntax", `<a></b>`, "not-well-formed"},
	{"syntax", `<a></ab>`, "not-well-formed"},
	{"syntax", `<ab></a>`, "not-well-formed"},
	{"syntax", `<a></ a>`, "not-well-formed"},
	{"syntax", `<a></a b=''>`, "not-well-formed"},
	{"syntax", `<a><b></a></b>`, "not-well-formed"},
	{"syntax", `<a>]]></a>`, "not-well-formed"},
	{"syntax", `<a>]]]></a>`, "not-well-formed"},
	{"syntax", `<a><![cdata[x]]></a>`, "not-well-formed"},
	{"syntax", `<![CDATA[x]]>`, "not-well-formed"},
	{"syntax", `</stream>`, "not-well-formed"},
	{"syntax", `</stream:streams>`, "not-well-formed"},
	{"S080", `<message></stream:stream>`, "not-well-formed"},
	{"between", `x`, "bad-format"},
	{"between", `<a/>&#32;<a/>`, "bad-format"},
	{"between", "\x01", "not-well-formed"},
}

func TestRefused(t *testing.T) {
	for _, c := range bad {
		t.Run(c.row+" "+c.in[:min(len(c.in), 40)], func(t *testing.T) {
			// A stanza before it must arrive, the one behind it must not.
			in := header + `<presence/>` + c.in + `<presence/>` + footer
			for _, size := range []int{1, 7, len(in)} {
				lines, err := read(&chunks{data: in, cuts: every(len(in), size)}, xmlstream.Limits{})
				require.Equal(t, c.want, condition(err), "%v", err)
				require.GreaterOrEqual(t, len(lines), 2)
				for _, l := range lines[2:] {
					require.Contains(t, l, "}a", "nothing after the trigger")
				}
			}
		})
	}
}

func TestErrorIsFinal(t *testing.T) {
	r := xmlstream.NewReader(strings.NewReader(header+`<x:y/><presence/>`), xmlstream.Limits{})
	_, err := r.Header()
	require.NoError(t, err)
	_, first := r.Next()
	require.Equal(t, "bad-namespace-prefix", condition(first))
	require.EqualError(t, first, "XML: bad-namespace-prefix: prefix not declared")
	_, second := r.Next()
	require.Equal(t, first, second)
	r.Restart()
	_, third := r.Header()
	require.Equal(t, first, third)
}

// good are legitimate twins: what they mean, in canonical form.
var good = []struct{ row, in, want string }{
	{"S070", `<a>DOCTYPE ENTITY</a>`, `<a>DOCTYPE ENTITY</a>`},
	{"S071", `<a b='&amp;&lt;&gt;&quot;&apos;'>&amp;&lt;&gt;&quot;&apos;</a>`, `<a b='&amp;&lt;&gt;&quot;&apos;'>&amp;&lt;&gt;"'</a>`},
	{"S072", `<a>a&lt;!-- --&gt;b</a>`, `<a>a&lt;!-- --&gt;b</a>`},
	{"S074", "<a b='ü€😀\u007F'>ü€😀\u0085\u007F</a>", "<a b='ü€😀\u007F'>ü€😀\u0085\u007F</a>"},
	{"S074", "<é\u0300 ü=''>\U0010FFFF</é\u0300>", "<é\u0300 ü=''>\U0010FFFF</é\u0300>"},
	{"S075", "<a>&#65;&#x41;&#x1F600;&#00000065;\t\n&#9;&#10;&#13;\uFFFD&#xFFFD;</a>", "<a>AA😀A\t\n\t\n&#xD;\uFFFD\uFFFD</a>"},
	{"S076", `<x:y xmlns:x='urn:x' x:b='1'/>`, `<y xmlns='urn:x' xmlns:ns1='urn:x' ns1:b='1'/>`},
	{"S076", `<stream:error/>`, `<error xmlns='http://etherx.jabber.org/streams'/>`},
	{"S077", `<a xmlns:p='urn:x' xmlns:q='urn:y' p:x='1' q:x='2' x='3'/>`, `<a xmlns:ns1='urn:x' ns1:x='1' xmlns:ns2='urn:y' ns2:x='2' x='3'/>`},
	{"S077", `<a xmlns:p='jabber:client' p:x='1' x='2'/>`, `<a xmlns:ns1='jabber:client' ns1:x='1' x='2'/>`},
	{"S077", `<a a1='' a2='' a3='' a4='' a5='' a6='' a7='' a8='' a9='' a10='' a11='' a12='' a13='' xml:a1=''/>`, `<a a1='' a2='' a3='' a4='' a5='' a6='' a7='' a8='' a9='' a10='' a11='' a12='' a13='' xml:a1=''/>`},
	{"S079", `<iq xmlns='jabber:client}iq'/>`, `<iq xmlns='jabber:client}iq'/>`},
	{"S079", `<iq xmlns='jabber:client&#10;'/>`, `<iq xmlns='jabber:client&#xA;'/>`},
	{"S080", `<message><stream:stream/><iq type='set'/></message>`, `<message><stream xmlns='http://etherx.jabber.org/streams'/><iq type='set'/></message>`},
	{"S080", `<message><stream:error/></message>`, `<message><error xmlns='http://etherx.jabber.org/streams'/></message>`},
	{"S081", `<m:message xmlns:m='jabber:server'/>`, `<message xmlns='jabber:server'/>`},
	{"S081", `<iq xmlns=''/>`, `<iq xmlns=''/>`},
	{"S094", `<a>x<![CDATA[</body>]]>y<![CDATA[]]]]><![CDATA[>&amp;]]></a>`, `<a>x&lt;/body&gt;y]]&gt;&amp;amp;</a>`},
	{"S094", `<a><![CDATA[]]></a>`, `<a/>`},
	{"ns", `<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xml:lang='de'/>`, `<a xml:lang='de'/>`},
	{"ns", `<xml:a xmlns='urn:x'><b/></xml:a>`, `<xml:a><b xmlns='urn:x'/></xml:a>`},
	{"ns", `<a xmlns='urn:x'><b xmlns=''><c/></b><b/></a>`, `<a xmlns='urn:x'><b xmlns=''><c/></b><b/></a>`},
	{"ns", `<a xmlns:p='urn:1'><p:b xmlns:p='urn:2'/><p:c/></a>`, `<a><b xmlns='urn:2'/><c xmlns='urn:1'/></a>`},
	{"ns", `<a xmlns='` + strings.Repeat("u", 512) + `'/>`, `<a xmlns='` + strings.Repeat("u", 512) + `'/>`},
	{"blanks", "<a\n\tb\r\n = \n'1'  c=\"'\" ></a\n>", `<a b='1' c='&apos;'/>`},
	{"§2.11", "<a>1\r\n2\r3\n4\r\r\n5</a>", "<a>1\n2\n3\n4\n\n5</a>"},
	{"§2.11", "<a><![CDATA[1\r\n2\r3]]></a>", "<a>1\n2\n3</a>"},
	{"§3.3.3", "<a b='1\r\n2\r3\n4\t5&#10;6&#13;'/>", "<a b='1 2 3 4 5&#xA;6&#xD;'/>"},
	{"brackets", `<a>]] ]>]&#93;>]&gt;</a>`, `<a>]] ]&gt;]]&gt;]&gt;</a>`},
	{"mixed", `<a> x <b/> y <c>z</c></a>`, `<a> x <b/> y <c>z</c></a>`},
	{"names", `<a-1.b_/>`, `<a-1.b_/>`},
}

func TestAccepted(t *testing.T) {
	for _, c := range good {
		t.Run(c.row+" "+c.in[:min(len(c.in), 40)], func(t *testing.T) {
			require.Equal(t, c.want, canonical(stanza(t, c.in)))
		})
	}
}

func TestNamesAreNotJoined(t *testing.T) { // S079
	for _, in := range []string{`<iq xmlns='jabber:client}iq'/>`, `<iq xmlns='jabber:client '/>`, `<iq xmlns='jabber:client&#10;'/>`, `<iq xmlns='{jabber:client'/>`} {
		require.False(t, stanza(t, in).Is("jabber:client", "iq"), in)
	}
	require.True(t, stanza(t, `<iq/>`).Is("jabber:client", "iq"))
}

// TestBadByteAnywhere puts what must be refused at every place of a longer text,
// which is read several bytes at a time.
func TestBadByteAnywhere(t *testing.T) {
	for _, s := range []string{"]]>", "\x01", "\x1F", "\xFF", "\uFFFE", "&foo;", "<!-- -->"} {
		for i := range 24 {
			in := header + `<a>` + strings.Repeat("x", i) + s + strings.Repeat("x", 24) + `</a>`
			_, err := read(strings.NewReader(in), xmlstream.Limits{})
			require.IsType(t, &xmlstream.Error{}, err, "%q at %d", s, i)
		}
	}
}
