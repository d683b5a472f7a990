package stanza_test

import (
	"encoding/xml"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/stanza"
)

// mood is read and written by its tags.
type mood struct {
	XMLName xml.Name `xml:"https://example.org/mood mood"`
	Colour  string   `xml:"colour,attr"`
	Depth   int      `xml:"depth,omitempty"`
}

// delay has a codec.
type delay struct{ stamp string }

func (delay) ElementName() xml.Name { return xml.Name{Space: "urn:xmpp:delay", Local: "delay"} }

func (d *delay) DecodeElement(e stanza.Element) error {
	if d.stamp = e.Attr("stamp"); d.stamp == "" {
		return errors.New("no stamp")
	}
	return nil
}

func (d delay) AppendElement(w *stanza.Writer) error {
	w.Start("urn:xmpp:delay", "delay")
	w.Attr("stamp", d.stamp)
	w.End()
	return w.Err()
}

func TestPayload(t *testing.T) {
	m := parseMessage(t, `<message><body>b</body><mood xmlns='https://example.org/mood' colour='blue'><depth>3</depth></mood>
		<delay xmlns='urn:xmpp:delay' stamp='now'/></message>`)
	got, err := stanza.Payload[mood](m)
	require.NoError(t, err)
	require.Equal(t, "blue", got.Colour)
	require.Equal(t, 3, got.Depth)
	d, err := stanza.Payload[delay](m)
	require.NoError(t, err)
	require.Equal(t, "now", d.stamp)
	require.True(t, stanza.Has[mood](m))
	var into delay
	require.NoError(t, stanza.PayloadInto(m, &into))
	require.Equal(t, d, into)

	_, err = stanza.Payload[mood](&stanza.Message{})
	require.ErrorIs(t, err, stanza.ErrAbsent)
	_, err = stanza.Payload[mood](nil)
	require.ErrorIs(t, err, stanza.ErrAbsent)
	_, err = stanza.Payload[mood]((*stanza.IQ)(nil))
	require.ErrorIs(t, err, stanza.ErrAbsent)
	require.False(t, stanza.Has[mood](nil))
}

func TestBadPayloadStaysInItsStanza(t *testing.T) { // S095
	m := parseMessage(t, `<message><mood xmlns='https://example.org/mood'><depth>deep</depth></mood><delay xmlns='urn:xmpp:delay'/><body>b</body></message>`)
	_, err := stanza.Payload[mood](m)
	require.ErrorContains(t, err, "mood")
	require.NotErrorIs(t, err, stanza.ErrAbsent)
	_, err = stanza.Payload[delay](m)
	require.EqualError(t, err, "stanza: payload {urn:xmpp:delay}delay: no stamp")
	require.True(t, stanza.Has[delay](m))
	require.Equal(t, "b", m.Body)
}

func TestAddedPayloadsAreSeen(t *testing.T) {
	m := &stanza.Message{Body: "b"}
	stanza.Add(m, mood{Colour: "blue"})
	stanza.Add(m, &delay{stamp: "now"})
	e, err := stanza.Parse(`<mood xmlns='urn:other' colour='x'/>`)
	require.NoError(t, err)
	stanza.Add(m, e)

	got, err := stanza.Payload[mood](m)
	require.NoError(t, err)
	require.Equal(t, "blue", got.Colour)
	d, err := stanza.Payload[delay](m)
	require.NoError(t, err)
	require.Equal(t, "now", d.stamp)
	type otherMood struct {
		XMLName xml.Name `xml:"https://example.org/mood mood"`
		Colour  string   `xml:"colour,attr"`
	}
	other, err := stanza.Payload[otherMood](m)
	require.NoError(t, err)
	require.Equal(t, "blue", other.Colour)

	var names []string
	for p := range m.Payloads() {
		names = append(names, p.Space())
	}
	require.Equal(t, []string{"https://example.org/mood", "urn:xmpp:delay", "urn:other"}, names)
	require.Equal(t, names, childSpaces(parseMessage(t, write(t, m))))
}

func childSpaces(s stanza.Stanza) (spaces []string) {
	for p := range s.Payloads() {
		spaces = append(spaces, p.Space())
	}
	return spaces
}

func TestSetAndRemove(t *testing.T) {
	m := parseMessage(t, `<message><mood xmlns='https://example.org/mood' colour='1'/><x xmlns='urn:x'/><mood xmlns='https://example.org/mood' colour='2'/></message>`).Clone()
	stanza.Set(m, mood{Colour: "3"})
	got, err := stanza.Payload[mood](m)
	require.NoError(t, err)
	require.Equal(t, "3", got.Colour)
	require.Equal(t, []string{"urn:x", "https://example.org/mood"}, childSpaces(m))
	stanza.Remove[mood](m)
	require.False(t, stanza.Has[mood](m))
	require.NotContains(t, write(t, m), "mood")
}

func TestCoreChildrenAreNoPayloads(t *testing.T) {
	type anyBody struct {
		XMLName xml.Name `xml:"body"`
	}
	require.False(t, stanza.Has[anyBody](parseMessage(t, `<message><body>b</body></message>`)))
	require.True(t, stanza.Has[anyBody](parseMessage(t, `<message><body xmlns='urn:x'/></message>`)))
	// An <error/> is one only where the type says so.
	m := parseMessage(t, `<message><error><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`)
	require.Nil(t, m.Error)
	require.Equal(t, []string{stanza.NS}, childSpaces(m))
	require.Contains(t, write(t, m), "<gone")
}

func TestNamelessTypesPanicAtFirstCall(t *testing.T) {
	type nameless struct{ A string }
	m := &stanza.Message{}
	require.PanicsWithValue(t, "stanza: stanza_test.nameless has no element name: give it a field XMLName xml.Name with a tag `xml:\"namespace name\"`, or the methods of stanza.Decoder",
		func() { _, _ = stanza.Payload[nameless](m) })
	require.Panics(t, func() { stanza.Add(m, nameless{}) })
	require.Panics(t, func() { stanza.Add(m, nil) })
	require.Panics(t, func() { stanza.Add(m, (*mood)(nil)) })
	require.Panics(t, func() { stanza.Add(m, stanza.Element{}) })
	require.Panics(t, func() { stanza.Has[*mood](m) })
	require.Panics(t, func() { stanza.Has[any](m) })
	type named struct {
		XMLName xml.Name
		A       string `xml:"a"`
	}
	stanza.Add(m, named{XMLName: xml.Name{Space: "urn:n", Local: "n"}, A: "1"})
	require.Contains(t, write(t, m), "<a>1</a>")
	require.Panics(t, func() { stanza.Add(m, named{}) })
}

func TestNamespacesKeepPayloadsApart(t *testing.T) {
	m := parseMessage(t, `<message><mood xmlns='urn:other' colour='x'/></message>`)
	require.False(t, stanza.Has[mood](m))
	_, err := stanza.Payload[mood](m)
	require.ErrorIs(t, err, stanza.ErrAbsent)
	e, err := stanza.Parse(`<mood xmlns='urn:other'/>`)
	require.NoError(t, err)
	_, err = stanza.Decode[mood](e)
	require.ErrorContains(t, err, "{urn:other}mood")
}

// TestClonesDoNotShareRoom adds to two clones of a stanza whose list of
// payloads has room left, so that each would write into the same place.
func TestClonesDoNotShareRoom(t *testing.T) {
	m := &stanza.Message{}
	for range 3 {
		stanza.Add(m, delay{stamp: "s"})
	}
	a, b := m.Clone(), m.Clone()
	stanza.Add(a, mood{Colour: "a"})
	stanza.Add(b, mood{Colour: "b"})
	got, err := stanza.Payload[mood](a)
	require.NoError(t, err)
	require.Equal(t, "a", got.Colour)
}

func TestDecode(t *testing.T) {
	e, err := stanza.Parse(`<mood xmlns='https://example.org/mood' colour='blue'/>`)
	require.NoError(t, err)
	got, err := stanza.Decode[mood](e)
	require.NoError(t, err)
	require.Equal(t, "blue", got.Colour)
	_, err = stanza.Decode[delay](e)
	require.ErrorContains(t, err, "not {urn:xmpp:delay}delay")
	_, err = stanza.Decode[mood](stanza.Element{})
	require.Error(t, err)
	require.Error(t, stanza.Unmarshal(e, nil))
	require.Error(t, stanza.Unmarshal(e, mood{}))
	require.Error(t, stanza.Unmarshal(stanza.Element{}, &got))
	back, err := stanza.Marshal(got)
	require.NoError(t, err)
	require.Equal(t, e.String(), back.String())
}

func TestMarks(t *testing.T) {
	type peer struct{ name string }
	m := &stanza.Message{}
	_, ok := stanza.Marked[peer](m)
	require.False(t, ok)
	stanza.Mark(m, peer{"a"})
	stanza.Mark(m, 7)
	stanza.Mark(m, peer{"b"})
	p, ok := stanza.Marked[peer](m)
	require.True(t, ok)
	require.Equal(t, "b", p.name)
	_, ok = stanza.Marked[any](m)
	require.False(t, ok, "a mark is found by its own type only")
	require.Equal(t, "<message/>", write(t, m))
}

// badCodec writes what it is told.
type badCodec func(*stanza.Writer) error

func (f badCodec) AppendElement(w *stanza.Writer) error { return f(w) }

func TestCodecsStayInTheirPayload(t *testing.T) { // S111
	for name, f := range map[string]badCodec{
		"left open":      func(w *stanza.Writer) error { w.Start("urn:x", "x"); return nil },
		"only closes":    func(w *stanza.Writer) error { w.Start("urn:x", "x"); w.End(); w.Text("in the stanza"); return nil },
		"closes stanza":  func(w *stanza.Writer) error { w.End(); w.Start("urn:x", "x"); return nil },
		"text in stanza": func(w *stanza.Writer) error { w.Text("x"); return nil },
		"attr of stanza": func(w *stanza.Writer) error { w.Attr("to", "x"); return nil },
		"nothing":        func(w *stanza.Writer) error { return nil },
		"two": func(w *stanza.Writer) error {
			w.TextElement("urn:x", "x", "")
			w.TextElement("urn:x", "x", "")
			return nil
		},
		"fails late":   func(w *stanza.Writer) error { w.TextElement("urn:x", "x", "much"); return errors.New("late") },
		"zero element": func(w *stanza.Writer) error { w.Element(stanza.Element{}); return nil },
		"twice the attr": func(w *stanza.Writer) error {
			w.Start("urn:x", "x")
			w.Attr("a", "")
			w.Attr("a", "")
			w.End()
			return nil
		},
		"nested too far": func(w *stanza.Writer) error { w.Start("urn:x", "x"); w.End(); w.End(); return nil },
		"nested value": func(w *stanza.Writer) error {
			w.Start("urn:x", "x")
			err := w.Value(mood{Colour: "\x00"})
			w.End()
			return err
		},
		"ignores its own": func(w *stanza.Writer) error { w.Start("urn:x", "a b"); w.End(); return nil },
	} {
		m := &stanza.Message{Body: "b"}
		stanza.Add(m, f)
		dst := []byte("before")
		got, err := stanza.Append(dst, m)
		require.Error(t, err, name)
		require.Equal(t, "before", string(got), name)
		_, err = stanza.Payload[mood](m)
		require.ErrorIs(t, err, stanza.ErrAbsent, name)
	}
	m := &stanza.Message{}
	stanza.Add(m, badCodec(func(w *stanza.Writer) error {
		w.Start("urn:list", "list")
		_ = w.Value(mood{Colour: "a"})
		_ = w.Value(delay{stamp: "s"})
		w.End()
		return w.Err()
	}))
	require.Equal(t, 2, len(slices.Collect(parseMessage(t, write(t, m)).Element().First().Children())))
	require.Equal(t, 1, strings.Count(write(t, m), "urn:list"))
}
