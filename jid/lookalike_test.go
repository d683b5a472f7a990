package jid_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/jid"
)

func TestMixedScript(t *testing.T) {
	for s, want := range map[string]bool{
		"juliet@example.org/balcony":                               false,
		"p\u0430ypal@example.org":                                  true,  // S150
		"\u044e\u043b\u044f@example.org/\u042e\u043b\u044f (work)": false, // one script a word
		"\u03b1\u0431":                                             true,
		"\u4f8b\u3048.example":                                     false,
		"abc\u4f8b\u3048\u30c6":                                    false,
		"e\u0301\u00df42":                                          false,
		"\u4f8b\u0430":                                             true,
		"":                                                         false,
	} {
		require.Equal(t, want, jid.MixedScript(s), "%q", s)
	}
}

func TestSkeleton(t *testing.T) {
	require.Equal(t, jid.Skeleton("paypal"), jid.Skeleton("p\u0430ypal"))
	require.Equal(t, jid.Skeleton("scope"), jid.Skeleton("\u0455\u0441\u043e\u0440\u0435"))
	require.Equal(t, jid.Skeleton("modern"), jid.Skeleton("rnodern"))
	require.Equal(t, jid.Skeleton("Romeo"), jid.Skeleton("\uff32ome0"))
	require.Equal(t, jid.Skeleton("\u00e9"), jid.Skeleton("e\u0301"))
	require.NotEqual(t, jid.Skeleton("romeo"), jid.Skeleton("juliet"))
}
