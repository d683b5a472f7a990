package xmlstream

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// fast reads on over tags that are there as a whole and of the plain sort, which
// is nearly all of them, and the text between them. In front of the first tag
// that isn't it stops, as if it had never looked, and leaves it, mistakes among
// them, to the other states. So it decides nothing but that a tag is in order.
func (s *scanner) fast(b []byte) verdict {
	for {
		if s.state == inContent {
			if v := s.scanText(b); v != next {
				return v
			}
		}
		if s.state != afterLT || s.pos >= len(b) {
			return next
		}
		v := next
		if b[s.pos] == '/' {
			v = s.fastEnd(b)
		} else {
			v = s.fastStart(b)
		}
		if v != more {
			return v
		}
	}
}

// fastEnd reads an end tag; more: it was one, and content goes on.
func (s *scanner) fastEnd(b []byte) verdict {
	last := len(s.frames) - 1
	if last < 0 {
		return next
	}
	f := &s.frames[last]
	from := s.pos + 1
	to := from + int(f.qLen)
	if to >= len(b) || b[to] != '>' || string(b[from:to]) != string(b[f.q:f.q+f.qLen]) {
		return next
	}
	if !s.flushText() {
		s.text = true // as if nothing had been: the other states find the same fault
		return next
	}
	s.pos = to + 1
	n := &s.nodes[f.node]
	n.value, n.size = uint32(s.pos), uint32(len(s.nodes))
	s.frames = s.frames[:last]
	s.binds = s.binds[:f.binds]
	if last == 0 {
		return whole
	}
	s.state = inContent
	return more
}

// fastStart reads a start tag; more: it was one, and content goes on.
func (s *scanner) fastStart(b []byte) verdict {
	if s.alone || s.elements >= s.lim.Elements || len(s.frames) >= s.lim.Depth {
		return next
	}
	at, nodes, text, val, w := s.pos-1, len(s.nodes), s.text, s.val, s.w
	s.first = len(s.binds)
	if v := s.fastTag(b[:min(len(b), at+s.lim.StartTagBytes)]); v != next {
		return v
	}
	// As if nothing had been.
	s.pos, s.nodes, s.text, s.val, s.w = at+1, s.nodes[:nodes], text, val, w
	s.binds = s.binds[:s.first]
	return next
}

func (s *scanner) fastTag(b []byte) verdict {
	at := s.pos - 1
	name := plainName(b, at+1)
	if name.local == 0 || !s.flushText() || s.push(kindElement, 0, 0) == nil {
		return next
	}
	s.owner, s.hasDef, s.def = len(s.nodes)-1, false, s.space()
	var attrs attrNames
	p, n := name.end, 0
	for p < len(b) && b[p] == ' ' {
		if n++; n > s.lim.Attributes {
			return next
		}
		if p = s.fastAttr(b, p+1, &attrs); p == 0 {
			return next
		}
	}
	empty := p < len(b) && b[p] == '/'
	if empty {
		p++
	}
	if p >= len(b) || b[p] != '>' {
		return next
	}
	p++
	e := &s.nodes[s.owner]
	e.name, e.nameLen = uint32(name.local), uint16(name.end-name.local)
	if name.local > at+1 {
		e.ns = uint32(name.local - 1 - (at + 1))
	}
	if (e.ns != 0 || attrs.prefixed || attrs.alike) && s.resolve(b) != next {
		return next
	}
	if e.ns == 0 {
		e.ns = s.def
	}
	s.elements++
	s.pos, s.state = p, inContent
	if !empty {
		s.frames = append(s.frames, frame{})
		f := &s.frames[len(s.frames)-1]
		f.node, f.binds, f.q, f.qLen, f.def = int32(s.owner), int32(s.first), uint32(at+1), uint32(name.end-at-1), s.def
		return more
	}
	e.value, e.size = uint32(p), uint32(len(s.nodes))
	s.binds = s.binds[:s.first]
	if len(s.frames) == 0 {
		return whole
	}
	return more
}

// attrNames is what is known of the names of a tag's attributes.
type attrNames struct {
	prefixed bool   // one has a prefix
	alike    bool   // two may be the same
	seen     uint64 // a bit for each
}

func (a *attrNames) add(name []byte) {
	n := len(name)
	bit := uint64(1) << ((uint(name[0]) + 7*uint(name[n-1]) + 13*uint(n)) & 63)
	a.alike = a.alike || a.seen&bit != 0
	a.seen |= bit
}

// fastAttr reads the attribute at p and returns where it ends, or 0.
func (s *scanner) fastAttr(b []byte, p int, attrs *attrNames) int {
	name := plainName(b, p)
	if name.local == 0 || name.end+1 >= len(b) || b[name.end] != '=' {
		return 0
	}
	quote := b[name.end+1]
	if quote != '\'' && quote != '"' {
		return 0
	}
	val := name.end + 2
	end := plainValue(b, val, quote)
	if end >= len(b) || b[end] != quote {
		return 0
	}
	first, colon := name.end, -1
	if name.local > p {
		first, colon = name.local-1, name.local-1
	}
	if string(b[p:first]) == "xmlns" {
		if colon < 0 && !s.hasDef {
			if ref, known := wellKnownRef(b[val:end]); known && ref != refXML && ref != refXMLNS {
				s.hasDef, s.def = true, ref
				return end + 1
			}
		}
		s.tok, s.colon, s.end, s.val, s.w = p, colon, name.end, val, end
		if s.declare(b) != next {
			return 0
		}
		return end + 1
	}
	n := s.push(kindAttr, val, end-val)
	if n == nil {
		return 0
	}
	n.name, n.nameLen = uint32(name.local), uint16(name.end-name.local)
	if colon >= 0 {
		n.ns, attrs.prefixed = uint32(first-p), true
	}
	attrs.add(b[name.local:name.end])
	return end + 1
}

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
func letters(x uint64) int {
	atLeast, atMost := (x|tops)-ones*'a', ones*('z'|0x80)-x
	return bits.TrailingZeros64(^(atLeast&atMost)&tops|x&tops) / 8
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
			for p < len(b) && b[p] >= 0x80 {
				if c := b[p]; c >= 0xC2 && c < 0xE0 && p+1 < len(b) && b[p+1]&0xC0 == 0x80 {
					p += 2
					continue
				}
				n := plainRune(b[p:])
				if n == 0 {
					return p
				}
				p += n
			}
		case class[c]&textPlain != 0, c == ']' && p+1 < len(b) && b[p+1] != ']':
			p++
		default:
			return p
		}
	}
	return p
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
