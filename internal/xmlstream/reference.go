package xmlstream

// maxReference bounds a reference, leading zeros included.
const maxReference = 32

// parseReference decodes the reference that b starts with (XML 1.0 §4.1, §4.6)
// and returns its length: 0 if there is none that is allowed, -1 if more bytes
// are needed to tell.
func parseReference(b []byte) (c rune, n int) {
	if len(b) < 2 {
		return 0, -1
	}
	if b[1] == '#' {
		return parseCharRef(b)
	}
	// The usual ones first.
	switch {
	case len(b) < 5:
	case b[1] == 'a' && b[2] == 'm' && b[3] == 'p' && b[4] == ';':
		return '&', 5
	case b[2] == 't' && b[3] == ';' && b[1] == 'l':
		return '<', 4
	case b[2] == 't' && b[3] == ';' && b[1] == 'g':
		return '>', 4
	}
	for _, e := range [...]struct {
		name string
		c    rune
	}{{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}} {
		if n := match(b, e.name); n != 0 {
			return e.c, n
		}
	}
	return 0, 0
}

func parseCharRef(b []byte) (c rune, n int) {
	if len(b) < 3 {
		return 0, -1
	}
	i, base := 2, rune(10)
	if b[2] == 'x' {
		i, base = 3, 16
	}
	digits := i
	for ; i < min(len(b), maxReference); i++ {
		d := digit(b[i])
		if b[i] == ';' && i > digits && isChar(c) {
			return c, i + 1
		}
		if d >= base {
			return 0, 0
		}
		if c = c*base + d; c > 0x10FFFF {
			return 0, 0
		}
	}
	if i == maxReference {
		return 0, 0
	}
	return 0, -1
}

// digit returns the value of a hexadecimal digit, 16 for any other byte.
func digit(c byte) rune {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0')
	case c >= 'a' && c <= 'f':
		return rune(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return rune(c-'A') + 10
	}
	return 16
}
