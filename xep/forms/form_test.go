package forms_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/forms"
)

func TestAnswer(t *testing.T) {
	form := bot(t)
	juliet := jid.MustParse("juliet@capulet.example")
	filled, err := form.Answer(
		forms.Bool("public", false), forms.Text("features", "search"), forms.JIDs("invitelist", juliet), forms.Text("description", "c\r\nd"), forms.Text("ssn"),
	)
	require.NoError(t, err)
	require.Equal(t, forms.Submit, filled.Type)
	require.Equal(t, "jabber:bot", filled.FormType())
	want := []forms.Field{
		{Var: "FORM_TYPE", Type: forms.Hidden, Values: []string{"jabber:bot"}},
		{Var: "description", Type: forms.TextMulti, Values: []string{"c", "d"}},
		{Var: "public", Type: forms.Boolean, Values: []string{"0"}},
		{Var: "features", Type: forms.ListMulti, Values: []string{"search"}},
		{Var: "maxsubs", Type: forms.ListSingle, Values: []string{"20"}}, // its default
		{Var: "invitelist", Type: forms.JIDMulti, Values: []string{"juliet@capulet.example"}},
		{Var: "ssn", Type: forms.TextSingle},
	}
	require.Equal(t, want, filled.Fields)
	require.NoError(t, form.Check(filled))
	_, err = stanza.Marshal(filled)
	require.NoError(t, err)

	filled.Fields[1].Values[0] = "changed"
	require.Equal(t, bot(t).Fields, form.Fields, "the question stays as it was")
}

func TestBadAnswers(t *testing.T) {
	public := forms.Bool("public", true)
	for want, answers := range map[string][]forms.Field{
		`"public": it is required`:        nil,
		`"features": it is not among`:     {public, forms.Text("features", "dance")},
		`"public": it is neither`:         {forms.Text("public", "maybe")},
		`"invitelist": it is not an`:      {public, forms.Text("invitelist", "@")},
		`"botname": there is more`:        {public, forms.Text("botname", "a", "b")},
		`"nothing": the form doesn't ask`: {public, forms.Text("nothing", "a")},
		`"botname": it is answered twice`: {public, forms.Text("botname", "a"), forms.Text("botname", "b")},
		`"maxsubs": it is more than`:      {public, forms.Text("maxsubs", "51")},
		`"maxsubs": it is not of type`:    {public, forms.Text("maxsubs", "many")},
		`"ssn": it doesn't match`:         {public, forms.Text("ssn", "123-456")},
		`"": the form doesn't ask`:        {public, forms.Text("", "Section 2")},
		`"features": there are 4 values`:  {public, forms.Text("features", "news", "news", "news", "news")},
		`"public": it is required` + "\n" + `forms: field "x": the form doesn't`: {forms.Text("x")},
	} {
		filled, err := bot(t).Answer(answers...)
		require.ErrorContains(t, err, want)
		require.Zero(t, filled)
		require.ErrorAs(t, err, new(*forms.FieldError))
	}
}

func TestCheck(t *testing.T) {
	const formtype = "jabber:bot"
	public := forms.Bool("public", true)
	for name, test := range map[string]struct {
		form forms.Form
		want string
	}{
		"all that is required": {forms.New(forms.Submit, formtype, public), ""},
		"what isn't asked":     {forms.New(forms.Submit, formtype, public, forms.Text("else", "a")), ""},
		"no type of a field":   {forms.New(forms.Submit, formtype, forms.Text("public", "true")), ""},
		"nothing":              {forms.New(forms.Submit, formtype), `"public": it is required`},
		"an empty value":       {forms.New(forms.Submit, formtype, forms.Text("public", "")), `"public": it is required`},
		"another form":         {forms.New(forms.Submit, "urn:example", public), `"FORM_TYPE": it is another`},
		"no form type":         {forms.New(forms.Submit, "", public), `"FORM_TYPE": it is another`},
		"not submitted":        {forms.New(forms.Cancel, formtype, public), "not submit"},
		"twice":                {forms.New(forms.Submit, formtype, public, forms.Bool("public", false)), `"public": it is there twice`},
		"a bad value":          {forms.New(forms.Submit, formtype, public, forms.Text("maxsubs", "0")), `"maxsubs": it is less`},
	} {
		err := bot(t).Check(test.form)
		if test.want == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, test.want, name)
	}
}

func TestValidation(t *testing.T) {
	const long = "111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111"
	for datatype, values := range map[string]struct{ good, bad []string }{
		"":                   {[]string{"a", " ", "<"}, nil},
		"xs:string":          {[]string{"a"}, nil},
		"x:own":              {[]string{"a"}, nil},
		"xs:byte":            {[]string{"127", "-128", "+1", " 1\n"}, []string{"128", "-129", "1.0", "0x1", "1e1", "one", "١"}},
		"xs:short":           {[]string{"32767"}, []string{"32768"}},
		"xs:int":             {[]string{"2147483647"}, []string{"2147483648"}},
		"xs:long":            {[]string{"9223372036854775807"}, []string{"9223372036854775808"}},
		"xs:unsignedByte":    {[]string{"255", "-0"}, []string{"256", "-1"}},
		"xs:integer":         {[]string{"99999999999999999999999"}, []string{"1/2", long}},
		"xs:positiveInteger": {[]string{"1"}, []string{"0"}},
		"xs:negativeInteger": {[]string{"-1"}, []string{"0"}},
		"xs:decimal":         {[]string{"1.5", ".5", "5.", "-3"}, []string{"1e9999999", ".", "1/3", "INF"}},
		"xs:double":          {[]string{"1.5e10", "INF", "-INF", "NaN", "1e999"}, []string{"Inf", "nan", "0x1p1", "1_0", "+INF", long}},
		"xs:date":            {[]string{"2024-02-29"}, []string{"2023-02-29", "2024-2-9"}},
		"xs:dateTime":        {[]string{"2003-10-06T11:22:00-07:00"}, []string{"2003-10-06"}},
		"xs:time":            {[]string{"16:00:00"}, []string{"16:00"}},
		"xs:boolean":         {[]string{"1", "false"}, []string{"yes"}},
		"xs:language":        {[]string{"de-CH-1996"}, []string{"de_CH", "nolanguageatall", "-"}},
		"xs:anyURI":          {[]string{"https://example.org/a?b#c", "a"}, []string{"http://[::1", "%zz"}},
	} {
		f := forms.Field{Var: "a", Type: forms.TextMulti, Validation: &forms.Validation{Datatype: datatype}}
		for _, v := range values.good {
			require.NoError(t, f.Check(v), "%s %q", datatype, v)
		}
		for _, v := range values.bad {
			require.Error(t, f.Check(v), "%s %q", datatype, v)
		}
	}
}

func TestRanges(t *testing.T) {
	for _, test := range []struct {
		datatype, min, max string
		good, bad          string
	}{
		{"xs:int", "1", "9", "1 5 9", "0 10 x"},
		{"xs:int", "", "9", "-5 9", "10"},
		{"xs:int", "1", "", "1 1000", "0"},
		{"xs:int", "", "", "1", "x"},
		{"xs:int", "few", "many", "1", "x"},
		{"xs:decimal", "0.1", "0.3", "0.1 0.30 0.2", "0.09999 0.31"},
		{"xs:double", "-INF", "1e3", "-1e300 1000", "1001"},
		{"xs:date", "2024-01-01", "2024-12-31", "2024-02-29", "2023-12-31 2025-01-01"},
		{"xs:dateTime", "2003-10-05T00:00:00-07:00", "2003-10-24T23:59:59-07:00", "2003-10-06T11:22:00-07:00 2003-10-05T07:00:00Z", "2003-10-05T06:59:59Z"},
		{"xs:time", "09:00:00", "17:00:00", "12:00:00Z", "08:59:59Z"},
		{"xs:string", "b", "c", "a z", ""},
	} {
		f := forms.Field{Var: "a", Validation: &forms.Validation{Datatype: test.datatype, Method: forms.Range, Min: test.min, Max: test.max}}
		for v := range strings.FieldsSeq(test.good) {
			require.NoError(t, f.Check(v), "%v: %s", test, v)
		}
		for v := range strings.FieldsSeq(test.bad) {
			require.Error(t, f.Check(v), "%v: %s", test, v)
		}
	}
}

func TestPatterns(t *testing.T) {
	for _, test := range []struct {
		pattern   string
		good, bad []string
	}{
		{"([0-9]{3})-([0-9]{2})", []string{"123-45"}, []string{"1123-45", "123-456", "123-45\nx", "x\n123-45"}},
		{"a|ab", []string{"a", "ab"}, []string{"abc", "b"}},
		{"a)(b", []string{"anything"}, nil},             // none that can be used
		{`\d`, []string{"anything"}, nil},               // nor is one that isn't POSIX
		{strings.Repeat("a", 1025), []string{"b"}, nil}, // nor one so long
		{"(a*)*b", nil, []string{strings.Repeat("a", 100_000)}},
		{"ü+", []string{"üü"}, []string{"u"}},
	} {
		f := forms.Field{Var: "a", Validation: &forms.Validation{Method: forms.Regex, Pattern: test.pattern}}
		for _, v := range test.good {
			require.NoError(t, f.Check(v), "%q %q", test.pattern, v)
		}
		for _, v := range test.bad {
			require.Error(t, f.Check(v), "%q", test.pattern)
		}
	}
	f := forms.Field{Var: "a", Validation: &forms.Validation{Datatype: "xs:int", Method: forms.Regex, Pattern: "[0-9]+"}}
	require.Error(t, f.Check("99999999999"), "the type counts too")
}

func TestLists(t *testing.T) {
	options := []forms.Option{{Value: "a"}, {Value: "b"}}
	closed := forms.Field{Var: "a", Type: forms.ListMulti, Options: options}
	open := closed
	open.Validation = &forms.Validation{Method: forms.Open, ListMin: 2, ListMax: 3}
	require.NoError(t, closed.Check("a", "b"))
	require.Error(t, closed.Check("a", "c"))
	require.NoError(t, open.Check("a", "c"))
	require.Error(t, open.Check("a"))
	require.Error(t, open.Check("a", "b", "c", "d"))
	require.NoError(t, open.Check())
	single := closed
	single.Type = forms.ListSingle
	single.Validation = open.Validation
	require.NoError(t, single.Check("c"), "a list-range is for several")
	require.Error(t, single.Check("a", "b"))
}
