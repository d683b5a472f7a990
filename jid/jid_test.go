package jid_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/jid"
)

func TestEquality(t *testing.T) {
	same := func(a, b string) { t.Helper(); require.True(t, jid.MustParse(a) == jid.MustParse(b), "%s, %s", a, b) }
	differ := func(a, b string) { t.Helper(); require.False(t, jid.MustParse(a) == jid.MustParse(b), "%s, %s", a, b) }
	same("JULIET@Example.ORG.", "juliet@example.org")
	same("a@xn--bcher-kva.example", "a@B\u00dcCHER.example")
	same("a@[0:0:0:0:0:0:0:1]", "a@[::1]")
	same("juliet@example.org/balcony", "juliet@EXAMPLE.org/balcony")
	differ("juliet@example.org/balcony", "juliet@example.org/Balcony")
	differ("fussball@example.com", "fu\u00dfball@example.com")
	differ("a@fuss.example", "a@fu\u00df.example")
	differ("p\u0430ypal@example.org", "paypal@example.org") // Cyrillic а
	differ("b", "b/r")
	require.True(t, jid.MustParse("a@b/r").Bare() == jid.MustParse("a@b"))
}

func TestZero(t *testing.T) {
	var z jid.JID
	require.True(t, z.IsZero())
	require.False(t, z.IsBare())
	require.False(t, z.IsFull())
	require.Equal(t, z, z.Bare())
	require.Empty(t, z.String()+z.Local()+z.Domain()+z.Resource())
	_, err := z.WithResource("r")
	require.ErrorContains(t, err, "zero JID")
	_, err = z.ASCIIDomain()
	require.ErrorContains(t, err, "zero JID")
}

func TestNewNamesThePart(t *testing.T) {
	for _, tc := range []struct{ local, domain, resource, part string }{
		{"a", "", "r", "domain"},
		{"a", "b/c", "", "domain"},
		{"a", "b@c", "", "domain"},
		{"a@b", "c", "", "local part"},
		{"a/b", "c", "", "local part"},
		{"a", "b", "r\x00", "resource"},
	} {
		_, err := jid.New(tc.local, tc.domain, tc.resource)
		var e *jid.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, tc.part, e.Part)
	}
}

func TestWithResource(t *testing.T) {
	room := jid.MustParse("balcony@rooms.example/juliet")
	romeo, err := room.WithResource("Romeo M.")
	require.NoError(t, err)
	require.Equal(t, jid.MustParse("balcony@rooms.example/Romeo M."), romeo)
	server, err := jid.MustParse("b").WithResource("@/")
	require.NoError(t, err)
	require.Equal(t, jid.MustParse("b/@/"), server)
	for _, r := range []string{"", "\x00", strings.Repeat("a", 1024)} {
		j, err := room.WithResource(r)
		require.ErrorContains(t, err, "resource")
		require.True(t, j.IsZero())
	}
}

func TestASCIIDomain(t *testing.T) {
	for in, want := range map[string]string{
		"a@example.org":                   "example.org",
		"a@B\u00fccher.example.":          "xn--bcher-kva.example",
		"a@fa\u00df.de":                   "xn--fa-hia.de",
		"a@xn--fa-hia.de":                 "xn--fa-hia.de",
		"a@127.0.0.1":                     "127.0.0.1",
		"a@[2001:db8::0:1]/r":             "2001:db8::1",
		"\u4f8b\u3048.\u30c6\u30b9\u30c8": "xn--r8jz45g.xn--zckzah",
	} {
		got, err := jid.MustParse(in).ASCIIDomain()
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := jid.MustParse(strings.Repeat("a.", 127) + "a").ASCIIDomain()
	require.ErrorContains(t, err, "253")
}
