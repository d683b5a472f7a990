package jid

// Most addresses on the wire are lower-case ASCII that was prepared long ago.
// The predicates of this file recognise such parts at the cost of one look at
// each byte. They may say no to a valid part, which then takes the long way,
// but yes only to one that preparation would leave as it is.

const (
	inLocal = 1 << iota
	inLabel
	inResource
)

// maxLabel bounds a label of a domain name in its ASCII form (RFC 1035 §2.3.4).
const maxLabel = 63

// plain tells in which parts a byte stands for itself.
var plain = func() (t [256]byte) {
	for c := byte(' '); c < 0x7f; c++ {
		t[c] = inResource
		if c != ' ' && !('A' <= c && c <= 'Z') {
			t[c] |= inLocal
		}
		if c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' {
			t[c] |= inLabel
		}
	}
	for _, c := range []byte(forbidden) {
		t[c] &^= inLocal
	}
	return t
}()

func isPlainLocal(s string) bool { return isPlain(s, inLocal) }

func isPlainResource(s string) bool { return isPlain(s, inResource) }

func isPlain(s string, part byte) bool {
	if s == "" || len(s) > maxPart {
		return false
	}
	for i := range len(s) {
		if plain[s[i]]&part == 0 {
			return false
		}
	}
	return true
}

// isPlainDomain says yes to dotted labels of a-z, 0-9 and inner hyphens. Two
// hyphens in the third and fourth place mark an encoded label (RFC 5890
// §2.3.1), which needs the long way.
func isPlainDomain(s string) bool {
	if s == "" || len(s) > maxPart {
		return false
	}
	start := 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != '.' {
			if plain[s[i]]&inLabel == 0 {
				return false
			}
			continue
		}
		label := s[start:i]
		if label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if len(label) > 3 && label[2] == '-' && label[3] == '-' {
			return false
		}
		start = i + 1
	}
	return true
}
