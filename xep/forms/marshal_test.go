package forms_test

import (
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/forms"
)

// shout is written in capitals; its methods are of both kinds.
type shout string

func (s *shout) MarshalText() ([]byte, error) { return []byte(strings.ToUpper(string(*s))), nil }

func (s *shout) UnmarshalText(b []byte) error { *s = shout(strings.ToLower(string(b))); return nil }

type common struct {
	Name string `form:"name"`
}

type config struct {
	_ struct{} `form:"FORM_TYPE,urn:example:config"`
	common
	Public  bool         `form:"public"`
	Port    uint16       `form:"port"`
	Offset  int8         `form:"offset"`
	Ratio   float64      `form:"ratio"`
	Since   time.Time    `form:"since"`
	Owner   jid.JID      `form:"owner"`
	Admins  []jid.JID    `form:"admins"`
	Tags    []string     `form:"tags,list-multi"`
	About   string       `form:"about,text-multi"`
	Secret  string       `form:"secret,text-private,omitempty"`
	Limit   *int         `form:"limit"`
	Address netip.Addr   `form:"address,omitempty"`
	Call    shout        `form:"call,omitempty"`
	Calls   []shout      `form:"calls,omitempty"`
	Days    []time.Time  `form:"days,omitempty"`
	Ignored string       `form:"-"`
	Other   chan string  // no tag, no field
	Numbers []int        `form:"numbers,omitempty"`
	Flags   []bool       `form:"flags,omitempty"`
	Kind    forms.Method `form:"kind,omitempty"`
}

func full() config {
	limit := 7
	day := time.Date(2024, 2, 29, 1, 2, 3, 4000, time.UTC)
	juliet := jid.MustParse("juliet@capulet.example")
	return config{
		common: common{"n"}, Public: true, Port: 5222, Offset: -3, Ratio: 0.5, Since: day, Owner: juliet, Admins: []jid.JID{juliet},
		Tags: []string{"a", "b"}, About: "one\ntwo", Secret: "s", Limit: &limit, Address: netip.MustParseAddr("::1"), Call: "hey", Calls: []shout{"ho"},
		Days: []time.Time{day}, Numbers: []int{1, -2}, Flags: []bool{true, false}, Kind: forms.Open,
	}
}

func TestStructs(t *testing.T) {
	for name, want := range map[string]config{"full": full(), "zero": {}, "infinite": {Ratio: math.Inf(-1)}} {
		form, err := forms.Marshal(forms.Submit, want)
		require.NoError(t, err, name)
		require.Equal(t, "urn:example:config", form.FormType())
		e, err := stanza.Marshal(form)
		require.NoError(t, err)
		var got config
		require.NoError(t, forms.Unmarshal(parse(t, e.String()), &got), name)
		require.Equal(t, want, got, name)
		byPointer, err := forms.Marshal(forms.Submit, &want)
		require.NoError(t, err)
		require.Equal(t, form, byPointer)
	}
}

func TestMarshalMakesFields(t *testing.T) {
	form, err := forms.Marshal(forms.Submit, full())
	require.NoError(t, err)
	for _, want := range []forms.Field{
		{Var: "name", Type: forms.TextSingle, Values: []string{"n"}},
		{Var: "public", Type: forms.Boolean, Values: []string{"1"}},
		{Var: "since", Type: forms.TextSingle, Values: []string{"2024-02-29T01:02:03.000004Z"}},
		{Var: "owner", Type: forms.JIDSingle, Values: []string{"juliet@capulet.example"}},
		{Var: "admins", Type: forms.JIDMulti, Values: []string{"juliet@capulet.example"}},
		{Var: "tags", Type: forms.ListMulti, Values: []string{"a", "b"}},
		{Var: "about", Type: forms.TextMulti, Values: []string{"one", "two"}},
		{Var: "secret", Type: forms.TextPrivate, Values: []string{"s"}},
		{Var: "address", Type: forms.TextSingle, Values: []string{"::1"}},
		{Var: "call", Type: forms.TextSingle, Values: []string{"HEY"}},
	} {
		got, ok := form.Field(want.Var)
		require.True(t, ok, want.Var)
		require.Equal(t, want, got)
	}
	form, err = forms.Marshal(forms.Submit, config{})
	require.NoError(t, err)
	for name, there := range map[string]bool{"since": false, "owner": false, "limit": false, "secret": false, "days": false, "name": true, "admins": true, "port": true} {
		_, ok := form.Field(name)
		require.Equal(t, there, ok, name)
	}
}

func TestUnmarshalReadsWhatItCan(t *testing.T) {
	got := config{Port: 1, Public: true, common: common{"kept"}, Secret: "gone"}
	err := forms.Unmarshal(forms.New(forms.Submit, "urn:example:config",
		forms.Text("port", "65536"), forms.Text("offset", "x"), forms.Text("ratio", "1e"), forms.Text("since", "soon"), forms.Text("owner", "@"),
		forms.Text("admins", "a.example", "A.example"), forms.Text("public", "0"), forms.Text("secret"), forms.Text("numbers", "1", "x"), forms.Text("flags", "1", "0"),
		forms.Text("address", "::1", "::2"), forms.Text("limit", ""),
	), &got)
	for _, bad := range []string{"port", "offset", "ratio", "since", "owner", "numbers", "address"} {
		require.ErrorContains(t, err, `"`+bad+`"`)
	}
	require.Equal(t, 7, strings.Count(err.Error(), "forms: field"))
	require.Equal(t, config{Port: 1, common: common{"kept"}, Admins: []jid.JID{jid.MustParse("a.example")}, Flags: []bool{true, false}, Limit: new(int)}, got)
	require.NotContains(t, err.Error(), "soon", "an error holds nothing of the values")
}

func TestUnmarshalTakesItsOwnFormType(t *testing.T) {
	for _, formtype := range []string{"", "urn:example:other"} {
		var got config
		form := forms.New(forms.Submit, formtype, forms.Text("name", "n"))
		require.ErrorIs(t, forms.Unmarshal(form, &got), forms.ErrFormType)
		require.Zero(t, got)
		require.NoError(t, forms.UnmarshalFields(form.Fields, &got))
		require.Equal(t, "n", got.Name)
	}
}

func TestMistakesOfTheProgram(t *testing.T) {
	for want, v := range map[string]any{
		"a struct is needed": 3,
		"chan int can't": struct {
			A chan int `form:"a"`
		}{},
		"map[string]int can't": struct {
			A map[string]int `form:"a"`
		}{},
		"value 0: a []int can't": struct {
			A [][]int `form:"a"`
		}{[][]int{{}}},
		"no option": struct {
			A int `form:"a,optional"`
		}{},
		"no name": struct {
			A int `form:",omitempty"`
		}{},
		"not exported": struct {
			a int `form:"a"`
		}{},
		"a second one": struct {
			A, B int `form:"a"`
		}{},
		"a form type": struct {
			_ int `form:"FORM_TYPE"`
		}{},
		"value 0: it has no": struct {
			A []jid.JID `form:"a"`
		}{make([]jid.JID, 1)},
		"year 10000": struct {
			A time.Time `form:"a"`
		}{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		_, err := forms.Marshal(forms.Submit, v)
		require.ErrorContains(t, err, want)
	}
	_, err := forms.Marshal(forms.Submit, nil)
	require.Error(t, err)
	_, err = forms.Marshal(forms.Submit, (*config)(nil))
	require.Error(t, err)
	for _, v := range []any{nil, config{}, (*config)(nil), new(int)} {
		require.ErrorContains(t, forms.Unmarshal(forms.Form{}, v), "a pointer to a struct")
	}
	var unreadable struct {
		A chan int `form:"a"`
	}
	require.ErrorContains(t, forms.UnmarshalFields([]forms.Field{forms.Text("a", "1")}, &unreadable), "can't be read")
}

// FuzzUnmarshal: what is read into a struct is the same when it is written and read again.
func FuzzUnmarshal(f *testing.F) {
	f.Add("port", "1")
	f.Fuzz(func(t *testing.T, name, value string) {
		var c, again config
		_ = forms.UnmarshalFields([]forms.Field{forms.Text(name, value)}, &c)
		form, err := forms.Marshal(forms.Submit, c)
		if err != nil {
			return
		}
		require.NoError(t, forms.Unmarshal(form, &again))
		second, err := forms.Marshal(forms.Submit, again)
		require.NoError(t, err)
		require.Equal(t, form, second)
	})
}

// FuzzAnswer: an answer that is made to a form passes its check, unless the form contradicts itself.
func FuzzAnswer(f *testing.F) {
	f.Add(`<x xmlns='jabber:x:data' type='form'><field var='FORM_TYPE' type='hidden'><value>urn:x</value></field><field var='a' type='list-single'><required/><option><value>1</value></option></field></x>`, "a", "1")
	f.Add(`<x xmlns='jabber:x:data' type='form'><field var='a' type='text-multi'><value>1</value><value>2</value></field><field var='b' type='boolean'/></x>`, "b", "true")
	f.Add(`<x xmlns='jabber:x:data' type='form'><field var='a'><validate xmlns='http://jabber.org/protocol/xdata-validate' datatype='xs:int'><range min='1' max='9'/></validate></field></x>`, "a", "5")
	f.Fuzz(func(t *testing.T, xml, name, value string) {
		e, err := stanza.Parse(xml)
		if err != nil || !e.Is(forms.NS, "x") {
			return
		}
		form, err := stanza.Decode[forms.Form](e)
		if err != nil {
			return
		}
		answer, err := form.Answer(forms.Text(name, value))
		if err != nil {
			return
		}
		seen := make(map[string]bool)
		for _, field := range form.Fields {
			if seen[field.Var] || field.Check(field.Values...) != nil {
				return
			}
			seen[field.Var] = true
		}
		require.NoError(t, form.Check(answer))
	})
}
