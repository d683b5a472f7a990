package sm_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/internal/sm"
	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/stanza"
)

// FuzzNonzas: whatever a server sends as one of XEP-0198's elements, what is read of it is what would be written, and nothing
// that has another name or namespace is taken for one.
func FuzzNonzas(f *testing.F) {
	for _, s := range []string{
		"<a xmlns='urn:xmpp:sm:3' h='4294967295'/>", "<a xmlns='urn:xmpp:sm:3' h='-1'/>", "<a xmlns='urn:xmpp:sm:2' h='1'/>",
		"<enable xmlns='urn:xmpp:sm:3' resume='1' max='9'/>", "<enabled xmlns='urn:xmpp:sm:3' id='x' resume='true' max='600' location='h:1'/>",
		"<enabled xmlns='urn:xmpp:sm:3' id='x'/>", "<resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>", "<resumed xmlns='urn:xmpp:sm:3' previd='x' h='00000000001'/>",
		"<failed xmlns='urn:xmpp:sm:3' h='3'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := stanza.Parse(s)
		if err != nil {
			return
		}
		read := 0
		if h, err := sm.ParseAck(e); err == nil {
			read++
			again, err := sm.ParseAck(parse(t, string(sm.AppendAck(nil, h))))
			require.NoError(t, err)
			require.Equal(t, h, again)
		}
		read += fixpoint(t, e, sm.ParseEnable)
		read += fixpoint(t, e, sm.ParseEnabled)
		read += fixpoint(t, e, sm.ParseResume)
		read += fixpoint(t, e, func(e stanza.Element) (sm.Resumed, error) { return sm.ParseResumed(e, e.Attr("previd")) })
		read += fixpoint(t, e, sm.ParseFailed)
		require.LessOrEqual(t, read, 1)
		require.True(t, read == 0 || e.Space() == sm.NS)
		if x, err := sm.ParseEnabled(e); err == nil {
			require.LessOrEqual(t, len(x.ID)+len(x.Location), 32<<10)
			require.True(t, x.Max >= 0 && x.Max <= 100*365*24*time.Hour)
			require.True(t, x.ID == "" || e.Attr("resume") == "true" || e.Attr("resume") == "1")
		}
		_, err = sm.ParseResumed(e, "ours")
		require.True(t, err != nil || e.Attr("previd") == "ours")
		if sm.Counts(e) {
			require.Equal(t, stanza.NS, e.Space())
		}
	})
}

// fixpoint counts 1 if e is what read reads: then it is written as what is read as the same.
func fixpoint[T interface {
	comparable
	Write(w sm.Writer)
}](t *testing.T, e stanza.Element, read func(stanza.Element) (T, error)) int {
	t.Helper()
	v, err := read(e)
	if err != nil {
		return 0
	}
	var w xmlstream.Writer
	w.Reset(nil, stanza.NS)
	v.Write(&w)
	require.NoError(t, w.Err())
	again, err := read(parse(t, string(w.Bytes())))
	require.NoError(t, err)
	require.Equal(t, v, again)
	return 1
}
