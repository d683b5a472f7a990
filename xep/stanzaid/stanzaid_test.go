package stanzaid_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/stanzaid"
	"github.com/gosmack/xmpp/xmpptest"
)

var samples = []any{
	stanzaid.StanzaID{ID: "5f3dbc5e", By: jid.MustParse("room@muc.example")},
	stanzaid.OriginID{ID: "de305d54"},
}

func TestRoundTrip(t *testing.T) { xmpptest.RoundTrip(t, samples...) }

func FuzzPayloads(f *testing.F) { xmpptest.FuzzRoundTrip(f, samples...) }

func message(t *testing.T, typ, payloads string) *stanza.Message {
	t.Helper()
	e, err := stanza.Parse(`<message xmlns="jabber:client" from="room@muc.example/nick" type="` + typ + `"><body>b</body>` + payloads + `</message>`)
	require.NoError(t, err)
	s, err := stanza.FromElement(e)
	require.NoError(t, err)
	return s.(*stanza.Message)
}

func id(id, by string) string {
	return `<stanza-id xmlns="urn:xmpp:sid:0" id="` + id + `" by="` + by + `"/>`
}

// S133: an ID counts only if it is by who may give it, and if that one takes away
// those that others forge.
func TestTrusted(t *testing.T) {
	const own, room = "romeo@montague.example", "room@muc.example"
	long := strings.Repeat("x", 1025)
	for name, test := range map[string]struct {
		typ, payloads string
		announced     string
		want          string
		err           error
	}{
		"by our account":            {"chat", id("1", own), own, "1", nil},
		"prepared":                  {"chat", id("1", "ROMEO@montague.EXAMPLE"), own, "1", nil},
		"by the room":               {"groupchat", id("1", room), room, "1", nil},
		"among others":              {"chat", id("0", "x.example") + id("1", own) + id("2", room), own, "1", nil},
		"others twice":              {"chat", id("0", room) + id("1", own) + id("2", room), own, "1", nil},
		"no type":                   {"", id("1", own), own, "1", nil},
		"foreign":                   {"chat", id("1", "juliet@capulet.example"), own, "", stanza.ErrAbsent},
		"by our full address":       {"chat", id("1", own+"/x"), own, "", stanza.ErrAbsent},
		"by our server":             {"chat", id("1", "montague.example"), own, "", stanza.ErrAbsent},
		"by the room, but no room":  {"chat", id("1", room), room, "", stanza.ErrAbsent},
		"by our account in a room":  {"groupchat", id("1", own), own, "", stanza.ErrAbsent},
		"by the occupant":           {"groupchat", id("1", room+"/nick"), room, "", stanza.ErrAbsent},
		"none":                      {"chat", "", own, "", stanza.ErrAbsent},
		"origin":                    {"chat", `<origin-id xmlns="urn:xmpp:sid:0" id="1" by="` + own + `"/>`, own, "", stanza.ErrAbsent},
		"another namespace":         {"chat", `<stanza-id xmlns="urn:xmpp:sid:1" id="1" by="` + own + `"/>`, own, "", stanza.ErrAbsent},
		"not announced":             {"chat", id("1", own), "", "", stanzaid.ErrNotAnnounced},
		"announced by another":      {"chat", id("1", own), room, "", stanzaid.ErrNotAnnounced},
		"room without the feature":  {"groupchat", id("1", room), own, "", stanzaid.ErrNotAnnounced},
		"twice":                     {"chat", id("1", own) + id("2", own), own, "", stanzaid.ErrAmbiguous},
		"twice the same":            {"chat", id("1", own) + id("1", own), own, "", stanzaid.ErrAmbiguous},
		"twice, one without an ID":  {"chat", id("1", own) + id("", own), own, "", stanzaid.ErrAmbiguous},
		"without an ID":             {"chat", id("", own), own, "", stanza.ErrAbsent},
		"too long":                  {"chat", id(long, own), own, "", stanza.ErrAbsent},
		"no address":                {"chat", id("1", "@"), own, "", stanza.ErrAbsent},
		"an error echoes a message": {"error", id("1", own), own, "", stanza.ErrAbsent},
	} {
		t.Run(name, func(t *testing.T) {
			announces := func(j jid.JID) bool { return j.String() == test.announced }
			got, err := stanzaid.Trusted(message(t, test.typ, test.payloads), jid.MustParse(own+"/orchard"), announces)
			require.ErrorIs(t, err, test.err)
			require.Equal(t, test.want, got.ID)
			if err == nil {
				require.Equal(t, test.announced, got.By.String())
			}
		})
	}
}

func TestNobodyAnnouncesByDefault(t *testing.T) {
	m := message(t, "chat", id("1", "romeo@montague.example"))
	_, err := stanzaid.Trusted(m, jid.MustParse("romeo@montague.example"), nil)
	require.ErrorIs(t, err, stanzaid.ErrNotAnnounced)
	_, err = stanzaid.Trusted(m, jid.JID{}, func(jid.JID) bool { return true })
	require.ErrorIs(t, err, stanza.ErrAbsent)
}

func TestWhatCannotBeWritten(t *testing.T) {
	by := jid.MustParse("a.example")
	for _, v := range []any{
		stanzaid.StanzaID{}, stanzaid.StanzaID{ID: "1"}, stanzaid.StanzaID{By: by}, stanzaid.OriginID{},
		stanzaid.StanzaID{ID: strings.Repeat("x", 1025), By: by}, stanzaid.OriginID{ID: strings.Repeat("x", 1025)},
	} {
		_, err := stanza.Marshal(v)
		require.ErrorContains(t, err, "-id: ", "%v", v)
	}
}
