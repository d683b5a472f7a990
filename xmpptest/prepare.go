package xmpptest

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// prepare brings a password into the form that both sides hash (SASLprep,
// RFC 4013 §2): spaces of all kinds become U+0020, what is commonly mapped to
// nothing vanishes, the rest is NFKC. What RFC 4013 prohibits is not refused
// here: that is the client's to do.
func prepare(password string) string {
	mapped := strings.Map(func(r rune) rune {
		switch {
		case r == '\u00ad', r == '\u034f', r == '\u1806', r == '\u2060', r == '\ufeff',
			r >= '\u180b' && r <= '\u180d', r >= '\u200b' && r <= '\u200d', r >= '\ufe00' && r <= '\ufe0f':
			return -1
		case r != ' ' && unicode.Is(unicode.Zs, r):
			return ' '
		}
		return r
	}, password)
	return norm.NFKC.String(mapped)
}
