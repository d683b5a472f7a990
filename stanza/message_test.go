package stanza_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// parse reads a stanza as it stands in a stream.
func parse(t testing.TB, s string) stanza.Stanza {
	t.Helper()
	e, err := stanza.Parse("<s xmlns='jabber:client'>" + s + "</s>")
	require.NoError(t, err)
	got, err := stanza.FromElement(e.First())
	require.NoError(t, err)
	return got
}

func parseMessage(t testing.TB, s string) *stanza.Message {
	t.Helper()
	return parse(t, s).(*stanza.Message)
}

func write(t testing.TB, s stanza.Stanza) string {
	t.Helper()
	b, err := stanza.Append(nil, s)
	require.NoError(t, err)
	return string(b)
}

func TestMessageFields(t *testing.T) {
	m := parseMessage(t, `<message from='romeo@montague.example/orchard' to='juliet@capulet.example' id='m1' type='chat' xml:lang='en'>
		<subject>Balcony</subject><subject xml:lang='cs'>Balkón</subject>
		<body>Wherefore?</body><body xml:lang='cs'>Proč?</body>
		<thread parent='p'>t</thread>
		<active xmlns='http://jabber.org/protocol/chatstates'/></message>`)
	require.Equal(t, "m1", m.ID)
	require.Equal(t, jid.MustParse("romeo@montague.example/orchard"), m.From)
	require.Equal(t, jid.MustParse("juliet@capulet.example"), m.To)
	require.Equal(t, stanza.MessageChat, m.Type)
	require.Equal(t, "en", m.Lang)
	require.Equal(t, "Balcony", m.Subject)
	require.Equal(t, []stanza.Text{{Lang: "cs", Value: "Balkón"}}, m.Subjects)
	require.Equal(t, "Wherefore?", m.Body)
	require.Equal(t, []stanza.Text{{Lang: "cs", Value: "Proč?"}}, m.Bodies)
	require.Equal(t, "t", m.Thread)
	require.Equal(t, "p", m.ParentThread)
	require.Nil(t, m.Error)

	require.Equal(t, `<message to="juliet@capulet.example" from="romeo@montague.example/orchard" id="m1" type="chat" xml:lang="en">`+
		`<subject>Balcony</subject><subject xml:lang="cs">Balkón</subject>`+
		`<body>Wherefore?</body><body xml:lang="cs">Proč?</body>`+
		`<thread parent="p">t</thread>`+
		`<active xmlns="http://jabber.org/protocol/chatstates"/></message>`, strings.ReplaceAll(write(t, m), "'", `"`))
}

func TestMessageType(t *testing.T) {
	for wire, want := range map[string]struct {
		kind   stanza.MessageType
		normal bool
		name   string
	}{
		``:                 {stanza.MessageNormal, true, "normal"},
		`type='normal'`:    {stanza.MessageNormal, true, "normal"},
		`type='chat'`:      {stanza.MessageChat, false, "chat"},
		`type='groupchat'`: {stanza.MessageGroupchat, false, "groupchat"},
		`type='headline'`:  {stanza.MessageHeadline, false, "headline"},
		`type='error'`:     {stanza.MessageError, false, "error"},
		`type='Chat'`:      {"Chat", true, "Chat"},
	} {
		m := parseMessage(t, `<message `+wire+`/>`)
		require.Equal(t, want.kind, m.Type, wire)
		require.Equal(t, want.normal, m.Type.IsNormal(), wire)
		require.Equal(t, want.name, m.Type.String(), wire)
		require.Equal(t, m.Type, parseMessage(t, write(t, m)).Type, wire)
	}
	require.NotContains(t, write(t, &stanza.Message{Body: "x"}), "type")
}

func TestMessageLanguages(t *testing.T) {
	m := &stanza.Message{Lang: "en", Body: "colour", Bodies: []stanza.Text{{"de-CH", "Farb"}, {"fr", "couleur"}, {"de", "Farbe"}, {"en-US", "color"}}}
	for want, langs := range map[string][]string{
		"colour":  nil,
		"color":   {"en-US"},
		"Farbe":   {"DE"},
		"Farb":    {"de-AT"},
		"couleur": {"xx", "fr"},
	} {
		require.Equal(t, want, m.BodyFor(langs...), "%v", langs)
	}
	require.Equal(t, "colour", m.BodyFor("xx"))
	only := parseMessage(t, `<message><body xml:lang='de'>Hallo</body></message>`)
	require.Empty(t, only.Body)
	require.True(t, only.HasBody())
	require.Equal(t, "Hallo", only.BodyFor())
	require.Equal(t, "Hallo", only.BodyFor("en"))
	same := parseMessage(t, `<message xml:lang='EN'><body xml:lang='en'>a</body></message>`)
	require.Equal(t, "a", same.Body)
	require.Empty(t, same.Bodies)
}

func TestEmptySubjectIsKept(t *testing.T) {
	m := parseMessage(t, `<message type='groupchat'><subject/></message>`)
	require.True(t, m.HasSubject())
	require.Empty(t, m.Subject)
	require.Contains(t, write(t, m), "<subject/>")
	require.False(t, parseMessage(t, `<message><body/></message>`).HasBody())
	require.False(t, (&stanza.Message{}).HasSubject())
}

func TestUnknownIsWrittenBack(t *testing.T) {
	const wire = `<message to='a@b.example' id='i' xmlns:x='urn:x' x:seen='1' odd='2'><body>b</body><nick xmlns='urn:n'>R&amp;J<b/>tail</nick><foo/></message>`
	m := parseMessage(t, wire)
	again := parseMessage(t, write(t, m))
	require.Equal(t, "2", again.Element().Attr("odd"))
	seen, ok := again.Element().AttrNS("urn:x", "seen")
	require.True(t, ok)
	require.Equal(t, "1", seen)
	require.Equal(t, `<nick xmlns="urn:n">R&amp;J<b/>tail</nick>`, strings.ReplaceAll(again.Element().Child("urn:n", "nick").String(), "'", `"`))
	require.False(t, again.Element().Child(stanza.NS, "foo").IsZero())
	require.Equal(t, write(t, m), write(t, again))
}

func TestCloneIsTheCallers(t *testing.T) {
	m := parseMessage(t, `<message type='error'><body>b</body><body xml:lang='de'>B</body><error><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error><x xmlns='urn:mood'/></message>`)
	before := write(t, m)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			c := m.Clone()
			c.Body, c.Bodies[0].Value, c.Error.Text = "changed", "changed", "changed"
			stanza.Add(c, mood{Colour: "blue"})
			stanza.Mark(c, 1)
			d := c.Clone()
			stanza.Set(d, mood{Colour: "red"})
			stanza.Mark(d, 2)
			stanza.Add(c, mood{Colour: "green"})
			for want, of := range map[string]*stanza.Message{"blue": c, "red": d} {
				got, err := stanza.Payload[mood](of)
				if err != nil || got.Colour != want {
					t.Errorf("got %v, %v, want %s", got, err, want)
				}
			}
			if n, _ := stanza.Marked[int](c); n != 1 {
				t.Errorf("mark of the copy changed to %d", n)
			}
		})
	}
	group.Wait()
	require.Equal(t, before, write(t, m))
	require.False(t, stanza.Has[mood](m))
}
