package jid_test

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/jid"
)

func TestParse(t *testing.T) {
	for _, tc := range []struct{ in, local, domain, resource string }{
		// RFC 7622 §3.5, table 1
		{"juliet@example.com", "juliet", "example.com", ""},
		{"juliet@example.com/foo", "juliet", "example.com", "foo"},
		{"juliet@example.com/foo bar", "juliet", "example.com", "foo bar"},
		{"juliet@example.com/foo@bar", "juliet", "example.com", "foo@bar"},
		{`foo\20bar@example.com`, `foo\20bar`, "example.com", ""},
		{"fussball@example.com", "fussball", "example.com", ""},
		{"fu\u00dfball@example.com", "fu\u00dfball", "example.com", ""},
		{"\u03c0@example.com", "\u03c0", "example.com", ""},
		{"\u03a3@example.com/foo", "\u03c3", "example.com", "foo"},
		{"\u03c3@example.com/foo", "\u03c3", "example.com", "foo"},
		{"\u03c2@example.com/foo", "\u03c2", "example.com", "foo"},
		{"king@example.com/\u265a", "king", "example.com", "\u265a"},
		{"example.com", "", "example.com", ""},
		{"example.com/foobar", "", "example.com", "foobar"},
		{"a.example.com/b@example.net", "", "a.example.com", "b@example.net"},
		// folding
		{"JULIET@Example.ORG.", "juliet", "example.org", ""},
		{"\uff2aul\uff49et@\uff25xample\u3002org\uff61/\uff32", "juliet", "example.org", "\uff32"},
		{"e\u0301@e\u0301.example/e\u0301", "\u00e9", "\u00e9.example", "\u00e9"},
		{"\u212aelvin@example.org", "kelvin", "example.org", ""},
		{"a@b/x\u00a0y\u3000z", "a", "b", "x y z"},
		{"a@b/ x ", "a", "b", " x "},
		// domains
		{"a@fa\u00df.de", "a", "fa\u00df.de", ""},
		{"a@xn--fa-hia.de", "a", "fa\u00df.de", ""},
		{"a@XN--BCHER-KVA.example", "a", "b\u00fccher.example", ""},
		{"a@127.0.0.1/r", "a", "127.0.0.1", "r"},
		{"a@[::1]/r", "a", "[::1]", "r"},
		{"[2001:DB8:0:0::1]", "", "[2001:db8::1]", ""},
		{"a@localhost", "a", "localhost", ""},
		{"a@1-2.example", "a", "1-2.example", ""},
		{"a@\u05d0.example", "a", "\u05d0.example", ""},
		// splitting
		{"b//", "", "b", "/"},
		{"a@b/c/d@e/f", "a", "b", "c/d@e/f"},
		{"l\u00b7l@b", "l\u00b7l", "b", ""}, // U+00B7 may stand between two l (RFC 5892 A.3)
	} {
		t.Run(tc.in, func(t *testing.T) {
			for range 2 { // parsed, then from the cache
				j, err := jid.Parse(tc.in)
				require.NoError(t, err)
				require.Equal(t, tc.local, j.Local())
				require.Equal(t, tc.domain, j.Domain())
				require.Equal(t, tc.resource, j.Resource())
				requireSound(t, j)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	long := func(n int) string { return strings.Repeat("a", n) }
	for _, tc := range []struct{ in, part string }{
		{"", "address"},
		// RFC 7622 §3.5, table 2
		{`"juliet"@example.com`, "local part"},
		{"foo bar@example.com", "local part"},
		{"juliet@example.com/", "resource"},
		{"@example.com/", "resource"},
		{"henry\u2163@example.com", "local part"},
		{"\u265a@example.com", "local part"},
		{"juliet@", "domain"},
		{"/foobar", "domain"},
		// local part
		{"@example.com", "local part"},
		{"@@", "local part"},
		{"a&b@c", "local part"}, {"a'b@c", "local part"}, {"a:b@c", "local part"},
		{"a<b@c", "local part"}, {"a>b@c", "local part"},
		{"a\uff20b@c", "local part"}, {"a\uff0fb@c", "local part"}, {"a\uff07b@c", "local part"},
		{"a\u200bb@c", "local part"}, {"a\u202eb@c", "local part"}, {"a\u00adb@c", "local part"},
		{"a\x00b@c", "local part"}, {"a\x7fb@c", "local part"}, {"a\tb@c", "local part"},
		{"a\xffb@c", "local part"}, {"\u05d0a@c", "local part"}, {"a\u00b7b@c", "local part"},
		{long(1024) + "@b", "local part"},
		{strings.Repeat("\u0390", 512) + "@b", "local part"},
		{long(1<<20) + "@b", "local part"},
		// domain
		{"a@b@c", "domain"}, {"a@b' type='set", "domain"}, {"a@b c", "domain"},
		{".", "domain"}, {"a..b", "domain"}, {".a", "domain"}, {"a..", "domain"}, {"a\u3002\u3002b", "domain"},
		{"a\u3002.", "domain"}, {"a.\u00ad.b", "domain"}, {"\u00ad", "domain"}, {"a\u2024b", "domain"},
		{"user@xn--example-.org", "domain"}, {"a@xn--", "domain"}, {"a@xn--.org", "domain"},
		{"a@xn--\u00fc.org", "domain"}, {"a@xn--a.org", "domain"}, {"a@xn--zzzzzzzz99999.org", "domain"},
		{"a@-b", "domain"}, {"a@b-", "domain"}, {"a@ab--c", "domain"}, {"a@b_c", "domain"},
		{"a@b\u2100c", "domain"}, {"a@b\uff0fc", "domain"}, {"a@b\uff20c", "domain"}, {"a@\u0301b", "domain"},
		{"a@b\xff", "domain"}, {"a@b\u202ec", "domain"}, {"a@b\x00c", "domain"},
		{"a@::1", "domain"}, {"a@[::1", "domain"}, {"a@::1]", "domain"}, {"a@[127.0.0.1]", "domain"},
		{"a@[]", "domain"}, {"a@[fe80::1%eth0]", "domain"}, {"a@[::1]x", "domain"}, {"a@[::1].", "domain"},
		{long(64), "domain"}, {strings.Repeat("\u00fc", 60), "domain"},
		{strings.Repeat("a.", 512) + "a", "domain"},
		// resource
		{"a@b/\x00", "resource"}, {"a@b/x\ny", "resource"}, {"a@b/\u200b", "resource"}, {"a@b/\u202e", "resource"},
		{"a@b/\xc0\x80", "resource"}, {"a@b/\ufffe", "resource"}, {"a@b/" + long(1024), "resource"},
	} {
		t.Run(fmt.Sprintf("%.40q", tc.in), func(t *testing.T) {
			j, err := jid.Parse(tc.in)
			var e *jid.Error
			require.ErrorAs(t, err, &e, "got %q", j)
			require.Equal(t, tc.part, e.Part)
			require.NotEmpty(t, e.Reason)
			require.LessOrEqual(t, len(e.Input), 64)
			require.Less(t, len(err.Error()), 512)
			require.True(t, j.IsZero())
		})
	}
}

func TestPartsMayHave1023Bytes(t *testing.T) {
	part := strings.Repeat("a", 1023)
	domain := strings.Repeat("a.", 511) + "a" // 1023 bytes
	j, err := jid.New(part, domain, part)
	require.NoError(t, err)
	require.Len(t, j.String(), 3*1023+2)
	requireSound(t, j)

	// The bound is on the prepared part: three bytes fold to one (RFC 7622 §3.3).
	wide, err := jid.New(strings.Repeat("\uff41", 1023), "b", "")
	require.NoError(t, err)
	require.Equal(t, part, wide.Local())

	_, err = jid.New("", domain+"b", part)
	require.Error(t, err)
}

func TestErrorInputEndsOnARune(t *testing.T) {
	_, err := jid.Parse("a" + strings.Repeat("\u265a", 100) + "@b")
	var e *jid.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, "a"+strings.Repeat("\u265a", 21), e.Input)
	require.Contains(t, err.Error(), "local part")
}

func TestParseOwnsItsMemory(t *testing.T) {
	for _, s := range []string{"owner.example", "owner@owner.example", "owner.example/r", "owner@owner.example/r"} {
		buf := []byte(s)
		j, err := jid.Parse(unsafe.String(&buf[0], len(buf)))
		require.NoError(t, err)
		clear(buf)
		require.Equal(t, s, j.String())
		require.Equal(t, j, jid.MustParse(s), "the cache owns its memory too")
	}
}

func TestMustParsePanics(t *testing.T) {
	require.Panics(t, func() { jid.MustParse("@") })
}

// requireSound checks what holds of every JID.
func requireSound(t testing.TB, j jid.JID) {
	t.Helper()
	again, err := jid.ParseUncached(j.String())
	require.NoError(t, err, "a prepared address is an address")
	require.Equal(t, j, again, "preparing twice changes nothing")
	again, err = jid.New(j.Local(), j.Domain(), j.Resource())
	require.NoError(t, err)
	require.Equal(t, j, again, "the parts make the whole")
	require.Equal(t, j.Resource() == "", j.IsBare())
	require.Equal(t, j.Resource() != "", j.IsFull())
	bare, err := jid.New(j.Local(), j.Domain(), "")
	require.NoError(t, err)
	require.Equal(t, bare, j.Bare())
	require.True(t, bare.IsBare())
	for _, part := range []string{j.Local(), j.Domain(), j.Resource()} {
		require.LessOrEqual(t, len(part), 1023)
	}
	require.NotContains(t, j.Domain(), "..")
	require.False(t, strings.ContainsAny(j.Local(), `"&'/:<>@ `))
	if ascii, err := j.ASCIIDomain(); err == nil && j.Domain()[0] != '[' {
		same, err := jid.New("", ascii, "")
		require.NoError(t, err, "the ASCII form names the same domain")
		require.Equal(t, j.Domain(), same.Domain())
	}
}
