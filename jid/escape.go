package jid

import "strings"

// escapable are the characters that XEP-0106 escapes, each as a backslash and
// its two hexadecimal digits in lower case.
const escapable = " \"&'/:<>@\\"

const hexDigits = "0123456789abcdef"

// Escape makes text, such as an e-mail address, fit for a local part
// (XEP-0106 §4). A backslash is escaped only where it would otherwise read as
// the beginning of an escape, in either case, since local parts lose their
// case. It is for a local part alone, never for a whole address, and must not
// be applied twice. The result may still be refused by [New], for reasons other
// than these characters. A space at either end is escaped too; the XEP asks
// that a local part not begin or end so, and it is for the caller to trim.
func Escape(s string) string {
	if !strings.ContainsAny(s, escapable) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if strings.IndexByte(escapable, c) < 0 {
			b.WriteByte(c)
			continue
		}
		if c == '\\' {
			if _, ok := escaped(strings.ToLower(s[i:min(i+3, len(s))])); !ok {
				b.WriteByte(c)
				continue
			}
		}
		b.WriteByte('\\')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}

// Unescape is the inverse of [Escape] and makes a local part fit for display or
// for a foreign system. Only the ten sequences of XEP-0106 are replaced, and
// only in lower case. The result must not be compared with addresses or put
// into one.
func Unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c, ok := escaped(s[i:min(i+3, len(s))])
		if !ok {
			b.WriteByte(s[i])
			continue
		}
		b.WriteByte(c)
		i += 2
	}
	return b.String()
}

// escaped returns the character that the three bytes of seq stand for.
func escaped(seq string) (byte, bool) {
	if len(seq) != 3 || seq[0] != '\\' {
		return 0, false
	}
	hi, lo := strings.IndexByte(hexDigits, seq[1]), strings.IndexByte(hexDigits, seq[2])
	if hi < 0 || lo < 0 {
		return 0, false
	}
	c := byte(hi<<4 | lo)
	return c, strings.IndexByte(escapable, c) >= 0
}
