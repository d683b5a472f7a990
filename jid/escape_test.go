package jid_test

import (
	"testing"
	"testing/quick"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/jid"
)

func TestEscape(t *testing.T) {
	for _, tc := range []struct{ plain, escaped string }{ // XEP-0106 §4, §5.3, §6
		{"", ""},
		{"juliet", "juliet"},
		{"d'artagnan", `d\27artagnan`},
		{"space cadet", `space\20cadet`},
		{`call me "ishmael"`, `call\20me\20\22ishmael\22`},
		{"at&t guy", `at\26t\20guy`},
		{"/.fanboy", `\2f.fanboy`},
		{"::foo::", `\3a\3afoo\3a\3a`},
		{"<foo>", `\3cfoo\3e`},
		{"user@host", `user\40host`},
		{`c:\net`, `c\3a\net`},
		{`c:\5commas`, `c\3a\5c5commas`},
		{`c:\cool stuff`, `c\3a\cool\20stuff`},
		{`\3and\2is\5cool`, `\5c3and\2is\5c5cool`},
		{`\2plus\2is\4`, `\2plus\2is\4`},
		{`foo\bar`, `foo\bar`},
		{`foob\41r`, `foob\41r`},
		{`Andr\E9`, `Andr\E9`},
		{`\2F`, `\5c2F`}, // would read as a slash once its case is folded
		{`\\20`, `\\5c20`},
		{`\`, `\`},
		{`\2`, `\2`},
		{"\u00fc&", "\u00fc\\26"},
	} {
		require.Equal(t, tc.escaped, jid.Escape(tc.plain))
		require.Equal(t, tc.plain, jid.Unescape(tc.escaped))
	}
	require.Equal(t, `\2F\3A`, jid.Unescape(`\2F\3A`), "case is significant")
}

func TestEscapeComesBack(t *testing.T) {
	alphabet := []rune(`\\\\0123456789abcdefABCDEF "&'/:<>@ü`)
	require.NoError(t, quick.Check(func(picks []uint8) bool {
		s := make([]rune, len(picks))
		for i, p := range picks {
			s[i] = alphabet[int(p)%len(alphabet)]
		}
		return jid.Unescape(jid.Escape(string(s))) == string(s)
	}, &quick.Config{MaxCount: 20_000}))
}

func TestEscapedIsALocalPart(t *testing.T) {
	const mail = `o'hara & sons/"x":<\20>@example.com`
	j, err := jid.New(jid.Escape(mail), "gateway.example", "")
	require.NoError(t, err)
	require.Equal(t, mail, jid.Unescape(j.Local()))
}
