package stanza_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

type (
	inner struct {
		A string `xml:"a"`
		B string `xml:"b,attr"`
	}
	Embedded struct {
		XMLName xml.Name `xml:"urn:e embedded"`
		Shared  string   `xml:"shared"`
		Deep    int      `xml:"deep,attr"`
	}
	EmbeddedText struct {
		Text string `xml:",chardata"`
	}
	Outer struct {
		Embedded
		Deep int `xml:"deep,attr"`
	}
	late struct { // the deeper field comes last and loses
		Shared string `xml:"shared"`
		Embedded
	}
	shadowing struct {
		Embedded
		*EmbeddedText
		Shared string `xml:"shared"`
	}
	upper          string
	attrValue      int
	generic[T any] struct {
		V T `xml:"v"`
	}
	writesItself struct{ n int }
	pointerText  struct{ s string }
)

func (u upper) MarshalText() ([]byte, error) { return []byte(strings.ToUpper(string(u))), nil }

func (p *pointerText) MarshalText() ([]byte, error) { return []byte("p:" + p.s), nil }

func (a attrValue) MarshalXMLAttr(name xml.Name) (xml.Attr, error) {
	if a < 0 {
		return xml.Attr{}, nil
	}
	return xml.Attr{Name: name, Value: fmt.Sprintf("%03d", int(a))}, nil
}

func (w writesItself) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	start.Attr = append(start.Attr, xml.Attr{Name: xml.Name{Local: "n"}, Value: fmt.Sprint(w.n)})
	return e.EncodeElement("<"+strings.Repeat("n", w.n), start)
}

func ptr[T any](v T) *T { return &v }

// sameAsEncodingXML are values whose form is decided by encoding/xml.
var sameAsEncodingXML = map[string]any{
	"simple":    inner{A: "x", B: "y"},
	"pointer":   &inner{A: "x"},
	"type name": generic[int]{V: 3},
	"name without namespace": struct {
		XMLName xml.Name `xml:"n"`
		A       string   `xml:"urn:a a"`
		B       string   `xml:"b"`
	}{A: "1", B: "2"},
	"namespaces": struct {
		XMLName xml.Name `xml:"urn:x x"`
		A       inner    `xml:"a"`
		B       inner    `xml:"urn:b b"`
		C       string   `xml:"urn:c c,attr"`
		Lang    string   `xml:"http://www.w3.org/XML/1998/namespace lang,attr"`
	}{A: inner{A: "1"}, C: "c", Lang: "de"},
	"name from the value": struct {
		XMLName xml.Name
		Child   struct {
			XMLName xml.Name
			T       string `xml:",chardata"`
		}
	}{XMLName: xml.Name{Space: "urn:v", Local: "v"}},
	"child name from the value": struct {
		XMLName xml.Name `xml:"urn:p p"`
		Child   struct{ XMLName xml.Name }
	}{Child: struct{ XMLName xml.Name }{xml.Name{Local: "bare"}}},
	"xmlns as attribute": struct {
		XMLName xml.Name `xml:"q"`
		NS      string   `xml:"xmlns,attr"`
		A       string   `xml:"a"`
	}{NS: "urn:q", A: "1"},
	"kinds": struct {
		XMLName xml.Name `xml:"urn:k k"`
		S       string
		B       bool
		I       int
		I8      int8
		U       uint16
		F32     float32
		F64     float64
		Bytes   []byte
		Array   [3]byte
		Any     any
		Nil     any
		Unset   *int
		Set     *int
		AB      bool    `xml:"ab,attr"`
		AI      *int64  `xml:"ai,attr"`
		AF      float64 `xml:"af,attr"`
		AN      *int    `xml:"an,attr"`
		AA      any     `xml:"aa,attr"`
		ABytes  []byte  `xml:"abytes,attr"`
	}{S: "s<&>", B: true, I: -1, I8: -8, U: 65535, F32: 0.1, F64: 1e21, Bytes: []byte("raw&"), Array: [3]byte{'a', 'b', 'c'},
		Any: 7, Set: ptr(0), AI: ptr(int64(9)), AF: 2.5, AA: "any", ABytes: []byte(`"q"`)},
	"omitempty": struct {
		XMLName xml.Name  `xml:"urn:o o"`
		S       string    `xml:"s,omitempty"`
		I       int       `xml:"i,omitempty"`
		P       *int      `xml:"p,omitempty"`
		PZ      *int      `xml:"pz,omitempty"`
		L       []string  `xml:"l,omitempty"`
		St      inner     `xml:"st,omitempty"`
		A       string    `xml:"a,attr,omitempty"`
		B       bool      `xml:"b,attr,omitempty"`
		T       time.Time `xml:"t,attr,omitempty"`
		Arr     [0]int    `xml:"arr,omitempty"`
	}{PZ: ptr(0)},
	"slices": struct {
		XMLName xml.Name `xml:"urn:s s"`
		Strs    []string `xml:"item"`
		Structs []inner  `xml:"urn:i in"`
		Ptrs    []*inner
		Nested  [][]int    `xml:"n"`
		Array   [2]string  `xml:"arr"`
		AnySl   []any      `xml:"any"`
		Attrs   []xml.Attr `xml:",any,attr"`
		List    []string   `xml:"one,attr"`
	}{Strs: []string{"a", "", "c"}, Structs: []inner{{A: "1"}, {B: "2"}}, Ptrs: []*inner{nil, {A: "p"}}, Nested: [][]int{{1}, {2, 3}, nil},
		AnySl: []any{1, "x", nil, inner{}}, Attrs: []xml.Attr{{Name: xml.Name{Local: "k"}, Value: "v"}, {Name: xml.Name{Space: "urn:at", Local: "k"}, Value: "w"}}, List: []string{"once"}},
	"paths": struct {
		XMLName xml.Name `xml:"urn:p p"`
		A       string   `xml:"x>y>a"`
		B       string   `xml:"x>y>b"`
		C       string   `xml:"x>c"`
		D       *string  `xml:"x>y>d"`
		E       *string  `xml:"z>e"`
		F       []string `xml:"list>item"`
		G       []string `xml:"none>item"`
		H       string   `xml:">h"`
		I       string   `xml:"urn:i w>i"`
		J       string   `xml:"x>again"`
		Text    string   `xml:",chardata"`
	}{A: "1", B: "2", C: "3", F: []string{"i", "j"}, Text: "t"},
	"chardata": struct {
		XMLName xml.Name `xml:"urn:t t"`
		A       int      `xml:"a,attr"`
		T       int      `xml:",chardata"`
		B       string   `xml:"b"`
	}{T: 5},
	"cdata": struct {
		XMLName xml.Name `xml:"urn:t t"`
		T       string   `xml:",cdata"`
	}{T: "a]]>b<c/>"},
	"cdata bytes": struct {
		XMLName xml.Name `xml:"urn:t t"`
		T       []byte   `xml:",chardata"`
	}{T: []byte("<b>")},
	"chardata pointer": struct {
		XMLName xml.Name `xml:"urn:t t"`
		T       *string  `xml:",chardata"`
	}{T: ptr("x")},
	"chardata nil": struct {
		XMLName xml.Name `xml:"urn:t t"`
		T       *string  `xml:",chardata"`
	}{},
	"chardata text marshaler": struct {
		XMLName xml.Name `xml:"urn:t t"`
		T       upper    `xml:",chardata"`
	}{T: "up"},
	"chardata of an unfit kind": struct {
		XMLName xml.Name `xml:"urn:t t"`
		T       [3]byte  `xml:",chardata"`
	}{T: [3]byte{'a', 'b', 'c'}},
	"innerxml": struct {
		XMLName xml.Name `xml:"urn:t t"`
		A       string   `xml:"a,attr"`
		Inner   string   `xml:",innerxml"`
		B       string   `xml:"b"`
	}{A: "1", Inner: `x<y z="1">&amp;<w xmlns="urn:w"/></y>`},
	"innerxml of an unfit kind": struct {
		XMLName xml.Name `xml:"urn:t t"`
		Inner   *int     `xml:",innerxml"`
	}{Inner: ptr(1)},
	"any": struct {
		XMLName xml.Name `xml:"urn:t t"`
		Rest    []inner  `xml:",any"`
	}{Rest: []inner{{A: "1"}}},
	"any with names": struct {
		XMLName xml.Name   `xml:"urn:t t"`
		Rest    []Embedded `xml:",any"`
	}{Rest: []Embedded{{Shared: "1"}}},
	"skipped": struct {
		XMLName xml.Name `xml:"urn:t t"`
		Skip    string   `xml:"-"`
		private string
		Kept    string `xml:"kept"`
	}{Skip: "a", private: "b", Kept: "c"},
	"embedded":             shadowing{Embedded: Embedded{Shared: "lost", Deep: 4}, EmbeddedText: &EmbeddedText{"text"}, Shared: "wins"},
	"embedded nil pointer": shadowing{},
	"text marshaler": generic[struct {
		U upper
		P *upper
		L []upper
		A upper `xml:"a,attr"`
	}]{V: struct {
		U upper
		P *upper
		L []upper
		A upper `xml:"a,attr"`
	}{"u", ptr(upper("p")), []upper{"x", "y"}, "at"}},
	"embedded late":  late{Embedded: Embedded{Shared: "lost"}, Shared: "wins"},
	"embedded twice": Outer{Embedded: Embedded{Deep: 1}, Deep: 2},
	"attributes as read": struct {
		XMLName xml.Name   `xml:"urn:t t"`
		Attrs   []xml.Attr `xml:",any,attr"`
	}{Attrs: []xml.Attr{{Name: xml.Name{Space: "urn:p", Local: "a"}, Value: "1"}}},
	"bare name below parents": struct {
		XMLName xml.Name                   `xml:"urn:p p"`
		Child   struct{ XMLName xml.Name } `xml:"x>y"`
	}{Child: struct{ XMLName xml.Name }{xml.Name{Local: "bare"}}},
	"embedded as name": Embedded{Shared: "s"},
	"time":             generic[time.Time]{time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)},
	"address": generic[struct {
		J jid.JID
		Z jid.JID `xml:"z,attr"`
	}]{V: struct {
		J jid.JID
		Z jid.JID `xml:"z,attr"`
	}{J: jid.MustParse("a@b.example/c'd")}},
	"pointer method": &generic[struct {
		P pointerText
		V []pointerText
	}]{V: struct {
		P pointerText
		V []pointerText
	}{pointerText{"x"}, []pointerText{{"y"}}}},
	"pointer method unaddressable": struct {
		XMLName xml.Name `xml:"urn:t t"`
		P       upper    `xml:"p,attr"`
	}{P: "x"},
	"attr marshaler": struct {
		XMLName xml.Name   `xml:"urn:t t"`
		A       attrValue  `xml:"a,attr"`
		B       attrValue  `xml:"b,attr"`
		C       *attrValue `xml:"c,attr"`
	}{A: 7, B: -1, C: ptr(attrValue(8))},
	"marshaler": writesItself{3},
	"marshaler field": struct {
		XMLName xml.Name `xml:"urn:m m"`
		W       writesItself
		L       []writesItself `xml:"urn:l l"`
		P       *writesItself  `xml:"p"`
	}{W: writesItself{1}, L: []writesItself{{2}, {3}}},
	"conflicting name agrees": struct {
		XMLName xml.Name `xml:"urn:c c"`
		E       Embedded `xml:"urn:e embedded"`
		F       *inner
	}{F: &inner{}},
	"raw name": struct {
		XMLName xml.Name `xml:"urn:c c"`
		N       xml.Name
	}{N: xml.Name{Space: "a", Local: "b"}},
}

// within parses text as it would be read at some place in a stanza.
func within(t *testing.T, text string) stanza.Element {
	t.Helper()
	e, err := stanza.Parse(`<s xmlns="jabber:client">` + text + `</s>`)
	require.NoError(t, err, text)
	require.False(t, e.First().IsZero(), text)
	return e.First()
}

func TestSameMeaningAsEncodingXML(t *testing.T) {
	for name, v := range sameAsEncodingXML {
		t.Run(name, func(t *testing.T) {
			theirs, err := xml.Marshal(v)
			require.NoError(t, err)
			ours, err := stanza.Marshal(v)
			require.NoError(t, err)
			require.Equal(t, within(t, string(theirs)).String(), ours.String())
		})
	}
}

// TestBothRefuse holds what has no form in XML, or tags that contradict.
func TestBothRefuse(t *testing.T) {
	for name, v := range map[string]any{
		"chan": struct{ C chan int }{make(chan int)},
		"chan attr": struct {
			C chan int `xml:"c,attr"`
		}{make(chan int)},
		"map":      struct{ M map[string]int }{map[string]int{}},
		"nameless": struct{ A int }{},
		"flags": generic[struct {
			A int `xml:"a,attr,chardata"`
		}]{},
		"two flags": generic[struct {
			A int `xml:",cdata,innerxml"`
		}]{},
		"named cdata": generic[struct {
			A int `xml:"a,cdata"`
		}]{},
		"omit cdata": generic[struct {
			A int `xml:",cdata,omitempty"`
		}]{},
		"no name": tagged(`xml:"urn:a "`),
		"trailing": generic[struct {
			A int `xml:"a>"`
		}]{},
		"attr path": generic[struct {
			A int `xml:"a>b,attr"`
		}]{},
		"name conflict": generic[struct {
			E Embedded `xml:"other"`
		}]{},
		"same name": tagged(`xml:"n"`, `xml:"n"`),
		"path conflict": generic[struct {
			A int `xml:"n"`
			B int `xml:"n>b"`
		}]{},
		"fails": generic[failing]{},
	} {
		t.Run(name, func(t *testing.T) {
			if _, isNameless := v.(struct{ A int }); !isNameless && name != "chan" && name != "chan attr" && name != "map" {
				_, err := xml.Marshal(v)
				require.Error(t, err)
			}
			_, err := stanza.Marshal(v)
			require.Error(t, err)
		})
	}
}

// tagged makes a struct of int fields with tags that vet would refuse.
func tagged(tags ...reflect.StructTag) any {
	fields := []reflect.StructField{{Name: "XMLName", Type: reflect.TypeFor[xml.Name](), Tag: `xml:"urn:t t"`}}
	for i, tag := range tags {
		fields = append(fields, reflect.StructField{Name: string(rune('A' + i)), Type: reflect.TypeFor[int](), Tag: tag})
	}
	return reflect.New(reflect.StructOf(fields)).Interface()
}

type failing struct{}

func (failing) MarshalText() ([]byte, error) { return nil, errors.New("no") }

// TestStricterThanEncodingXML holds what encoding/xml writes wrongly.
func TestStricterThanEncodingXML(t *testing.T) {
	type self struct {
		XMLName xml.Name `xml:"urn:s s"`
		Self    *self
	}
	cyclic := &self{}
	cyclic.Self = cyclic
	type chars struct {
		XMLName xml.Name `xml:"urn:t t"`
		T       string   `xml:",chardata"`
		C       string   `xml:"c"`
		A       string   `xml:"a,attr"`
		I       string   `xml:",innerxml"`
		W       *badWriter
	}
	for name, v := range map[string]any{
		"text":             chars{T: "\x00"},
		"child":            chars{C: "\xff"},
		"attribute":        chars{A: "\x1b"},
		"inner breaks out": chars{I: "</t><evil/><t>"},
		"inner is cut":     chars{I: "<a>"},
		"inner entity":     chars{I: "&nbsp;"},
		"inner comment":    chars{I: "<!-- -->"},
		"own MarshalXML":   chars{W: &badWriter{"\x00"}},
		"own name":         chars{W: &badWriter{}},
		"cyclic":           cyclic,
		"two namespaces": struct {
			XMLName xml.Name `xml:"urn:a a"`
			NS      string   `xml:"xmlns,attr"`
		}{NS: "urn:b"},
		"nil": (*chars)(nil),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := stanza.Marshal(v)
			require.Error(t, err)
		})
	}
	e, err := stanza.Marshal(chars{T: "\uFFFD"})
	require.NoError(t, err, "a replacement character of the user's own is a character")
	require.Equal(t, "\uFFFD", e.Text())
	read := struct {
		XMLName xml.Name   `xml:"urn:t t"`
		Attrs   []xml.Attr `xml:",any,attr"`
	}{}
	require.NoError(t, xml.Unmarshal([]byte(`<t xmlns="urn:t" xmlns:p="urn:p" p:a="1"/>`), &read))
	e, err = stanza.Marshal(read)
	require.NoError(t, err, "declarations that encoding/xml read as attributes")
	require.Len(t, read.Attrs, 3)
	require.Equal(t, 1, len(maps.Collect(e.Attrs())))
	e, err = stanza.Marshal(struct {
		XMLName xml.Name `xml:"urn:c c"`
		Comment string   `xml:",comment"`
		Lang    string   `xml:"xml:lang,attr"`
	}{Comment: "none on a stream", Lang: "de"})
	require.NoError(t, err)
	require.Equal(t, "de", e.Lang())
	require.Empty(t, e.Text())
}

type badWriter struct{ s string }

func (b *badWriter) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	if b.s == "" {
		start.Name.Local = "a><b"
	}
	return e.EncodeElement(b.s, start)
}

func TestReflectedRoundTrip(t *testing.T) {
	type item struct {
		JID    jid.JID  `xml:"jid,attr"`
		Groups []string `xml:"group"`
	}
	type query struct {
		XMLName xml.Name `xml:"jabber:iq:roster query"`
		Ver     string   `xml:"ver,attr,omitempty"`
		Items   []item   `xml:"item"`
		Extra   string   `xml:",innerxml"`
	}
	iq := parse(t, `<iq id='1' type='result'><query xmlns='jabber:iq:roster' ver='7'><item jid='a@b.example'><group>G&amp;H</group></item></query></iq>`)
	got, err := stanza.Payload[query](iq)
	require.NoError(t, err)
	require.Equal(t, "7", got.Ver)
	require.Equal(t, []item{{jid.MustParse("a@b.example"), []string{"G&H"}}}, got.Items)
	require.Contains(t, got.Extra, "G&amp;H")
	got.Extra = ""
	e, err := stanza.Marshal(got)
	require.NoError(t, err)
	again, err := stanza.Decode[query](e)
	require.NoError(t, err)
	require.Equal(t, got.Items, again.Items)
}
