package xmlstream

import (
	"bytes"
	"unicode/utf8"
)

// scanText reads character data up to the next <.
func (s *scanner) scanText(b []byte) verdict {
	if !s.text {
		s.text, s.val, s.w = true, s.pos, s.pos
	}
	for {
		p := s.pos
		if useAVX2 {
			p = s.textEnd(b, p)
		} else {
			p = plainText(b, p)
		}
		s.keep(b, p)
		if p >= len(b) {
			return more
		}
		switch c := b[p]; {
		case c == '<':
			s.pos = p + 1
			s.state = afterLT
			return next
		case c == '&':
			if v := s.reference(b); v != next {
				return v
			}
		case c == ']':
			if n := match(b[p:], "]]>"); n == 3 {
				return s.fail(NotWellFormed, "]]> in text")
			} else if n < 0 {
				return more
			}
			s.keep(b, p+1)
		default:
			if v := s.special(b, '\n'); v != next {
				return v
			}
		}
	}
}

// scanBang reads what follows <!, which may only be a CDATA section.
func (s *scanner) scanBang(b []byte) verdict {
	if s.pos >= len(b) {
		return more
	}
	if b[s.pos] != '[' {
		return s.fail(RestrictedXML, "comment or document type")
	}
	if len(s.frames) == 0 {
		return s.fail(NotWellFormed, "CDATA section outside of an element")
	}
	switch n := match(b[s.pos:], "[CDATA["); {
	case n < 0:
		return more
	case n == 0:
		return s.fail(NotWellFormed, "malformed CDATA section")
	}
	s.pos += len("[CDATA[")
	s.state = inCDATA
	return next
}

// scanCDATA reads a CDATA section, which goes on with the run of text.
func (s *scanner) scanCDATA(b []byte) verdict {
	for {
		s.plain(b, cdataPlain)
		p := s.pos
		if p >= len(b) {
			return more
		}
		if b[p] == ']' {
			switch n := match(b[p:], "]]>"); {
			case n < 0:
				return more
			case n > 0:
				s.pos = p + 3
				s.state = inContent
				return next
			}
			s.keep(b, p+1)
			continue
		}
		if v := s.special(b, '\n'); v != next {
			return v
		}
	}
}

// match returns the length of want if b starts with it, -1 if it may once more
// bytes have come, 0 if it doesn't.
func match(b []byte, want string) int {
	if len(b) >= len(want) {
		if string(b[:len(want)]) == want {
			return len(want)
		}
		return 0
	}
	if string(b) == want[:len(b)] {
		return -1
	}
	return 0
}

// plain takes over the bytes that stand for themselves.
func (s *scanner) plain(b []byte, mask uint8) {
	p := s.pos
	for p < len(b) && class[b[p]]&mask != 0 {
		p++
	}
	s.keep(b, p)
}

// keep takes over the bytes up to p as they are.
func (s *scanner) keep(b []byte, p int) {
	if s.w != s.pos {
		copy(b[s.w:], b[s.pos:p])
	}
	s.w += p - s.pos
	s.pos = p
}

// special handles CR and what isn't plain ASCII. Line ends become eol.
func (s *scanner) special(b []byte, eol byte) verdict {
	p := s.pos
	switch c := b[p]; {
	case c == '\r':
		if p+1 >= len(b) {
			return more
		}
		s.put(b, eol)
		s.pos = p + 1
		if b[p+1] == '\n' {
			s.pos++
		}
		return next
	case c < 0x80:
		return s.fail(NotWellFormed, "illegal character")
	}
	for p < len(b) && b[p] >= 0x80 {
		_, n, v := s.rune(b, p)
		if v != next {
			s.keep(b, p)
			return v
		}
		p += n
	}
	s.keep(b, p)
	return next
}

func (s *scanner) put(b []byte, c byte) {
	b[s.w] = c
	s.w++
}

// reference decodes the entity or character reference at s.pos.
func (s *scanner) reference(b []byte) verdict {
	c, n := parseReference(b[s.pos:])
	switch {
	case n < 0:
		return more
	case n == 0:
		return s.fail(NotWellFormed, "undefined entity or impossible character reference")
	}
	if c < utf8.RuneSelf {
		s.put(b, byte(c))
	} else {
		s.w += utf8.EncodeRune(b[s.w:], c)
	}
	s.pos += n
	return next
}

// flushText ends the run of text, if any, and returns false if it is too much.
func (s *scanner) flushText() bool {
	run := s.text && s.w > s.val
	s.text = false
	return !run || s.push(kindText, s.val, s.w-s.val) != nil
}

// scanEndName compares an end tag with the element that it should close.
func (s *scanner) scanEndName(b []byte) verdict {
	want := s.root.name
	if n := len(s.frames); n > 0 {
		f := &s.frames[n-1]
		want = b[f.q : f.q+f.qLen]
	}
	want = want[s.pos-s.tok:]
	have := b[s.pos:min(len(b), s.pos+len(want))]
	if !bytes.HasPrefix(want, have) {
		return s.fail(NotWellFormed, "end tag doesn't match start tag")
	}
	s.pos += len(have)
	if len(have) < len(want) {
		return more
	}
	s.state = afterEnd
	return next
}

// scanEndTail reads an end tag behind its name.
func (s *scanner) scanEndTail(b []byte) verdict {
	for ; s.pos < len(b); s.pos++ {
		switch c := b[s.pos]; {
		case c == '>':
			s.pos++
			return s.endElement()
		case class[c]&blank == 0:
			return s.fail(NotWellFormed, "end tag doesn't match start tag")
		}
	}
	return more
}

// endElement closes the innermost element, which ends before s.pos.
func (s *scanner) endElement() verdict {
	last := len(s.frames) - 1
	if last < 0 {
		return ended
	}
	f := s.frames[last]
	n := &s.nodes[f.node]
	n.value, n.size = uint32(s.pos), uint32(len(s.nodes))
	s.frames = s.frames[:last]
	s.binds = s.binds[:f.binds]
	if last == 0 {
		return whole
	}
	s.state = inContent
	return next
}
