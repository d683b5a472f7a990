package jid_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/jid"
)

// FuzzParse checks that every accepted address is sound, that the cache changes
// nothing, that the short way agrees with the long one, and that escaping comes back.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"", "a@b/c", "JULIET@Example.ORG.", "a@[::1]", "henry\u2163@b", "a..b", "a@xn--example-.org", "a@xn--fa-hia.de",
		"\uff21\uff20@b", "a@b/\u00a0", "\u05d0@\u05d0", `c:\5c`, "l\u00b7l@b", "a@\u00ad", "\u0130@\u0130", "a@ab--c", "@@", "//",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		require.Equal(t, s, jid.Unescape(jid.Escape(s)))
		requireSameWay(t, s)
		jid.MixedScript(jid.Skeleton(s))
		j, err := jid.Parse(s)
		cached, errCached := jid.Parse(s)
		plain, errPlain := jid.ParseUncached(s)
		require.Equal(t, err, errPlain)
		require.Equal(t, err, errCached)
		require.Equal(t, j, plain)
		require.Equal(t, j, cached)
		if err != nil {
			require.True(t, j.IsZero())
			require.IsType(t, (*jid.Error)(nil), err)
			return
		}
		requireSound(t, j)
	})
}
