package sm_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/internal/sm"
	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/stanza"
)

var _ sm.Writer = (*stanza.Writer)(nil)

// through writes an element and reads it back.
func through(t *testing.T, e interface{ Write(w sm.Writer) }) (string, stanza.Element) {
	t.Helper()
	var w xmlstream.Writer
	w.Reset(nil, stanza.NS)
	e.Write(&w)
	require.NoError(t, w.Err())
	return string(w.Bytes()), parse(t, string(w.Bytes()))
}

func TestElementsGoThrough(t *testing.T) {
	for _, want := range []sm.Enable{{}, {Resume: true}, {Resume: true, Max: 10 * time.Minute}} {
		_, e := through(t, want)
		got, err := sm.ParseEnable(e)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, want := range []sm.Enabled{{}, {ID: "a'<&\"b", Max: time.Second, Location: "[2001:db8::1]:9222"}} {
		_, e := through(t, want)
		got, err := sm.ParseEnabled(e)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, want := range []sm.Failed{{}, {Condition: stanza.ItemNotFound}, {Condition: stanza.ItemNotFound, Known: true}, {H: 1<<32 - 1, Known: true}} {
		_, e := through(t, want)
		got, err := sm.ParseFailed(e)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	resume := sm.Resume{PrevID: "<&'\">", H: 1<<32 - 1}
	_, e := through(t, resume)
	gotResume, err := sm.ParseResume(e)
	require.NoError(t, err)
	require.Equal(t, resume, gotResume)
	_, e = through(t, sm.Resumed(resume))
	gotResumed, err := sm.ParseResumed(e, resume.PrevID)
	require.NoError(t, err)
	require.Equal(t, sm.Resumed(resume), gotResumed)
}

func TestElementsOnTheWire(t *testing.T) {
	s, _ := through(t, sm.Enable{Resume: true, Max: 90 * time.Second})
	require.Equal(t, `<enable xmlns='urn:xmpp:sm:3' resume='true' max='90'/>`, s)
	s, _ = through(t, sm.Resume{PrevID: "x", H: 7})
	require.Equal(t, `<resume xmlns='urn:xmpp:sm:3' previd='x' h='7'/>`, s)
	require.Equal(t, `<r xmlns='urn:xmpp:sm:3'/>`, sm.Request)
	require.Equal(t, `x<a xmlns='urn:xmpp:sm:3' h='4294967295'/>`, string(sm.AppendAck([]byte("x"), 1<<32-1)))
	h, err := sm.ParseAck(parse(t, string(sm.AppendAck(nil, 42))))
	require.NoError(t, err)
	require.Equal(t, uint32(42), h)
}

func TestHIsStrict(t *testing.T) {
	for h, want := range map[string]int64{
		"0": 0, "7": 7, "007": 7, "4294967295": 1<<32 - 1,
		"": -1, "4294967296": -1, "-1": -1, "+1": -1, " 1": -1, "1 ": -1, "1.0": -1, "0x1": -1, "1e3": -1, "١": -1,
		"00000000001": -1, "18446744073709551617": -1, "99999999999999999999999999": -1,
	} {
		got, err := sm.ParseAck(parse(t, "<a xmlns='urn:xmpp:sm:3' h='"+h+"'/>"))
		if want < 0 {
			require.Error(t, err, h)
			continue
		}
		require.NoError(t, err, h)
		require.Equal(t, uint32(want), got)
	}
	for _, src := range []string{"<a xmlns='urn:xmpp:sm:3'/>", "<a xmlns='urn:xmpp:sm:2' h='1'/>", "<r xmlns='urn:xmpp:sm:3' h='1'/>", "<a xmlns='urn:xmpp:sm:3' xmlns:x='y' x:h='1'/>"} {
		_, err := sm.ParseAck(parse(t, src))
		require.Error(t, err, src)
	}
	_, err := sm.ParseAck(stanza.Element{})
	require.Error(t, err)
}

func TestEnabledIsTolerant(t *testing.T) {
	long := strings.Repeat("x", 16<<10+1)
	for attrs, want := range map[string]sm.Enabled{
		``:                      {},
		`resume='true'`:         {},
		`id='x'`:                {},
		`id='x' resume='false'`: {},
		`id='x' resume='1'`:     {ID: "x"},
		`id='x' resume='true' max='600' xmlns:p='urn:p' p:id='y'`: {ID: "x", Max: 10 * time.Minute},
		`id='x' resume='true' max='soon'`:                         {ID: "x"},
		`id='x' resume='true' max='-5'`:                           {ID: "x"},
		`id='x' resume='true' max='9999999999'`:                   {ID: "x", Max: (1<<31 - 1) * time.Second},
		`id='` + long + `' resume='true'`:                         {},
		`id='x' resume='true' location='` + long + `'`:            {ID: "x"},
		`id='x' resume='true' location='h.example:5222'`:          {ID: "x", Location: "h.example:5222"},
	} {
		got, err := sm.ParseEnabled(parse(t, "<enabled xmlns='urn:xmpp:sm:3' "+attrs+"><more/></enabled>"))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := sm.ParseEnabled(parse(t, "<enabled xmlns='urn:xmpp:carbons:2'/>"))
	require.Error(t, err)
}

func TestFailedIsTolerant(t *testing.T) {
	const ns = "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'"
	for src, want := range map[string]sm.Failed{
		`<failed xmlns='urn:xmpp:sm:3' previd='x' h='5'><item-not-found ` + ns + `/></failed>`:                                {Condition: stanza.ItemNotFound, H: 5, Known: true},
		`<failed xmlns='urn:xmpp:sm:3' h='many'/>`:                                                                            {},
		`<failed xmlns='urn:xmpp:sm:3'><text ` + ns + `>no</text><unexpected-request ` + ns + `/><gone ` + ns + `/></failed>`: {Condition: stanza.UnexpectedRequest},
		`<failed xmlns='urn:xmpp:sm:3'><surprise ` + ns + `/><gone/></failed>`:                                                {},
	} {
		got, err := sm.ParseFailed(parse(t, src))
		require.NoError(t, err)
		require.Equal(t, want, got, src)
	}
	_, err := sm.ParseFailed(parse(t, "<failed xmlns='urn:xmpp:bind:0'/>"))
	require.Error(t, err, "that is Bind 2's")
	require.ErrorContains(t, sm.Failed{Condition: stanza.Gone}, "gone")
	require.ErrorContains(t, sm.Failed{}, "refused")
}

func TestResumptionElementsAreStrict(t *testing.T) {
	for _, attrs := range []string{``, `h='1'`, `previd='x'`, `previd='' h='1'`, `previd='x' h='x'`} {
		_, err := sm.ParseResumed(parse(t, "<resumed xmlns='urn:xmpp:sm:3' "+attrs+"/>"), "x")
		require.Error(t, err, attrs)
		_, err = sm.ParseResume(parse(t, "<resume xmlns='urn:xmpp:sm:3' "+attrs+"/>"))
		require.Error(t, err, attrs)
	}
	_, err := sm.ParseResumed(parse(t, "<failed xmlns='urn:xmpp:sm:3'/>"), "x")
	require.Error(t, err)
	_, err = sm.ParseEnable(parse(t, "<enabled xmlns='urn:xmpp:sm:3'/>"))
	require.Error(t, err)
}
