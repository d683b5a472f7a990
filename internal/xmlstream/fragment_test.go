package xmlstream_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/stretchr/testify/require"
)

// corpus is every case of the tables as a stream of its own.
func corpus() (all []string) {
	for _, c := range good {
		all = append(all, header+" "+c.in+"\n"+footer)
	}
	for _, c := range bad {
		all = append(all, header+c.in+footer)
	}
	return append(all, header+strings.Join(mix[:], "")+footer,
		"\uFEFF<?xml version='1.0'?>\n<a><b/></a>", "\uFEFF\uFEFF<a/>", "<?xml version='1.1'?><a/>", "<?xmlx?>", "<a>")
}

func TestFragmentation(t *testing.T) { // S092
	rng := rand.New(rand.NewPCG(1, 2))
	for _, in := range corpus() {
		lines, err := read(strings.NewReader(in), xmlstream.Limits{})
		same := func(cuts []int) {
			t.Helper()
			l, e := read(&chunks{data: in, cuts: cuts}, xmlstream.Limits{})
			if e.Error() != err.Error() || strings.Join(l, "\n") != strings.Join(lines, "\n") {
				t.Fatalf("%q\ncut at %v: %v %v\nwhole: %v %v", in, cuts, l, e, lines, err)
			}
		}
		for i := 1; i < len(in); i++ {
			same([]int{i})
		}
		same(every(len(in), 1))
		same(every(len(in), 2))
		for range 30 {
			var cuts []int
			for i := 1; i < len(in); i++ {
				if rng.IntN(10) == 0 {
					cuts = append(cuts, i)
				}
			}
			same(cuts)
		}
	}
}

// TestLinear counts on the time limit of the test run: one of these would take
// minutes if bytes were looked at again for each that comes.
func TestLinear(t *testing.T) {
	const n = 2 << 20
	lim := xmlstream.Limits{StartTagBytes: 2 * n}
	for name, in := range map[string]string{
		"text":       "<a>" + strings.Repeat("x", n) + "</a>",
		"CDATA":      "<a><![CDATA[" + strings.Repeat("]", n) + "]]></a>",
		"value":      "<a b='" + strings.Repeat("&lt;", n/4) + "'/>",
		"blanks":     "<a" + strings.Repeat(" ", n) + "/>",
		"attributes": "<a b='" + strings.Repeat("\r", n) + "'/>",
		"prefixes":   "<a xmlns:p='p'>" + strings.Repeat("<p:b p:c='d'/>", 50_000) + "</a>",
	} {
		t.Run(name, func(t *testing.T) {
			in := header + in + footer
			lines, err := read(&chunks{data: in, cuts: every(len(in), 1)}, lim)
			require.EqualError(t, err, "EOF")
			require.Len(t, lines, 2)
		})
	}
}

var mix = [...]string{
	`<message from='juliet@capulet.lit/balcony' to='romeo@montague.lit/orchard' id='ktx72v49' type='chat' xml:lang='en'><body>Art thou not Romeo, and a Montague? Neither, fair saint, if either thee dislike. How cam'st thou hither, tell me, and wherefore?</body><thread>e0ffe42b28561960c6b12b944a092794b9683a38</thread><active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/><origin-id xmlns='urn:xmpp:sid:0' id='de305d54-75b4-431b-adb2-eb6b9e546013'/><stanza-id xmlns='urn:xmpp:sid:0' id='28482-98726-73623' by='romeo@montague.lit'/></message>`,
	`<presence from='juliet@capulet.lit/balcony' to='romeo@montague.lit/orchard' id='p1'><show>away</show><status>be right back, the nurse is calling &amp; my lady mother waits</status><priority>5</priority><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://capulet.example/client' ver='QgayPKawpkPSDYmwT/WM94uAlu0='/><x xmlns='vcard-temp:x:update'><photo>01b87fcd030b72895ff8e88db57ec525450f000d</photo></x><idle xmlns='urn:xmpp:idle:1' since='2026-01-01T12:00:00Z'/></presence>`,
	`<iq from='montague.lit' to='romeo@montague.lit/orchard' id='disco-7f3a' type='result'><query xmlns='http://jabber.org/protocol/disco#info' node='https://capulet.example/client'><identity category='server' type='im' name='Montague'/><feature var='http://jabber.org/protocol/disco#info'/><feature var='urn:xmpp:mam:2'/><feature var='urn:xmpp:carbons:2'/><feature var='urn:xmpp:ping'/><feature var='vcard-temp'/><feature var='urn:xmpp:blocking'/></query></iq>`,
	`<message to='romeo@montague.lit/orchard' from='romeo@montague.lit'><result xmlns='urn:xmpp:mam:2' queryid='f27' id='28482-98726-73623'><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2026-07-10T23:08:25Z'/><message xmlns='jabber:client' to='juliet@capulet.lit/balcony' from='romeo@montague.lit/orchard' type='chat' id='8a54s'><body>Call me but love, and I'll be new baptized; henceforth I never will be Romeo.</body></message></forwarded></result></message>`,
}
