package delay_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/delay"
	"github.com/gosmack/xmpp/xmpptest"
)

var sample = delay.Delay{
	From: jid.MustParse("capulet.example"), Stamp: time.Date(2002, 9, 10, 23, 8, 25, 123456000, time.UTC), Reason: "Offline Storage",
}

func TestRoundTrip(t *testing.T) { xmpptest.RoundTrip(t, sample) }

func FuzzPayloads(f *testing.F) { xmpptest.FuzzRoundTrip(f, sample) }

func read(t *testing.T, xml string) (delay.Delay, error) {
	t.Helper()
	e, err := stanza.Parse(xml)
	require.NoError(t, err)
	return stanza.Decode[delay.Delay](e)
}

func TestDecode(t *testing.T) {
	d, err := read(t, `<delay xmlns="urn:xmpp:delay" from="capulet.example" stamp="2002-09-10T23:08:25Z">Offline</delay>`)
	require.NoError(t, err)
	require.Equal(t, delay.Delay{jid.MustParse("capulet.example"), time.Date(2002, 9, 10, 23, 8, 25, 0, time.UTC), "Offline"}, d)
	for _, bad := range []string{
		`<delay xmlns="urn:xmpp:delay"/>`,
		`<delay xmlns="urn:xmpp:delay" stamp="20020910T23:08:25"/>`,
		`<delay xmlns="urn:xmpp:delay" from="@" stamp="2002-09-10T23:08:25Z"/>`,
	} {
		_, err := read(t, bad)
		require.Error(t, err, bad)
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	for _, stamp := range []time.Time{{}, time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)} {
		_, err := stanza.Marshal(delay.Delay{Stamp: stamp})
		require.ErrorContains(t, err, "stamp", stamp)
	}
}

func TestByTakesOnlyTheTrusted(t *testing.T) {
	room, server := jid.MustParse("coven@macbeth.example"), jid.MustParse("capulet.example")
	m := &stanza.Message{Body: "b"}
	year := func(y int) time.Time { return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC) }
	stanza.Add(m, delay.Delay{Stamp: year(1999)})
	stanza.Add(m, delay.Delay{From: jid.MustParse("mallory@evil.example"), Stamp: year(2000)})
	stanza.Add(m, delay.Delay{From: room, Stamp: year(2001)})
	stanza.Add(m, delay.Delay{From: server, Stamp: year(2002)})
	for want, who := range map[int][]jid.JID{2001: {room}, 2002: {jid.MustParse("x.example"), server}} {
		d, err := delay.By(m, who...)
		require.NoError(t, err)
		require.Equal(t, want, d.Stamp.Year())
	}
	for _, who := range [][]jid.JID{nil, {jid.MustParse("x.example")}, {{}}, {jid.MustParse("coven@macbeth.example/nick")}} {
		_, err := delay.By(m, who...)
		require.ErrorIs(t, err, stanza.ErrAbsent)
	}
}

func TestDateTime(t *testing.T) {
	at := func(y int, m time.Month, d, h, min, s, ns int) time.Time {
		return time.Date(y, m, d, h, min, s, ns, time.UTC)
	}
	for s, want := range map[string]time.Time{
		"1969-07-21T02:56:15Z":                                   at(1969, 7, 21, 2, 56, 15, 0),
		"1969-07-20T21:56:15-05:00":                              at(1969, 7, 21, 2, 56, 15, 0),
		"2024-02-29T23:59:59.5+14:00":                            at(2024, 2, 29, 9, 59, 59, 500000000),
		"2024-01-01T00:00:00.123456789012Z":                      at(2024, 1, 1, 0, 0, 0, 123456789),
		"2024-01-01T00:00:00-00:00":                              at(2024, 1, 1, 0, 0, 0, 0),
		"2024-01-01T00:00:00." + strings.Repeat("0", 5000) + "Z": at(2024, 1, 1, 0, 0, 0, 0),
	} {
		got, err := delay.ParseDateTime(s)
		require.NoError(t, err, s)
		require.True(t, want.Equal(got), "%s is %v", s, got)
		require.Equal(t, time.UTC, got.Location())
	}
	for _, s := range []string{
		"", "T", "2024-01-01", "2024-01-01T", "2024-01-01T00:00:00", "2024-01-01t00:00:00Z", "2024-01-01T00:00:00z", "2024-01-01 00:00:00Z",
		"20240101T00:00:00", "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00,5Z", "2024-01-01T24:00:00Z", "2024-01-01T23:59:60Z", "2024-01-01T00:60:00Z",
		"2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z", "2024-00-01T00:00:00Z", "2024-01-00T00:00:00Z", "2024-01-32T00:00:00Z", "0000-01-01T00:00:00Z",
		"2024-01-01T00:00:00+14:01", "2024-01-01T00:00:00+0100", "2024-01-01T00:00:00+1:00", "2024-01-01T00:00:00+01:60", "2024-01-01T00:00:00ZZ",
		" 2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z ", "-2024-01-01T00:00:00Z", "+2024-1-1T00:00:00Z", "2024-01-01T0:00:00Z", "٢٠٢٤-01-01T00:00:00Z",
		"0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "2024-01-01T00:00:00 +1:00", "2024-01-01T00:00:00+-1:00", "2024-01-01T-1:00:00Z",
	} {
		_, err := delay.ParseDateTime(s)
		require.Error(t, err, s)
	}
}

func TestDateAndTime(t *testing.T) {
	day, err := delay.ParseDate("1776-07-04")
	require.NoError(t, err)
	require.Equal(t, "1776-07-04", delay.FormatDate(day))
	for _, s := range []string{"", "1776-7-4", "1776-07-04Z", "1776-07-0x", "1x76-07-04", "177x-07-04", "1776-x7-04"} {
		_, err := delay.ParseDate(s)
		require.Error(t, err, s)
	}
	for s, want := range map[string]string{
		"16:00:00": "16:00:00Z", "16:00:00.25Z": "16:00:00.25Z", "12:00:00+07:00": "05:00:00Z", "01:00:00+02:00": "23:00:00Z", "23:00:00-02:00": "01:00:00Z",
	} {
		got, err := delay.ParseTime(s)
		require.NoError(t, err, s)
		require.Equal(t, want, delay.FormatTime(got))
	}
	for _, s := range []string{"", "16:00", "16:00:00.", "16:00:00z", "16:00:00+25:00", "2024-01-01T16:00:00Z", "16-00-00"} {
		_, err := delay.ParseTime(s)
		require.Error(t, err, s)
	}
}

func TestFormatTellsNoZone(t *testing.T) {
	zone := time.FixedZone("", 7*3600)
	require.Equal(t, "2024-01-01T05:00:00.000001Z", delay.FormatDateTime(time.Date(2024, 1, 1, 12, 0, 0, 1999, zone)))
	require.Equal(t, "2024-01-01T05:00:00Z", delay.FormatDateTime(time.Date(2024, 1, 1, 12, 0, 0, 999, zone)))
}

// profile is the DateTime of XEP-0082 §3.2. What is written so is one if it is a moment that exists in the years 1 to 9999, and its offset one that
// exists (XML Schema Part 2 §3.2.7.3).
var profile = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-](0\d|1[0-3]):[0-5]\d|[+-]14:00)$`)

// FuzzParseDateTime compares with package time, which reads more than the profile has.
func FuzzParseDateTime(f *testing.F) {
	for _, s := range []string{
		"2024-02-29T23:59:59.123456+14:00", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59.999999999-00:01", "2023-02-29T00:00:00Z",
		"2024-01-01T23:59:60Z", "2024-01-01T24:00:00Z", "2024-1-01T00:00:00Z", "2024-01-01T00:00:00,5Z", "0000-12-31T23:59:59-01:00", "2024-01-01T00:00:00+14:01", "2024-01-01T00:00:00-13:59",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := delay.ParseDateTime(s)
		theirs, refused := time.Parse(time.RFC3339Nano, s)
		good := refused == nil && profile.MatchString(s) && theirs.UTC().Year() >= 1 && theirs.UTC().Year() <= 9999 && !strings.HasPrefix(s, "0000")
		if good != (err == nil) || good && !got.Equal(theirs) {
			t.Fatalf("%q is %v, %v; package time says %v, %v", s, got, err, theirs, refused)
		}
		if !good {
			return
		}
		again, err := delay.ParseDateTime(delay.FormatDateTime(got))
		if err != nil || !again.Equal(got.Truncate(time.Microsecond)) {
			t.Errorf("%q is %v, then %v, %v", s, got, again, err)
		}
	})
}

// FuzzDateAndTime: what is read is what is written again.
func FuzzDateAndTime(f *testing.F) {
	for _, s := range []string{"1776-07-04", "16:00:00", "16:00:00.25Z", "23:00:00-02:00", "0000-01-01", "24:00:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if day, err := delay.ParseDate(s); err == nil && delay.FormatDate(day) != s {
			t.Errorf("%q is %v", s, day)
		}
		at, err := delay.ParseTime(s)
		if err != nil {
			return
		}
		again, err := delay.ParseTime(delay.FormatTime(at))
		if err != nil || !again.Equal(at.Truncate(time.Microsecond)) || at.Year() != 1 || at.YearDay() != 1 {
			t.Errorf("%q is %v, then %v, %v", s, at, again, err)
		}
	})
}
