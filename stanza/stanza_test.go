package stanza_test

import (
	"encoding/xml"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

func TestPresenceFields(t *testing.T) {
	p := parse(t, `<presence from='romeo@montague.example/orchard' xml:lang='en'><show> dnd </show>
		<status>Wooing</status><status xml:lang='cs'>Dvořím se</status><priority>-1</priority><c xmlns='urn:caps'/></presence>`).(*stanza.Presence)
	for range 2 {
		require.Equal(t, stanza.PresenceAvailable, p.Type)
		require.Equal(t, stanza.ShowDND, p.Show)
		require.Equal(t, "Wooing", p.Status)
		require.Equal(t, "Dvořím se", p.StatusFor("cs"))
		require.Equal(t, int8(-1), p.Priority)
		require.Equal(t, []string{"urn:caps"}, childSpaces(p))
		p = parse(t, write(t, p)).(*stanza.Presence)
	}
	for text, want := range map[string]int8{"127": 127, "-128": -128, "+5": 5, "128": 0, "1e2": 0, "": 0, "12 3": 0, "99999999999999999999": 0} {
		require.Equal(t, want, parse(t, `<presence><priority>`+text+`</priority></presence>`).(*stanza.Presence).Priority, text)
	}
	odd := parse(t, `<presence type='gone-fishing'><show>fishing</show></presence>`).(*stanza.Presence)
	require.Equal(t, stanza.PresenceType("gone-fishing"), odd.Type)
	require.Equal(t, stanza.Show("fishing"), odd.Show)
	require.Equal(t, `<presence type="gone-fishing"><show>fishing</show></presence>`, strings.ReplaceAll(write(t, odd), "'", `"`))
	c := p.Clone()
	c.Statuses[0].Value = "changed"
	require.Equal(t, "Dvořím se", p.StatusFor("cs"))
}

func TestIQ(t *testing.T) {
	iq := parse(t, `<iq id='1' type='get' xml:lang='en'><mood xmlns='https://example.org/mood' colour='blue'/></iq>`).(*stanza.IQ)
	require.True(t, iq.Type.IsRequest())
	require.True(t, iq.Payload().Is("https://example.org/mood", "mood"))
	require.True(t, stanza.Has[mood](iq))
	require.True(t, (&stanza.IQ{}).Payload().IsZero())
	result := stanza.Reply(iq)
	require.Equal(t, `<iq id="1" type="result" xml:lang="en"/>`, strings.ReplaceAll(write(t, result), "'", `"`))
	c := iq.Clone()
	stanza.Set(c, mood{Colour: "red"})
	require.Contains(t, write(t, c), "red")
	require.Contains(t, write(t, iq), "blue")
}

func TestIQsOutOfShapeAreRefused(t *testing.T) {
	add := func(iq *stanza.IQ, n int) *stanza.IQ {
		for range n {
			stanza.Add(iq, mood{})
		}
		return iq
	}
	for want, iq := range map[string]*stanza.IQ{
		"iq id: an iq needs one (RFC 6120 §8.2.3)":                     {Type: "result"},
		"iq type: an iq needs one (RFC 6120 §8.2.3)":                   {ID: "1"},
		"iq payload: a request has exactly one (RFC 6120 §8.2.3)":      {ID: "1", Type: "get"},
		"iq payload: a result has at most one (RFC 6120 §8.2.3)":       add(&stanza.IQ{ID: "1", Type: "result"}, 2),
		"iq error: a stanza of type error needs one (RFC 6120 §8.3.1)": {ID: "1", Type: "error"},
		"iq error: is set, but the type is not error":                  {ID: "1", Type: "result", Error: &stanza.Error{}},
		`iq error: condition "odd" is not one of RFC 6120 §8.3.3`:      {ID: "1", Type: "error", Error: &stanza.Error{Condition: "odd"}},
	} {
		_, err := stanza.Append(nil, iq)
		require.EqualError(t, err, want)
	}
	_, err := stanza.Append(nil, add(&stanza.IQ{ID: "1", Type: "set"}, 2))
	require.ErrorContains(t, err, "exactly one")
	require.NotEmpty(t, write(t, add(&stanza.IQ{ID: "1", Type: "set"}, 1)))
}

func TestOnlyThreeElementsAreStanzas(t *testing.T) { // S081
	for _, s := range []string{
		`<message/>`, `<message xmlns='jabber:server'/>`, `<iq xmlns='urn:evil'/>`,
		`<success xmlns='jabber:client'/>`, `<Message xmlns='jabber:client'/>`,
		`<error xmlns='http://etherx.jabber.org/streams'/>`,
	} {
		e, err := stanza.Parse(s)
		require.NoError(t, err)
		got, err := stanza.FromElement(e)
		require.ErrorIs(t, err, stanza.ErrNotStanza, s)
		require.Nil(t, got)
	}
	_, err := stanza.FromElement(stanza.Element{})
	require.ErrorIs(t, err, stanza.ErrNotStanza)
}

func TestWhatIsDeeperIsContent(t *testing.T) { // S080
	m := parseMessage(t, `<message><stream:stream xmlns:stream='http://etherx.jabber.org/streams'/><iq type='set'><query xmlns='jabber:iq:roster'/></iq>
		<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/><x xmlns='urn:x'><body xmlns='jabber:client'>inner</body><error xmlns='jabber:client'/></x></message>`)
	require.Empty(t, m.Body)
	require.Nil(t, m.Error)
	require.Len(t, childSpaces(m), 4)
}

func TestBadAddressesAreNamed(t *testing.T) {
	for _, attr := range []string{"from", "to"} {
		e, err := stanza.Parse(`<message xmlns='jabber:client' ` + attr + `='a@@b/ '/>`)
		require.NoError(t, err)
		got, err := stanza.FromElement(e)
		require.Nil(t, got)
		var bad *stanza.AddressError
		require.ErrorAs(t, err, &bad)
		require.Equal(t, attr, bad.Attribute)
		var cause *jid.Error
		require.ErrorAs(t, err, &cause)
	}
	require.True(t, parse(t, `<message from='' to=''/>`).Head().From.IsZero())
}

func TestNilStanzas(t *testing.T) {
	for _, s := range []stanza.Stanza{nil, (*stanza.Message)(nil), (*stanza.Presence)(nil), (*stanza.IQ)(nil)} {
		got, err := stanza.Append([]byte("x"), s)
		require.ErrorContains(t, err, "nil")
		require.Equal(t, "x", string(got))
		_, ok := stanza.Marked[int](s)
		require.False(t, ok)
	}
}

func TestUserTextIsEscaped(t *testing.T) { // S101, S094
	for _, s := range []string{`</message><iq/>`, `]]>`, `&`, `&amp;`, `"'<>`, "\t\n", "a\r\nb\r", "\u2028😀\U0001F469\u200D", " x ", "\uFFFD"} {
		m := &stanza.Message{ID: s, Body: s, Subject: s, Thread: s, ParentThread: s, Lang: s,
			Bodies: []stanza.Text{{Lang: s + "x", Value: s}}}
		stanza.Add(m, mood{Colour: s})
		got := parseMessage(t, write(t, m))
		require.Equal(t, m.Head(), got.Head())
		require.Equal(t, []string{s, s, s, s}, []string{got.Body, got.Subject, got.Thread, got.ParentThread})
		require.Equal(t, m.Bodies, got.Bodies)
		require.Equal(t, 1, len(childSpaces(got)))
		p := &stanza.Presence{Show: stanza.Show("x" + s + "x"), Status: s}
		back := parse(t, write(t, p)).(*stanza.Presence)
		require.Equal(t, p.Show, back.Show)
		require.Equal(t, p.Status, back.Status)
	}
	cdata := parseMessage(t, `<message><body><![CDATA[</body>]]></body></message>`)
	require.Equal(t, "</body>", cdata.Body)
	require.Contains(t, write(t, cdata), "&lt;/body&gt;")
}

func TestWhatXMLCannotHoldIsRefused(t *testing.T) { // S103, S104
	for bad, what := range map[string]string{
		"a\x00b": "U+0000 at byte 1", "\x1b": "U+001B at byte 0", "ab\uFFFE": "U+FFFE at byte 2", "\xff": "invalid UTF-8 at byte 0", "a\xed\xa0\x80": "invalid UTF-8 at byte 1",
	} {
		what += " can't stand in XML"
		withMood := &stanza.Message{}
		stanza.Add(withMood, mood{Colour: bad})
		for field, s := range map[string]stanza.Stanza{
			"message body":    &stanza.Message{Body: bad},
			"message subject": &stanza.Message{Subject: bad},
			"message thread":  &stanza.Message{Thread: bad},
			"message parent":  &stanza.Message{Thread: "t", ParentThread: bad},
			"message id":      &stanza.Message{ID: bad},
			"message type":    &stanza.Message{Type: stanza.MessageType(bad)},
			"message lang":    &stanza.Message{Lang: bad},
			"message colour":  withMood,
			"presence show":   &stanza.Presence{Show: stanza.Show(bad)},
			"presence status": &stanza.Presence{Status: bad},
			"iq id":           &stanza.IQ{ID: bad, Type: "result"},
			"iq text":         &stanza.IQ{ID: "1", Type: "error", Error: &stanza.Error{Text: bad}},
			"iq gone":         &stanza.IQ{ID: "1", Type: "error", Error: &stanza.Error{Condition: stanza.Gone, URI: bad}},
		} {
			dst := []byte("before")
			got, err := stanza.Append(dst, s)
			require.EqualError(t, err, field+": "+what)
			require.Equal(t, "before", string(got))
			var we *stanza.WriteError
			require.True(t, errors.As(err, &we))
			require.Equal(t, field, we.Stanza+" "+we.Field)
		}
	}
	_, err := stanza.Append(nil, &stanza.Message{ParentThread: "p"})
	require.EqualError(t, err, "message thread: there is a parent, but no thread")
}

func TestNamesAreChecked(t *testing.T) { // S102
	type free struct {
		XMLName xml.Name
		Attrs   []xml.Attr `xml:",any,attr"`
	}
	for _, v := range []free{
		{XMLName: xml.Name{Space: "urn:x", Local: "a><iq/"}},
		{XMLName: xml.Name{Space: "urn:x", Local: "a b"}},
		{XMLName: xml.Name{Space: "urn:x", Local: "p:a"}},
		{XMLName: xml.Name{Space: "urn:\x00", Local: "a"}},
		{XMLName: xml.Name{Space: "urn:x", Local: "a"}, Attrs: []xml.Attr{{Name: xml.Name{Local: "a='' b"}}}},
		{XMLName: xml.Name{Space: "urn:x", Local: "a"}, Attrs: []xml.Attr{{Name: xml.Name{Local: "b"}}, {Name: xml.Name{Local: "b"}}}},
	} {
		m := &stanza.Message{}
		stanza.Add(m, v)
		_, err := stanza.Append(nil, m)
		require.Error(t, err, "%v", v)
	}
	quoted := free{XMLName: xml.Name{Space: `urn:'"><iq/>`, Local: "a"}}
	m := &stanza.Message{}
	stanza.Add(m, quoted)
	require.Equal(t, []string{quoted.XMLName.Space}, childSpaces(parse(t, write(t, m))))
}

func TestNewID(t *testing.T) { // S112
	const n = 100_000
	seen := make(map[string]bool, n)
	shape := regexp.MustCompile(`^[A-Za-z0-9_-]{22}$`)
	var counts [64]int
	var first [64]int // of the first character, which a counter or a fixed byte would show in
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for range n {
		id := stanza.NewID()
		require.Regexp(t, shape, id)
		seen[id] = true
		first[strings.IndexByte(alphabet, id[0])]++
		for i := range 21 { // the last character holds two bits only
			counts[strings.IndexByte(alphabet, id[i])]++
		}
	}
	require.Len(t, seen, n)
	for i, c := range first {
		require.InDelta(t, float64(n)/64, c, 400, "ten standard deviations, character %d", i)
	}
	expected := float64(n) * 21 / 64
	chi := 0.0
	for _, c := range counts {
		chi += (float64(c) - expected) * (float64(c) - expected) / expected
	}
	require.Less(t, chi, 140.0, "63 degrees of freedom: above 140 once in ten million runs")
}

func TestElement(t *testing.T) {
	var none stanza.Element
	require.True(t, none.IsZero())
	require.Empty(t, none.String()+none.Space()+none.Local()+none.Text()+none.Attr("a")+none.Lang())
	require.True(t, none.First().IsZero() && none.Child("a", "b").IsZero() && none.Clone().IsZero())
	for range none.Children() {
		t.Error("a child of nothing")
	}
	for range none.Attrs() {
		t.Error("an attribute of nothing")
	}
	e, err := stanza.Parse(`<a xmlns='urn:a' b='1' xml:lang='de'>x<c/>y<d xmlns='urn:d'/></a>`)
	require.NoError(t, err)
	require.Equal(t, xml.Name{Space: "urn:a", Local: "a"}, e.Name())
	require.True(t, e.Is("urn:a", "a"))
	require.Equal(t, "1", e.Attr("b"))
	require.Equal(t, "de", e.Lang())
	require.Equal(t, "xy", e.Text())
	require.Equal(t, "c", e.First().Local())
	require.Equal(t, "urn:d", e.Child("urn:d", "d").Space())
	require.Positive(t, e.Size())
	again, err := stanza.Parse(e.Clone().String())
	require.NoError(t, err)
	require.Equal(t, e.String(), again.String())
	require.Equal(t, `<d xmlns="urn:d"/>`, strings.ReplaceAll(e.Child("urn:d", "d").String(), "'", `"`))
	for _, bad := range []string{"", "x", "<a>", "<a/><b/>", "<!--x--><a/>", "<a>&e;</a>"} {
		_, err := stanza.Parse(bad)
		require.Error(t, err, bad)
	}
}

// A stanza that is copied by value, as from a template, shares nothing that is added later.
func TestAdditionsToACopyByValue(t *testing.T) {
	text := func(m *stanza.Message) string {
		b, err := stanza.Append(nil, m)
		require.NoError(t, err)
		return string(b)
	}
	template := stanza.Message{Body: "hi"}
	stanza.Add(&template, &delay{stamp: "2026-01-01T00:00:00Z"})
	stanza.Mark(&template, 1)
	before := text(&template)
	first, second := template, template
	stanza.Add(&first, &delay{stamp: "2026-01-02T00:00:00Z"})
	stanza.Mark(&first, 2)
	stanza.Add(&template, &delay{stamp: "2026-01-03T00:00:00Z"})
	require.Equal(t, before, text(&second))
	require.NotContains(t, text(&first), "01-03")
	require.NotContains(t, text(&template), "01-02")
	mark, _ := stanza.Marked[int](&second)
	require.Equal(t, 1, mark)
}

// around is a payload with a stanza inside.
type around struct{ inside *stanza.Message }

func (a around) AppendElement(w *stanza.Writer) error {
	w.Start("urn:example:around", "around")
	_ = a.inside.AppendElement(w)
	w.End()
	return w.Err()
}

func TestAppendAs(t *testing.T) {
	m := &stanza.Message{ID: "own", Body: "b"}
	stanza.Add(m, around{&stanza.Message{ID: "inner"}})
	for id, want := range map[string]string{"": "own", "given": "given"} {
		b, err := stanza.AppendAs([]byte("before"), id, m)
		require.NoError(t, err)
		require.Equal(t, "before<message id='"+want+"'><body>b</body><around xmlns='urn:example:around'><message xmlns='jabber:client' id='inner'/></around></message>", string(b))
	}
	b, err := stanza.AppendAs(nil, "for one only", &stanza.Message{})
	require.NoError(t, err)
	require.Equal(t, "<message id='for one only'/>", string(b))
	b, err = stanza.Append(nil, &stanza.Message{})
	require.NoError(t, err)
	require.Equal(t, "<message/>", string(b))
	_, err = stanza.AppendAs(nil, "\x00", &stanza.Message{})
	require.ErrorContains(t, err, "message id: U+0000")
	require.Equal(t, "own", m.ID)
}

// A plain message is written just as a Writer would.
func FuzzPlainMessage(f *testing.F) {
	f.Add("juliet@capulet.example/balcony", "", "chat", "But soft", "")
	f.Add("d'artagnan@musketeers.example/a&b<c>\"d", "<'\"&>", "normal", "a]]>b & c < d \r\n\t\u2028", "other")
	f.Add("", "i\x00d", "groupchat", "naïve 月 \xff", "x\ufffe")
	f.Add("a@b", "\x01", "t\x02", "\x03", "")
	f.Fuzz(func(t *testing.T, to, id, kind, body, given string) {
		m := &stanza.Message{ID: id, Type: stanza.MessageType(kind), Body: body}
		m.To, _ = jid.Parse(to)
		if given != "" {
			// Through the Writer it has its id of its own.
			c := *m
			c.ID = given
			slow, slowErr := stanza.AppendSlowly(nil, &c)
			fast, err := stanza.AppendAs(nil, given, m)
			require.Equal(t, slowErr, err)
			require.Equal(t, string(slow), string(fast))
		}
		slow, slowErr := stanza.AppendSlowly([]byte("before"), m)
		fast, err := stanza.Append([]byte("before"), m)
		require.Equal(t, slowErr, err)
		require.Equal(t, string(slow), string(fast))
	})
}
