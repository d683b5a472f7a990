package stanza_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// defaultTypes is the table of RFC 6120 §8.3.3.
var defaultTypes = map[stanza.Condition]stanza.ErrorType{
	"bad-request": "modify", "conflict": "cancel", "feature-not-implemented": "cancel", "forbidden": "auth",
	"gone": "cancel", "internal-server-error": "cancel", "item-not-found": "cancel", "jid-malformed": "modify",
	"not-acceptable": "modify", "not-allowed": "cancel", "not-authorized": "auth", "policy-violation": "modify",
	"recipient-unavailable": "wait", "redirect": "modify", "registration-required": "auth",
	"remote-server-not-found": "cancel", "remote-server-timeout": "wait", "resource-constraint": "wait",
	"service-unavailable": "cancel", "subscription-required": "auth", "undefined-condition": "cancel",
	"unexpected-request": "wait",
}

func TestConditions(t *testing.T) {
	require.Len(t, defaultTypes, 22)
	for c, kind := range defaultTypes {
		require.Equal(t, kind, c.Type(), c)
		m := &stanza.Message{Type: stanza.MessageError, Error: &stanza.Error{Condition: c}}
		got := parseMessage(t, write(t, m)).Error
		require.Equal(t, kind, got.Type, c)
		require.ErrorIs(t, got, c)
		require.ErrorIs(t, fmt.Errorf("asking: %w", got), c)
		require.NotErrorIs(t, got, stanza.Condition("other"))
	}
	require.Empty(t, stanza.Condition("payment-required").Type())
}

func TestErrorFields(t *testing.T) {
	iq := parse(t, `<iq type='error' id='1' from='example.org'><query xmlns='urn:q'/><error type='cancel' by='gate.example'>
		<gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>xmpp:new@example.org</gone>
		<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>moved</text>
		<left xmlns='urn:app'/></error></iq>`).(*stanza.IQ)
	for range 2 {
		e := iq.Error
		require.Equal(t, stanza.ErrorCancel, e.Type)
		require.Equal(t, stanza.Gone, e.Condition)
		require.Equal(t, jid.MustParse("gate.example"), e.By)
		require.Equal(t, "moved", e.Text)
		require.Equal(t, "en", e.Lang)
		require.Equal(t, "xmpp:new@example.org", e.URI)
		require.True(t, e.Application.Is("urn:app", "left"))
		require.EqualError(t, e, `stanza error: gone: "moved"`)
		require.Equal(t, []string{"urn:q"}, childSpaces(iq))
		iq = parse(t, write(t, iq)).(*stanza.IQ)
	}
}

func TestErrorsAreReadLeniently(t *testing.T) {
	const ns = `xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'`
	for inner, want := range map[string]stanza.Error{
		``:         {Type: "cancel", Condition: stanza.UndefinedCondition},
		`<error/>`: {Type: "cancel", Condition: stanza.UndefinedCondition},
		`<error type='wait'><payment-required ` + ns + `/></error>`:                     {Type: "wait", Condition: stanza.UndefinedCondition},
		`<error type='odd' by='@'><x ` + ns + `/></error>`:                              {Type: "odd", Condition: stanza.UndefinedCondition},
		`<error><forbidden ` + ns + `/><gone ` + ns + `/></error>`:                      {Type: "auth", Condition: stanza.Forbidden},
		`<error type='wait'><text ` + ns + `>a</text><text ` + ns + `>b</text></error>`: {Type: "wait", Condition: stanza.UndefinedCondition, Text: "a"},
		`<error type='modify'><forbidden/></error>`:                                     {Type: "modify", Condition: stanza.UndefinedCondition},
	} {
		m := parseMessage(t, `<message type='error'>`+inner+`</message>`)
		require.Equal(t, want, *m.Error, inner)
		require.Equal(t, want, *parseMessage(t, write(t, m)).Error, inner)
	}
}

func TestCheck(t *testing.T) {
	const gone = `<gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>`
	for s, want := range map[string]string{
		`<message/>`: "", `<presence/>`: "", `<iq/>`: "",
		`<message type='error'><error>` + gone + `</error></message>`: "",
		`<message type='error'/>`:                                     "no error element",
		`<presence type='error'><error/></presence>`:                  "no defined condition",
		`<iq type='error'><error by='@'>` + gone + `</error></iq>`:    "attribute by",
		`<presence><priority>128</priority></presence>`:               "priority",
		`<presence><priority/></presence>`:                            "priority",
		`<presence><priority> -128 </priority></presence>`:            "",
	} {
		err := stanza.Check(parse(t, s))
		if want == "" {
			require.NoError(t, err, s)
		} else {
			require.ErrorContains(t, err, want, s)
		}
	}
	require.NoError(t, stanza.Check(nil))
	require.NoError(t, stanza.Check((*stanza.Presence)(nil)))
	require.NoError(t, stanza.Check(&stanza.Message{Type: stanza.MessageError}))
}

func TestPeersTextIsQuotedAndCut(t *testing.T) {
	e := &stanza.Error{Condition: stanza.Gone, Text: "a\nb\x1b" + strings.Repeat("é", 1000)}
	require.NotContains(t, e.Error(), "\n")
	require.NotContains(t, e.Error(), "\x1b")
	require.Less(t, len(e.Error()), 400)
	require.EqualError(t, &stanza.Error{}, "stanza error: undefined-condition")
}

func TestErrorReply(t *testing.T) {
	juliet, romeo := jid.MustParse("juliet@capulet.example/b"), jid.MustParse("romeo@montague.example/o")
	own := &stanza.Error{Type: stanza.ErrorWait, Condition: stanza.NotAllowed, Text: "later"}
	for _, c := range []struct {
		name string
		err  error
		want stanza.Error
	}{
		{"own", own, *own},
		{"wrapped", fmt.Errorf("x: %w", own), *own},
		{"condition", stanza.Forbidden, stanza.Error{Type: "auth", Condition: stanza.Forbidden}},
		{"wrapped condition", fmt.Errorf("secret: %w", stanza.Forbidden), stanza.Error{Type: "auth", Condition: stanza.Forbidden}},
		{"other", errors.New("password of the database is 1234"), stanza.Error{Type: "cancel", Condition: stanza.InternalServerError}},
		{"nil", nil, stanza.Error{Type: "cancel", Condition: stanza.InternalServerError}},
		{"nil pointer", (*stanza.Error)(nil), stanza.Error{Type: "cancel", Condition: stanza.InternalServerError}},
		{"made up", stanza.Condition("no-fun"), stanza.Error{Type: "cancel", Condition: stanza.InternalServerError}},
		{"made up in Error", &stanza.Error{Condition: "no-fun", Text: "t"}, stanza.Error{Condition: stanza.UndefinedCondition, Text: "t"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			iq := &stanza.IQ{ID: "1", From: romeo, To: juliet, Lang: "en", Type: stanza.IQGet}
			reply := stanza.ErrorReply(iq, c.err).(*stanza.IQ)
			require.Equal(t, stanza.Head{ID: "1", From: juliet, To: romeo, Type: "error", Lang: "en"}, reply.Head())
			require.Equal(t, c.want, *reply.Error)
			require.NotSame(t, own, reply.Error)
			require.NotContains(t, write(t, reply), "1234")
			require.Nil(t, stanza.ErrorReply(reply, c.err), "an error is never answered")
		})
	}
	require.Equal(t, stanza.KindMessage, stanza.ErrorReply(&stanza.Message{}, own).Kind())
	require.Equal(t, stanza.KindPresence, stanza.ErrorReply(&stanza.Presence{}, own).Kind())
	for _, s := range []stanza.Stanza{
		nil, (*stanza.Message)(nil), (*stanza.Presence)(nil), (*stanza.IQ)(nil),
		&stanza.Message{Type: "error"}, &stanza.Presence{Type: "error"}, &stanza.IQ{Type: "error"}, &stanza.IQ{Type: "result"},
	} {
		require.Nil(t, stanza.ErrorReply(s, own))
	}
	require.Equal(t, stanza.Head{ID: "1", From: juliet, To: romeo, Type: "result", Lang: "en"},
		stanza.Reply(&stanza.IQ{ID: "1", From: romeo, To: juliet, Lang: "en", Type: "get"}).Head())
}

func TestEchoedAttributesAreEscaped(t *testing.T) { // S100
	const id = `x'/><message to='v'/>"&<>` + "\t\n\r"
	iq := &stanza.IQ{ID: id, From: jid.MustParse(`a@b.example/c'd"<e>&`), Lang: `e'n"><x/>`, Type: stanza.IQGet}
	reply := stanza.ErrorReply(iq, stanza.ServiceUnavailable)
	back := parse(t, write(t, reply)) // exactly one element, or parse fails
	require.Equal(t, reply.Head(), back.Head())
	require.Equal(t, id, back.Head().ID)
}

func TestStreamError(t *testing.T) {
	e, err := stanza.Parse(`<stream:error xmlns:stream='http://etherx.jabber.org/streams'><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'> [2001:db8::1]:5222
		</see-other-host><text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>away</text><x xmlns='urn:app'/></stream:error>`)
	require.NoError(t, err)
	for range 2 {
		se := stanza.StreamErrorFrom(e)
		require.ErrorIs(t, se, stanza.StreamSeeOtherHost)
		require.NotErrorIs(t, se, stanza.StreamConflict)
		require.NotErrorIs(t, se, stanza.Condition("see-other-host"))
		require.Equal(t, "[2001:db8::1]:5222", se.Host)
		require.Equal(t, "away", se.Text)
		require.Equal(t, "en", se.Lang)
		require.True(t, se.Application.Is("urn:app", "x"))
		require.EqualError(t, se, `stream error: see-other-host: "away"`)
		e, err = stanza.Marshal(se)
		require.NoError(t, err)
	}
	unknown, err := stanza.Parse(`<error xmlns='http://etherx.jabber.org/streams'><odd xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></error>`)
	require.NoError(t, err)
	require.Equal(t, stanza.StreamUndefinedCondition, stanza.StreamErrorFrom(unknown).Condition)
	require.Equal(t, stanza.StreamUndefinedCondition, stanza.StreamErrorFrom(stanza.Element{}).Condition)
	_, err = stanza.Marshal(&stanza.StreamError{Condition: "odd"})
	require.ErrorContains(t, err, "odd")
	_, err = stanza.Marshal(&stanza.StreamError{})
	require.NoError(t, err)
}

func TestAllStreamConditions(t *testing.T) {
	for _, c := range strings.Fields(`bad-format bad-namespace-prefix conflict connection-timeout host-gone host-unknown
		improper-addressing internal-server-error invalid-from invalid-namespace invalid-xml not-authorized not-well-formed
		policy-violation remote-connection-failed reset resource-constraint restricted-xml see-other-host system-shutdown
		undefined-condition unsupported-encoding unsupported-feature unsupported-stanza-type unsupported-version`) {
		e, err := stanza.Marshal(&stanza.StreamError{Condition: stanza.StreamCondition(c)})
		require.NoError(t, err)
		require.ErrorIs(t, stanza.StreamErrorFrom(e), stanza.StreamCondition(c))
	}
}
