package xmlstream

import "unicode/utf8"

// Classes of ASCII characters, as bits.
const (
	nameStart  = 1 << iota // may begin an NCName
	nameChar               // may go on in an NCName
	textPlain              // stands for itself in character data
	cdataPlain             // stands for itself in a CDATA section
	attrPlain              // stands for itself in either kind of attribute value
	blank                  // white space, XML 1.0 §2.3
	written                // is written as it is, wherever it stands
)

var class = makeClasses()

func makeClasses() (t [256]uint8) {
	for c := 0x20; c < 0x80; c++ {
		t[c] = textPlain | cdataPlain | attrPlain | written
	}
	for _, c := range "<>&'\"" {
		t[c] &^= written
	}
	for _, c := range "\t\n" {
		t[c] = textPlain | cdataPlain
	}
	for _, c := range " \t\r\n" {
		t[c] |= blank
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c] |= nameStart | nameChar
		t[c-'a'+'A'] |= nameStart | nameChar
	}
	t['_'] |= nameStart | nameChar
	for _, c := range "0123456789-." {
		t[c] |= nameChar
	}
	for _, c := range "<&]" {
		t[c] &^= textPlain
	}
	t[']'] &^= cdataPlain
	for _, c := range "<&'\"" {
		t[c] &^= attrPlain
	}
	return t
}

// isChar reports whether c may stand in XML, XML 1.0 §2.2. A decoded rune is
// never a surrogate.
func isChar(c rune) bool {
	if c < 0x20 {
		return c == '\t' || c == '\n' || c == '\r'
	}
	return c < 0xD800 || c > 0xDFFF && c < 0xFFFE || c > 0xFFFF && c <= utf8.MaxRune
}

// isNameStart is NameStartChar of XML 1.0 §2.3 beyond ASCII.
func isNameStart(c rune) bool {
	switch {
	case c < 0x80:
		return class[c&0x7F]&nameStart != 0
	case c < 0xC0:
		return false
	case c <= 0x2FF:
		return c != 0xD7 && c != 0xF7
	case c <= 0x1FFF:
		return c >= 0x370 && c != 0x37E
	case c <= 0x218F:
		return c >= 0x2070 || c == 0x200C || c == 0x200D
	case c <= 0x2FEF:
		return c >= 0x2C00
	case c <= 0xD7FF:
		return c >= 0x3001
	case c <= 0xFDCF:
		return c >= 0xF900
	case c <= 0xFFFD:
		return c >= 0xFDF0
	}
	return c >= 0x10000 && c <= 0xEFFFF
}

// isNameChar is NameChar of XML 1.0 §2.3 without the colon.
func isNameChar(c rune) bool {
	if c < 0x80 {
		return class[c&0x7F]&nameChar != 0
	}
	return isNameStart(c) || c == 0xB7 || c >= 0x300 && c <= 0x36F || c == 0x203F || c == 0x2040
}

// ValidName reports whether s is an NCName (Namespaces in XML 1.0 §3), which is
// what elements and attributes may be called.
func ValidName(s string) bool {
	if s == "" || len(s) > maxName || class[s[0]]&nameStart == 0 && s[0] < 0x80 {
		return false
	}
	plain := 0
	for plain < len(s) && class[s[plain]]&nameChar != 0 {
		plain++
	}
	if plain == len(s) {
		return true
	}
	if !utf8.ValidString(s) {
		return false
	}
	for i, c := range s {
		if !isNameChar(c) || i == 0 && !isNameStart(c) {
			return false
		}
	}
	return true
}

// ValidText returns the offset of the first byte of s that can't stand in XML,
// be it an illegal character (XML 1.0 §2.2) or bad UTF-8; -1 if all is well.
func ValidText(s string) (badOffset int) {
	for i := plainRun(s, 0); i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if class[c]&(cdataPlain|blank) == 0 && c != ']' {
				return i
			}
			i = plainRun(s, i+1)
			continue
		}
		c, n := utf8.DecodeRuneInString(s[i:])
		if c == utf8.RuneError && n == 1 || !isChar(c) {
			return i
		}
		i += n
	}
	return -1
}
