package stream

import (
	"bytes"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/internal/sm"
	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// FuzzFeatures: what is remembered of a server is the text of its features, so that must say the same when it is read again. Nothing that a
// server lists is kept without a bound (S032).
func FuzzFeatures(f *testing.F) {
	f.Add("<stream:features xmlns:stream='http://etherx.jabber.org/streams'><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-1</mechanism></mechanisms></stream:features>")
	f.Add("<stream:features xmlns:stream='http://etherx.jabber.org/streams'><authentication xmlns='urn:xmpp:sasl:2'><mechanism>PLAIN</mechanism><inline><fast xmlns='urn:xmpp:fast:0'><mechanism>HT-SHA-256-NONE</mechanism></fast><sm xmlns='urn:xmpp:sm:3'/><bind xmlns='urn:xmpp:bind:0'><inline><feature var='urn:xmpp:csi:0'/></inline></bind></inline></authentication></stream:features>")
	f.Add("<features xmlns='http://etherx.jabber.org/streams'><sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/></sasl-channel-binding><limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>10000</max-bytes><idle-seconds>-1</idle-seconds></limits><session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session></features>")
	many := func(s string) string { return strings.Repeat(s, 2*maxOffered) }
	f.Add("<features xmlns='http://etherx.jabber.org/streams'><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" + many("<mechanism>X</mechanism>") + "</mechanisms><sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>" +
		many("<channel-binding type='x'/>") + "</sasl-channel-binding><authentication xmlns='urn:xmpp:sasl:2'>" + many("<mechanism>X</mechanism>") + "<inline><fast xmlns='urn:xmpp:fast:0'>" + many("<mechanism>X</mechanism>") +
		"</fast><bind xmlns='urn:xmpp:bind:0'><inline>" + many("<feature var='x'/>") + "</inline></bind></inline></authentication></features>")
	f.Fuzz(func(t *testing.T, s string) {
		e, err := stanza.Parse(s)
		if err != nil {
			return
		}
		first := ParseFeatures(e)
		again, err := stanza.Parse(e.String())
		require.NoError(t, err)
		second := ParseFeatures(again)
		require.Equal(t, first.Element.String(), second.Element.String())
		require.Equal(t, first.Manages(), second.Manages())
		for _, list := range [][]string{first.Mechanisms, first.Bindings, first.SASL2.Mechanisms, first.SASL2.Tokens, first.SASL2.Inline} {
			require.LessOrEqual(t, len(list), maxOffered)
		}
		require.GreaterOrEqual(t, min(first.MaxBytes, first.IdleSeconds), 0)
		first.Element, second.Element = stanza.Element{}, stanza.Element{}
		require.Equal(t, first, second)
	})
}

// FuzzTrace: of what is traced every secret's place is blank, and the rest is as it was.
func FuzzTrace(f *testing.F) {
	f.Add("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGE=</auth>")
	f.Add("<success xmlns='urn:xmpp:sasl:2'><additional-data>dj1h</additional-data><token xmlns='urn:xmpp:fast:0' token='t'/><bound xmlns='urn:xmpp:bind:0'><enabled xmlns='urn:xmpp:sm:3' id='i' resume='1'/></bound></success>")
	f.Add("<x:success xmlns:x='urn:xmpp:sasl:2'><x:a xmlns:y='urn:y' y:token='t' previd='p'><![CDATA[z]]></x:a>s</x:success>")
	f.Add("<user-agent id='x'><id token=''/></user-agent>")
	f.Fuzz(func(t *testing.T, s string) {
		e, err := xmlstream.Parse(s, xmlstream.Limits{})
		if err != nil {
			return
		}
		var in, out []byte
		(&Tracer{Hook: func(_ bool, data []byte) { in = data }}).in(e)
		(&Tracer{Hook: func(_ bool, data []byte) { out = data }}).out(s)
		for _, traced := range [][]byte{in, out} {
			shown, err := xmlstream.Parse("<stream xmlns='jabber:client'>"+string(traced)+"</stream>", xmlstream.Limits{StanzaBytes: 1 << 30, StartTagBytes: 1 << 30, Attributes: 1000, Depth: 65, Elements: 1 << 20})
			require.NoError(t, err)
			for c := range shown.Children() {
				shows(t, e, c)
			}
		}
	})
}

// shows compares an element with what is traced of it.
func shows(t *testing.T, e, traced xmlstream.Element) {
	t.Helper()
	require.Equal(t, e.Local(), traced.Local())
	for n, v := range e.Attrs() {
		hidden := n.Local == "previd" || n.Local == "token" || n.Local == "id" && (e.Local() == "enabled" || e.Local() == "user-agent")
		want := v
		if hidden {
			want = blank
		}
		found := false
		for m, got := range traced.Attrs() {
			if m == n {
				found = true
				require.Equal(t, want, got)
			}
		}
		require.True(t, found)
	}
	var theirs []xmlstream.Element
	for c := range traced.Children() {
		theirs = append(theirs, c)
	}
	i := 0
	for c := range e.Children() {
		require.Less(t, i, len(theirs))
		shows(t, c, theirs[i])
		i++
	}
	require.Len(t, theirs, i)
	if secret[e.Local()] {
		require.Empty(t, strings.ReplaceAll(traced.Text(), blank, ""))
	} else {
		require.Equal(t, e.Text(), traced.Text())
	}
}

// A played server has said all that it will ever say.
type played struct {
	net.Conn
	said  *strings.Reader
	heard bytes.Buffer
}

func (p *played) Read(b []byte) (int, error)       { return p.said.Read(b) }
func (p *played) Write(b []byte) (int, error)      { return p.heard.Write(b) }
func (*played) Close() error                       { return nil }
func (*played) SetDeadline(time.Time) error        { return nil }
func (*played) SetReadDeadline(t time.Time) error  { return nil }
func (*played) SetWriteDeadline(t time.Time) error { return nil }

// A stubborn exchange ends well only with one word.
type stubborn struct{}

const rightWord = "right"

var errWord = errors.New("another word")

func (stubborn) Next([]byte) ([]byte, error) { return []byte("first"), nil }
func (stubborn) Finish(additional []byte) error {
	if string(additional) != rightWord {
		return errWord
	}
	return nil
}

// FuzzNegotiation: a stream is opened, an attempt made and a session asked for against a server that says anything. It ends well only with the right
// word for the right account, after a header and features, and behind a fault nothing is said but which one it is.
func FuzzNegotiation(f *testing.F) {
	const head = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0' from='b' id='1'><stream:features><authentication xmlns='urn:xmpp:sasl:2'><mechanism>X</mechanism></authentication></stream:features>"
	const good = "<success xmlns='urn:xmpp:sasl:2'><additional-data>cmlnaHQ=</additional-data><authorization-identifier>a@b</authorization-identifier></success>"
	f.Add(head + good + "<stream:features/><resumed xmlns='urn:xmpp:sm:3' previd='p' h='1'/>")
	f.Add(head + good + "<failed xmlns='urn:xmpp:sm:3' h='1'/>")
	f.Add(head + "<challenge xmlns='urn:xmpp:sasl:2'>eA==</challenge>" + strings.Replace(good, "a@b", "c@b", 1))
	f.Add(head + "<failure xmlns='urn:xmpp:sasl:2'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>")
	f.Add(head + "<continue xmlns='urn:xmpp:sasl:2'><tasks><task>T</task></tasks></continue>")
	f.Add("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'><stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>[::1]:5222</see-other-host></stream:error></stream:stream>")
	long := "<" + strings.Repeat("x", 20_000) + "/>"
	f.Add(strings.Split(head, "<stream:features>")[0] + long)
	f.Add(head + long)
	f.Fuzz(func(t *testing.T, said string) {
		conn := &played{said: strings.NewReader(said)}
		tr := NewTransport(conn, &Config{Domain: jid.MustParse("b")})
		begun := tr.Open(t.Context(), jid.MustParse("a@b"))
		if begun != nil {
			heard := conn.heard.String()
			_, behind, _ := strings.Cut(heard[len("<?xml version='1.0'?>"):], ">")
			require.True(t, behind == "" || strings.HasPrefix(behind, "<stream:error>"), behind)
			require.LessOrEqual(t, len(begun.Error()), 1000, "errors don't repeat what a peer sent")
			return
		}
		require.Contains(t, said, "features")
		before := conn.heard.Len()
		s, err := tr.Authenticate2(t.Context(), &Attempt{Account: jid.MustParse("a@b"), Mechanism: "X", Exchange: stubborn{}, Agent: "agent", Resume: &sm.Resume{PrevID: "p"}})
		if err != nil {
			require.LessOrEqual(t, len(err.Error()), 1000)
			require.Nil(t, s)
			require.NotContains(t, conn.heard.String()[before:], "<iq")
			require.NotContains(t, conn.heard.String()[before:], "<message")
			return
		}
		require.Equal(t, "a@b", s.User.Bare().String())
		data, err := decode2(s.element.Child(NSSASL2, "additional-data").Text())
		require.NoError(t, err)
		require.Equal(t, rightWord, string(data))
		if _, err := s.Resumed("p"); err == nil {
			require.Contains(t, said, "resumed")
		}
		secret, _ := s.Token()
		require.True(t, secret == "" || strings.Contains(said, "token"))
		if _, err := tr.Resume(t.Context(), "p", 0); err == nil {
			require.Contains(t, said, "previd")
		}
	})
}
