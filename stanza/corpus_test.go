package stanza_test

import (
	"bufio"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// corpus has each part that the package reads at least once.
var corpus = []string{
	`<message from='romeo@montague.example/orchard' to='juliet@capulet.example' id='1' type='chat' xml:lang='en'><subject>s</subject><subject xml:lang='de'>S</subject><body>b</body><body xml:lang='de'>B</body><thread parent='p'>t</thread><mood xmlns='https://example.org/mood' colour='blue'><depth>3</depth></mood><delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/></message>`,
	`<message type='error' id='2' from='example.org'><body>b</body><error type='cancel' by='gate.example'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>xmpp:a@b</gone><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>t</text><app xmlns='urn:app'/></error></message>`,
	`<presence from='romeo@montague.example/orchard' id='3' xml:lang='en'><show>away</show><status>s</status><status xml:lang='de'>S</status><priority>5</priority><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/></presence>`,
	`<presence type='error' from='room@conf.example/nick'><x xmlns='http://jabber.org/protocol/muc'/><error type='auth'><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>`,
	`<iq type='result' id='4' from='a@b.example' to='a@b.example/c'><query xmlns='jabber:iq:roster' ver='v'><item jid='x@y.example' subscription='both'><group>g</group></item></query></iq>`,
	`<iq type='error' id='5'><query xmlns='urn:q'/><error type='wait'><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
}

// exercise does all a receiver may do; none of it may panic.
func exercise(t testing.TB, e stanza.Element) {
	s, err := stanza.FromElement(e)
	if err != nil {
		return
	}
	_ = stanza.Check(s)
	for range s.Payloads() {
	}
	_, _ = stanza.Payload[mood](s)
	_, _ = stanza.Payload[delay](s)
	stanza.ErrorReply(s, stanza.BadRequest)
	switch s := s.(type) {
	case *stanza.Message:
		s.BodyFor("de")
		if s.Error != nil {
			_ = s.Error.Error()
		}
		require.Equal(t, s, s.Clone())
	case *stanza.Presence:
		s.StatusFor("de")
		require.Equal(t, s, s.Clone())
	case *stanza.IQ:
		s.Payload()
		require.Equal(t, s, s.Clone())
	}
	out, err := stanza.Append(nil, s)
	if err != nil {
		require.Equal(t, stanza.KindIQ, s.Kind(), "only an iq out of shape can be received and not be written: %v", err)
		return
	}
	around, err := stanza.Parse(`<s xmlns="jabber:client">` + string(out) + `</s>`)
	require.NoError(t, err, "%s", out)
	again, err := stanza.FromElement(around.First())
	require.NoError(t, err, "%s", out)
	requireSame(t, s, again)
	twice, err := stanza.Append(nil, again)
	require.NoError(t, err)
	require.Equal(t, string(out), string(twice))
}

func requireSame(t testing.TB, want, got stanza.Stanza) {
	t.Helper()
	wantHead := want.Head()
	require.Equal(t, wantHead, got.Head())
	require.Equal(t, payloadStrings(want), payloadStrings(got))
	switch w := want.(type) {
	case *stanza.Message:
		g := got.(*stanza.Message)
		require.Equal(t, []any{w.Body, w.Subject, w.Bodies, w.Subjects, w.Thread, w.ParentThread}, []any{g.Body, g.Subject, g.Bodies, g.Subjects, g.Thread, g.ParentThread})
		requireSameError(t, w.Error, g.Error)
	case *stanza.Presence:
		g := got.(*stanza.Presence)
		require.Equal(t, []any{w.Show, w.Status, w.Statuses, w.Priority}, []any{g.Show, g.Status, g.Statuses, g.Priority})
		requireSameError(t, w.Error, g.Error)
	case *stanza.IQ:
		requireSameError(t, w.Error, got.(*stanza.IQ).Error)
	}
}

func requireSameError(t testing.TB, want, got *stanza.Error) {
	t.Helper()
	if want == nil || got == nil {
		require.Equal(t, want, got)
		return
	}
	w, g := *want, *got
	require.Equal(t, w.Application.String(), g.Application.String())
	w.Application, g.Application = stanza.Element{}, stanza.Element{}
	require.Equal(t, w, g)
}

func payloadStrings(s stanza.Stanza) (all []string) {
	for p := range s.Payloads() {
		all = append(all, p.String())
	}
	return all
}

// node is a tree to cut parts from.
type node struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Text    string     `xml:",chardata"`
	Nodes   []*node    `xml:",any"`
}

// cuts calls f with the tree after each possible deletion of one attribute,
// text or child, however deep.
func cuts(root, n *node, f func()) {
	for i := range n.Attrs {
		whole := n.Attrs
		n.Attrs = slices.Delete(slices.Clone(whole), i, i+1)
		f()
		n.Attrs = whole
	}
	if text := n.Text; text != "" {
		n.Text = ""
		f()
		n.Text = text
	}
	for i, c := range n.Nodes {
		whole := n.Nodes
		n.Nodes = slices.Delete(slices.Clone(whole), i, i+1)
		f()
		n.Nodes = append(slices.Clone(whole), c) // and twice
		f()
		n.Nodes = whole
		cuts(root, c, f)
	}
}

func TestMissingParts(t *testing.T) { // S096
	n := 0
	for _, s := range corpus {
		var root node
		require.NoError(t, xml.Unmarshal([]byte(`<s xmlns="jabber:client">`+s+`</s>`), &root))
		top := root.Nodes[0]
		cuts(top, top, func() {
			e, err := stanza.Marshal(top)
			require.NoError(t, err)
			exercise(t, e)
			n++
		})
		e, err := stanza.Marshal(top)
		require.NoError(t, err)
		exercise(t, e)
	}
	require.Greater(t, n, 100)
}

func FuzzStanza(f *testing.F) {
	for _, s := range corpus {
		f.Add(s)
	}
	f.Add(`<message><body/><body xml:lang=''>a</body><body>b</body><thread/><thread parent='x'>y</thread></message>`)
	f.Add(`<message xmlns:a='urn:a' a:b='c' xml:space='preserve'><a:x a:y=''/></message>`)
	f.Fuzz(func(t *testing.T, s string) {
		e, err := stanza.Parse(`<s xmlns="jabber:client">` + s + `</s>`)
		if err != nil {
			return
		}
		for c := range e.Children() {
			exercise(t, c)
		}
	})
}

func FuzzWrite(f *testing.F) {
	f.Add("id", "body", "en", "urn:x", "name", "value")
	f.Add("'\"<&>", "]]>\r\n\t", "", "", "a><b", "\x00")
	f.Add("\xff", "\uFFFD", "x", "http://www.w3.org/XML/1998/namespace", "xmlns", "&#0;")
	f.Fuzz(func(t *testing.T, id, body, lang, space, local, value string) {
		m := &stanza.Message{ID: id, Body: body, Bodies: []stanza.Text{{Lang: lang + "-x", Value: value}}, Thread: value}
		stanza.Add(m, mood{Colour: value})
		stanza.Add(m, badCodec(func(w *stanza.Writer) error {
			w.Start(space, local)
			w.AttrNS(space, local, value)
			w.Text(value)
			w.End()
			return nil
		}))
		out, err := stanza.Append(nil, m)
		if err != nil {
			require.Empty(t, out)
			return
		}
		got := parseMessage(t, string(out))
		require.Equal(t, id, got.ID)
		require.Equal(t, body, got.Body)
		require.Equal(t, value, got.Thread)
		blue, err := stanza.Payload[mood](got)
		require.NoError(t, err)
		require.Equal(t, value, blue.Colour)
		e := slices.Collect(got.Payloads())[1]
		require.Equal(t, xml.Name{Space: space, Local: local}, e.Name())
		require.Equal(t, value, e.Text())
	})
}

func prepared(t *testing.T, address string) string {
	if address == "" {
		return ""
	}
	j, err := jid.Parse(address)
	require.NoError(t, err)
	return j.String()
}

// TestVectors reads stanzas of other implementations from the folder that
// XMPP_VECTORS names.
func TestVectors(t *testing.T) {
	dir := os.Getenv("XMPP_VECTORS")
	if dir == "" {
		t.Skip("XMPP_VECTORS names no folder: stanzas of other implementations are not checked")
	}
	file, err := os.Open(filepath.Join(dir, "stanza_pairs.jsonl"))
	require.NoError(t, err)
	defer file.Close()
	n := 0
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v struct {
			ID, XML string
			JSON    []json.RawMessage
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &v))
		var kind string
		require.NoError(t, json.Unmarshal(v.JSON[0], &kind))
		if !slices.Contains([]string{"message", "presence", "iq"}, kind) {
			continue
		}
		n++
		t.Run(v.ID, func(t *testing.T) {
			var want struct{ ID, From, To, Type, Lang, Body, Subject, Thread string }
			require.NoError(t, json.Unmarshal(v.JSON[len(v.JSON)-1], &want))
			s := parse(t, strings.TrimSpace(v.XML))
			h := s.Head()
			require.Equal(t, kind, s.Kind().String())
			require.Equal(t, []string{want.ID, prepared(t, want.From), prepared(t, want.To), want.Type, want.Lang},
				[]string{h.ID, h.From.String(), h.To.String(), h.Type, h.Lang})
			if m, ok := s.(*stanza.Message); ok {
				require.Equal(t, want.Body, m.Body)
				require.Equal(t, want.Subject, m.Subject)
				require.Equal(t, want.Thread, m.Thread)
			}
			exercise(t, s.Element())
		})
	}
	require.NoError(t, lines.Err())
	require.Equal(t, 51, n, fmt.Sprint("stanzas in ", file.Name()))
}
