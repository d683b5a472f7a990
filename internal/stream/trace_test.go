package stream

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/internal/xmlstream"
)

const canary = "c4n4ry"

func TestTraceBlanksSecrets(t *testing.T) {
	for _, s := range []string{
		"<auth xmlns='" + NSSASL + "' mechanism='PLAIN'>c4n4ry</auth>",
		"<response xmlns='" + NSSASL + "'>c4n4ry</response>",
		"<challenge xmlns='" + NSSASL + "'>c4n4ry</challenge>",
		"<success xmlns='urn:xmpp:sasl:2'><additional-data>c4n4ry</additional-data><token xmlns='urn:xmpp:fast:0' token='c4n4ry'/></success>",
		"<authenticate xmlns='urn:xmpp:sasl:2'><initial-response>c4n4ry</initial-response></authenticate>",
		"<response xmlns='urn:xmpp:sasl:2'>c4n4ry</response>",
		"<challenge xmlns='urn:xmpp:sasl:2'>c4n4ry</challenge>",
		"<authenticate xmlns='urn:xmpp:sasl:2'><user-agent id='c4n4ry'/><resume xmlns='urn:xmpp:sm:3' previd='c4n4ry' h='1'/></authenticate>",
		"<success xmlns='urn:xmpp:sasl:2'><bound xmlns='urn:xmpp:bind:0'><enabled xmlns='urn:xmpp:sm:3' id='c4n4ry'/></bound></success>",
		"<resume xmlns='urn:xmpp:sm:3' previd='c4n4ry' h='1'/>",
		"<enabled xmlns='urn:xmpp:sm:3' id='c4n4ry'/>",
		"<iq xmlns='jabber:client' type='result' id='1'><slot xmlns='urn:xmpp:http:upload:0'><put url='https://x'><header name='Authorization'>c4n4ry</header></put></slot></iq>",
		"<iq xmlns='jabber:client' type='set' id='1'><query xmlns='jabber:iq:register'><username>u</username><password>c4n4ry</password></query></iq>",
	} {
		var got string
		tr := &Tracer{Hook: func(out bool, data []byte) { got = string(data) }}
		tr.out(s)
		require.NotContains(t, got, canary)
		require.Contains(t, got, blank)
		deep := strings.Repeat("<x>", 100) + s + strings.Repeat("</x>", 100) // more than anybody may send us
		got = ""
		tr.out(deep)
		require.NotContains(t, got, canary)
		e, err := xmlstream.Parse(s, xmlstream.Limits{})
		require.NoError(t, err)
		got = ""
		tr.in(e)
		require.NotContains(t, got, canary)
		require.Contains(t, got, blank)
	}
}

func TestTraceShowsTheRest(t *testing.T) {
	var got strings.Builder
	tr := &Tracer{Hook: func(out bool, data []byte) { got.Write(data) }}
	tr.out("<message to='a@b'><body>hello</body></message>")
	tr.out("<?xml version='1.0'?><stream:stream>")
	require.Contains(t, got.String(), "hello")
	require.Contains(t, got.String(), "<stream:stream>")
	require.NotContains(t, got.String(), "xmlns=''")
	(*Tracer)(nil).out("nothing happens")
}
