package xmpptest_test

import (
	"encoding/xml"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// recorder is a test that may fail.
type recorder struct {
	testing.TB
	errors []string
}

func (*recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func roundTrip(t *testing.T, samples ...any) []string {
	r := &recorder{TB: t}
	xmpptest.RoundTrip(r, samples...)
	return r.errors
}

type thing struct {
	XMLName  xml.Name         `xml:"urn:example thing"`
	Number   int              `xml:"number,attr"`
	Stamp    time.Time        `xml:"stamp,attr"`
	Address  jid.JID          `xml:"address,attr"`
	Names    []string         `xml:"name"`
	Optional *bool            `xml:"optional,attr"`
	Inner    struct{ N uint } `xml:"inner"`
}

func TestRoundTripOfSamples(t *testing.T) {
	yes := true
	whole := thing{Number: -3, Stamp: time.Now().UTC(), Address: jid.MustParse("a@b/c"), Names: []string{"x", ""}, Optional: &yes}
	whole.Inner.N = 7
	require.Empty(t, roundTrip(t, whole, &whole))

	type bare struct {
		XMLName xml.Name `xml:"urn:example bare"`
	}
	require.Empty(t, roundTrip(t, bare{}))
}

func TestRoundTripOfFixtures(t *testing.T) {
	t.Chdir(t.TempDir())
	require.Contains(t, roundTrip(t, thing{})[0], "testdata has no <thing")

	require.NoError(t, os.Mkdir("testdata", 0o755))
	fixture := func(text string) { require.NoError(t, os.WriteFile("testdata/a.xml", []byte(text), 0o644)) }
	fixture(`<iq xmlns="jabber:client"><query xmlns="urn:other"><thing xmlns="urn:example" number="3" stamp="2026-01-02T03:04:05Z" address="a@b"/></query></iq>` + "\n")
	require.Empty(t, roundTrip(t, thing{}))
	fixture(`<thing xmlns="urn:example" number="three" stamp="2026-01-02T03:04:05Z" address="a@b"/>`)
	require.Contains(t, roundTrip(t, thing{})[0], "reading <thing")
	fixture(`<thing`)
	require.Contains(t, roundTrip(t, thing{})[0], "a.xml")
}

func TestRoundTripOfNothing(t *testing.T) {
	require.Len(t, roundTrip(t), 1)
	require.Contains(t, roundTrip(t, (*thing)(nil))[0], "nil")
	require.Contains(t, roundTrip(t, nil)[0], "nil")
	require.Contains(t, roundTrip(t, struct{ A string }{"a"})[0], "no element name")
}

// codec is a payload type with one fault.
type codec struct {
	Value string
}

// lossy is written without its value.
type lossy struct{ codec }

func (*codec) ElementName() xml.Name { return xml.Name{Space: "urn:example", Local: "codec"} }

func (c *codec) DecodeElement(e stanza.Element) error {
	c.Value = e.Attr("value")
	return nil
}

func (c codec) AppendElement(w *stanza.Writer) error {
	w.Start("urn:example", "codec")
	w.Attr("value", c.Value)
	w.End()
	return nil
}

func (lossy) AppendElement(w *stanza.Writer) error {
	w.Start("urn:example", "codec")
	w.End()
	return nil
}

// strict reads not even what it writes.
type strict struct{ codec }

func (s *strict) DecodeElement(e stanza.Element) error { return stanza.BadRequest }

// trusting believes a number.
type trusting struct{ codec }

func (s *trusting) DecodeElement(e stanza.Element) error {
	n, _ := strconv.Atoi(e.Attr("value"))
	s.Value = strconv.Itoa(len(make([]byte, n)))
	return nil
}

// careless writes what it reads in another way when it is no number.
type careless struct{ codec }

func (c careless) AppendElement(w *stanza.Writer) error {
	w.Start("urn:example", "codec")
	if _, err := strconv.Atoi(c.Value); err == nil {
		w.Attr("value", c.Value)
	}
	w.End()
	return nil
}

func TestRoundTripFindsFaults(t *testing.T) {
	c := codec{Value: "12"}
	require.Empty(t, roundTrip(t, c))
	for _, test := range []struct {
		sample any
		want   string
	}{
		{lossy{c}, "was written as"},
		{strict{c}, "reading what was written"},
		{trusting{c}, "panic on"},
		{careless{c}, "read from"},
		{codec{Value: "\x00"}, "writing"},
	} {
		errs := roundTrip(t, test.sample)
		require.Len(t, errs, 1, "%T", test.sample)
		require.Contains(t, errs[0], test.want)
	}
}
