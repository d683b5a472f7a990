package forms_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/forms"
	"github.com/gosmack/xmpp/xmpptest"
)

// samples have each part of the payloads.
func samples() []any {
	return []any{
		forms.Form{},
		forms.Validation{Datatype: "xs:int", Method: forms.Range, Min: "1", Max: "9", ListMin: 1, ListMax: 3},
		forms.Validation{Method: forms.Regex, Pattern: "a|b"},
		forms.New(forms.Result, "urn:example", forms.Field{
			Var: "v", Type: forms.ListMulti, Label: "l", Desc: "d", Required: true, Values: []string{"1", ""},
			Options: []forms.Option{{"One", "1"}, {"", "2"}}, Validation: &forms.Validation{Method: forms.Open},
		}, forms.Bool("b", true)),
	}
}

func TestRoundTrip(t *testing.T) { xmpptest.RoundTrip(t, samples()...) }

func FuzzPayloads(f *testing.F) { xmpptest.FuzzRoundTrip(f, samples()...) }

func parse(t *testing.T, xml string) forms.Form {
	t.Helper()
	e, err := stanza.Parse(xml)
	require.NoError(t, err)
	f, err := stanza.Decode[forms.Form](e)
	require.NoError(t, err)
	return f
}

// bot is the form of testdata/bot/form.xml.
func bot(t *testing.T) forms.Form {
	t.Helper()
	data, err := os.ReadFile("testdata/bot/form.xml")
	require.NoError(t, err)
	e, err := stanza.Parse(strings.TrimSpace(string(data)))
	require.NoError(t, err)
	return parse(t, e.First().First().String())
}

func TestDecode(t *testing.T) {
	f := bot(t)
	require.Empty(t, f.Faults)
	require.Equal(t, forms.Ask, f.Type)
	require.Equal(t, "jabber:bot", f.FormType())
	require.Len(t, f.Instructions, 2)
	require.Len(t, f.Others, 1, "layout is kept")
	require.Equal(t, "20", f.Value("maxsubs"))
	features, ok := f.Field("features")
	require.True(t, ok)
	require.Equal(t, []forms.Option{{"News", "news"}, {"", "search"}}, features.Options)
	require.Equal(t, forms.Validation{Datatype: "xs:string", ListMin: 1, ListMax: 3}, *features.Validation)
	captcha, _ := f.Field("captcha")
	require.Len(t, captcha.Others, 1, "media are kept")
	_, ok = f.Field("")
	require.False(t, ok, "a fixed field has no name to be found by")
}

func TestFaultsCostThemselves(t *testing.T) {
	for name, bad := range map[string]string{
		"no name":           `<field><value>1</value></field>`,
		"option, no value":  `<field var='a' type='list-single'><option label='Juliet'>Sun</option></field>`,
		"option in a text":  `<field var='a'><option><value>1</value></option></field>`,
		"validation":        `<field var='a' type='list-multi'><validate xmlns='http://jabber.org/protocol/xdata-validate'><list-range min='-1'/></validate></field>`,
		"no name in a row":  `<item><field/></item>`,
		"another list size": `<field var='a' type='list-multi'><validate xmlns='http://jabber.org/protocol/xdata-validate'><list-range max='many'/></validate></field>`,
	} {
		f := parse(t, `<x xmlns='jabber:x:data' type='form'>`+bad+`<field var='good'><value>v</value></field></x>`)
		require.Len(t, f.Faults, 1, name)
		require.Equal(t, "v", f.Value("good"), name)
	}
}

func TestBounds(t *testing.T) {
	for name, many := range map[string]string{
		"fields":       strings.Repeat(`<field var='a'/>`, 10_001),
		"nameless":     strings.Repeat(`<field/>`, 10_001),
		"rows":         strings.Repeat(`<item/>`, 10_001),
		"one row":      `<item>` + strings.Repeat(`<field var='a'/>`, 10_001) + `</item>`,
		"values":       `<field var='a'>` + strings.Repeat(`<value/>`, 100_001) + `</field>`,
		"options":      `<field var='a' type='list-single'>` + strings.Repeat(`<option/>`, 100_001) + `</field>`,
		"instructions": strings.Repeat(`<instructions/>`, 100_001),
	} {
		e, err := stanza.Parse(`<x xmlns='jabber:x:data' type='form'>` + many + `</x>`)
		require.NoError(t, err, name)
		_, err = stanza.Decode[forms.Form](e)
		require.ErrorContains(t, err, "too many", name)
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	for want, f := range map[string]forms.Form{
		"type":            {},
		"without a name":  {Type: forms.Ask, Fields: []forms.Field{{}}},
		"more than one":   {Type: forms.Ask, Fields: []forms.Field{{Var: "a", Type: forms.Boolean, Values: []string{"1", "0"}}}},
		"no list":         {Type: forms.Ask, Fields: []forms.Field{{Var: "a", Options: []forms.Option{{}}}}},
		"no method":       {Type: forms.Ask, Fields: []forms.Field{{Var: "a", Validation: &forms.Validation{Method: "basic?"}}}},
		"regex":           {Type: forms.Ask, Fields: []forms.Field{{Var: "a", Validation: &forms.Validation{Method: forms.Regex, Pattern: "("}}}},
		"list-range":      {Type: forms.Ask, Fields: []forms.Field{{Var: "a", Validation: &forms.Validation{ListMin: -1}}}},
		"item 0":          {Type: forms.Result, Items: [][]forms.Field{{{}}}},
		"U+0000":          {Type: forms.Submit, Fields: []forms.Field{forms.Text("a", "\x00")}},
		`field "reported`: {Type: forms.Result, Reported: []forms.Field{{Var: "reported", Type: forms.TextSingle, Values: []string{"", ""}}}},
	} {
		_, err := stanza.Marshal(f)
		require.ErrorContains(t, err, want)
	}
}

// XEP-0068 §4: only a hidden field says what the others mean.
func TestFormType(t *testing.T) {
	hidden := `<field var='FORM_TYPE' type='hidden'><value>a</value></field>`
	for xml, want := range map[string]string{
		`<x xmlns='jabber:x:data' type='form'>` + hidden + `</x>`:                                                                "a",
		`<x xmlns='jabber:x:data' type='result'>` + hidden + `</x>`:                                                              "a",
		`<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE'><value>a</value></field></x>`:                             "",
		`<x xmlns='jabber:x:data' type='form'><field var='FORM_TYPE' type='text-single'><value>a</value></field></x>`:            "",
		`<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>a</value></field></x>`:                             "a",
		`<x xmlns='jabber:x:data' type='form'>` + hidden + hidden + `</x>`:                                                       "",
		`<x xmlns='jabber:x:data' type='form'><field var='FORM_TYPE' type='hidden'><value>a</value><value>b</value></field></x>`: "",
		`<x xmlns='jabber:x:data' type='form'/>`:                                                                                 "",
	} {
		require.Equal(t, want, parse(t, xml).FormType(), xml)
	}
}

func TestFieldValues(t *testing.T) {
	f := forms.Text("t", "a", "b")
	require.Equal(t, "a", f.Value())
	require.Equal(t, "a\nb", f.Lines())
	require.Empty(t, forms.Text("t").Value())
	for s, want := range map[string][2]bool{"1": {true, true}, "true": {true, true}, "0": {false, true}, "false": {false, true}, "yes": {}, "": {}, "TRUE": {}} {
		value, ok := forms.Text("b", s).Bool()
		require.Equal(t, want, [2]bool{value, ok}, s)
	}
	juliet := jid.MustParse("juliet@capulet.example")
	require.Equal(t, []jid.JID{juliet}, forms.Text("j", "JULIET@capulet.example", "@", juliet.String()).JIDs())
	require.Equal(t, []string{juliet.String()}, forms.JIDs("j", juliet).Values)
	require.Equal(t, forms.TextSingle, forms.FieldType("jid").Known())
}
