package xmlstream

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// A nameEnd is where a qualified name has its local part, 0 if it isn't plain, and its end.
type nameEnd struct{ local, end int }

// plainName finds the end of a name of ASCII letters that another byte follows.
func plainName(b []byte, p int) nameEnd {
	from, local := p, p
	// Up to eight small letters at once.
	if p+8 <= len(b) {
		p += letters(binary.LittleEndian.Uint64(b[p:]))
	}
	for {
		if p == local {
			if p >= len(b) || class[b[p]]&nameStart == 0 {
				return nameEnd{}
			}
			p++
		}
		for p < len(b) && class[b[p]]&nameChar != 0 {
			p++
		}
		switch {
		case p >= len(b) || b[p] >= 0x80 || p-from > maxName:
			return nameEnd{}
		case b[p] != ':':
			return nameEnd{local, p}
		case local > from:
			return nameEnd{}
		}
		p++
		local = p
	}
}

// letters counts the bytes from a to z that x begins with.
func letters(x uint64) int { return lowest(notLetters(x)) }

// notLetters has the top bit of each byte of x set that isn't from a to z, up to
// and with the lowest such byte.
func notLetters(x uint64) uint64 {
	atLeast, atMost := (x|tops)-ones*'a', ones*('z'|0x80)-x
	return ^(atLeast&atMost)&tops | x&tops
}

// plainValue finds the end of an attribute value that stands for itself: its
// quote, or the first byte that another state has to look at.
func plainValue(b []byte, p int, quote byte) int {
	// Both ' and " differ from & in one bit.
	bit := uint64(quote ^ '&')
	bits8, quotes := ones*bit, ones*(bit|'&')
	for ; p+8 <= len(b); p += 8 {
		x := binary.LittleEndian.Uint64(b[p:])
		q, lt := (x|bits8)^quotes, x^ones*'<'
		if stop := (x | (x-ones*0x20)&^x | (q-ones)&^q | (lt-ones)&^lt) & tops; stop != 0 {
			return p + bits.TrailingZeros64(stop)/8
		}
	}
	for ; p < len(b); p++ {
		if c := b[p]; c == quote || c < 0x20 || c >= 0x80 || c == '<' || c == '&' {
			break
		}
	}
	return p
}

// plainText finds the end of a text that stands for itself: its <, or the first
// byte that another state has to look at.
func plainText(b []byte, p int) int {
	for p < len(b) {
		if p+8 <= len(b) {
			x := binary.LittleEndian.Uint64(b[p:])
			lt, amp, end := x^ones*'<', x^ones*'&', x^ones*']'
			stop := (x | (x-ones*0x20)&^x | (lt-ones)&^lt | (amp-ones)&^amp | (end-ones)&^end) & tops
			if stop == 0 {
				p += 8
				continue
			}
			p += bits.TrailingZeros64(stop) / 8
		}
		switch c := b[p]; {
		case c >= 0x80:
			if p += plainRunes(b[p:]); p < len(b) && b[p] >= 0x80 {
				return p
			}
		case class[c]&textPlain != 0, c == ']' && p+1 < len(b) && b[p+1] != ']':
			p++
		default:
			return p
		}
	}
	return p
}

// plainRunes is the length of the characters beyond ASCII that b begins with, up to
// one that another state has to look at.
func plainRunes(b []byte) (n int) {
	for n < len(b) && b[n] >= 0x80 {
		if c := b[n]; c >= 0xC2 && c < 0xE0 && n+1 < len(b) && b[n+1]&0xC0 == 0x80 {
			n += 2
			continue
		}
		more := plainRune(b[n:])
		if more == 0 {
			break
		}
		n += more
	}
	return n
}

// plainRune is the length of the character beyond ASCII that b begins with, 0 if
// another state has to look at it.
func plainRune(b []byte) int {
	if len(b) < 4 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 || r&^1 == 0xFFFE {
			return 0
		}
		return n
	}
	c, b1, b2, b3 := b[0], b[1], b[2], b[3]
	switch {
	case b1&0xC0 != 0x80:
	case c < 0xE0:
		if c >= 0xC2 {
			return 2
		}
	case b2&0xC0 != 0x80:
	case c < 0xF0:
		r := uint32(c&0xF)<<12 | uint32(b1&0x3F)<<6 | uint32(b2&0x3F)
		if r >= 0x800 && r>>11 != 0xD800>>11 && r < 0xFFFE {
			return 3
		}
	case b3&0xC0 == 0x80:
		if r := uint32(c)<<6 | uint32(b1&0x3F); r >= 0xF0<<6|0x10 && r <= 0xF4<<6|0xF {
			return 4
		}
	}
	return 0
}
