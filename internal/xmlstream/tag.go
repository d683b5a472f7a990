package xmlstream

// scanTag reads a start tag, or as much of it as b holds.
func (s *scanner) scanTag(b []byte) verdict {
	for {
		var v verdict
		switch s.state {
		case inTagName:
			v = s.scanTagName(b)
		case inTag:
			v = s.scanInTag(b)
		case inAttrName:
			v = s.scanAttrName(b)
		case afterAttr, afterEqual:
			v = s.scanEqual(b)
		case inValue:
			v = s.scanValue(b)
		case afterSlash:
			v = s.scanSlash(b)
		default:
			return next
		}
		if v != next {
			return v
		}
	}
}

// scanName reads a qualified name from s.tok on. At next, s.end is behind it.
func (s *scanner) scanName(b []byte) verdict {
	p := s.pos
	for {
		fresh := p == s.tok || p == s.colon+1
		if p >= len(b) {
			s.pos = p
			return more
		}
		c := b[p]
		switch bits := class[c]; {
		case bits&nameStart != 0, bits&nameChar != 0 && !fresh:
			p++
			for p < len(b) && class[b[p]]&nameChar != 0 {
				p++
			}
		case c >= 0x80:
			s.pos = p
			r, n, v := s.rune(b, p)
			if v != next {
				return v
			}
			if !isNameChar(r) || fresh && !isNameStart(r) {
				return s.fail(NotWellFormed, "illegal character in a name")
			}
			p += n
		case fresh:
			return s.fail(NotWellFormed, "name expected")
		case c == ':' && s.colon < 0:
			s.colon = p
			p++
		default:
			s.pos, s.end = p, p
			if p-s.tok > maxName {
				return s.fail(PolicyViolation, "name too long")
			}
			return next
		}
	}
}

// name returns the name just read as node fields.
func (s *scanner) name() (off uint32, length uint16, prefixLen uint32) {
	from := s.tok
	if s.colon >= 0 {
		prefixLen = uint32(s.colon - s.tok)
		from = s.colon + 1
	}
	return uint32(from), uint16(s.end - from), prefixLen
}

func (s *scanner) scanTagName(b []byte) verdict {
	if v := s.scanName(b); v != next {
		return v
	}
	n := &s.nodes[s.owner]
	n.name, n.nameLen, n.ns = s.name()
	n.value = uint32(s.end)
	s.spare = false
	s.state = inTag
	return next
}

// scanInTag reads up to the next attribute or the end of the tag.
func (s *scanner) scanInTag(b []byte) verdict {
	for s.attrs < s.lim.Attributes && s.plainAttr(b) {
		s.attrs++
		if v := s.endAttr(b); v != next {
			return v
		}
	}
	p := s.pos
	for p < len(b) && class[b[p]]&blank != 0 {
		p++
	}
	s.spare = s.spare || p > s.pos
	s.pos = p
	if p >= len(b) {
		return more
	}
	switch b[p] {
	case '>':
		s.pos++
		return s.openElement(b)
	case '/':
		s.pos++
		s.state = afterSlash
		return next
	}
	if !s.spare {
		return s.fail(NotWellFormed, "white space expected")
	}
	if s.attrs++; s.attrs > s.lim.Attributes {
		return s.fail(PolicyViolation, "too many attributes")
	}
	s.tok, s.colon = p, -1
	s.state = inAttrName
	return next
}

// plainAttr reads the next attribute if it is all there, behind one blank, of
// ASCII, and its value stands for itself: nearly every one. Otherwise it changes
// nothing that matters and leaves it to the other states.
func (s *scanner) plainAttr(b []byte) bool {
	p, colon := s.pos+1, -1
	if p >= len(b) || b[p-1] != ' ' || class[b[p]]&nameStart == 0 {
		return false
	}
	for p++; p < len(b) && class[b[p]]&nameChar != 0; p++ {
	}
	if p+1 < len(b) && b[p] == ':' && class[b[p+1]]&nameStart != 0 {
		colon = p
		for p++; p < len(b) && class[b[p]]&nameChar != 0; p++ {
		}
	}
	end := p
	if p+2 > len(b) || b[p] != '=' || b[p+1] != '\'' && b[p+1] != '"' || end-s.pos > maxName {
		return false
	}
	quote := b[p+1]
	val := p + 2
	for p = val; p < len(b) && class[b[p]]&attrPlain != 0; p++ {
	}
	if p >= len(b) || b[p] != quote {
		return false
	}
	s.tok, s.colon, s.end, s.val, s.w = s.pos+1, colon, end, val, p
	s.pos = p + 1
	return true
}

func (s *scanner) scanAttrName(b []byte) verdict {
	if v := s.scanName(b); v != next {
		return v
	}
	s.state = afterAttr
	return next
}

// scanEqual reads what stands between the name of an attribute and its value.
func (s *scanner) scanEqual(b []byte) verdict {
	for ; s.pos < len(b); s.pos++ {
		c := b[s.pos]
		switch {
		case class[c]&blank != 0:
		case s.state == afterAttr && c == '=':
			s.state = afterEqual
		case s.state == afterEqual && (c == '\'' || c == '"'):
			s.pos++
			s.quote = c
			s.val, s.w = s.pos, s.pos
			s.state = inValue
			return next
		default:
			return s.fail(NotWellFormed, "malformed attribute")
		}
	}
	return more
}

// scanValue reads the value of an attribute, XML 1.0 §3.3.3.
func (s *scanner) scanValue(b []byte) verdict {
	for {
		s.plain(b, attrPlain)
		p := s.pos
		if p >= len(b) {
			return more
		}
		switch c := b[p]; c {
		case s.quote:
			s.pos++
			return s.endAttr(b)
		case '\'', '"':
			s.keep(b, p+1)
		case '\t', '\n':
			s.put(b, ' ')
			s.pos++
		case '<':
			return s.fail(NotWellFormed, "< in an attribute value")
		case '&':
			if v := s.reference(b); v != next {
				return v
			}
		default:
			if v := s.special(b, ' '); v != next {
				return v
			}
		}
	}
}

// endAttr keeps the attribute just read.
func (s *scanner) endAttr(b []byte) verdict {
	s.spare = false
	s.state = inTag
	first := s.end
	if s.colon >= 0 {
		first = s.colon
	}
	if string(b[s.tok:first]) == "xmlns" {
		return s.declare(b)
	}
	n := s.push(kindAttr, s.val, s.w-s.val)
	if n == nil {
		return bad
	}
	n.name, n.nameLen, n.ns = s.name()
	return next
}

// scanSlash reads the > of an empty element.
func (s *scanner) scanSlash(b []byte) verdict {
	if s.pos >= len(b) {
		return more
	}
	if b[s.pos] != '>' {
		return s.fail(NotWellFormed, "> expected")
	}
	s.pos++
	s.empty = true
	if v := s.openElement(b); v != next {
		return v
	}
	return s.endElement()
}

// openElement ends a start tag.
func (s *scanner) openElement(b []byte) verdict {
	n := &s.nodes[s.owner]
	s.frames = append(s.frames, frame{
		node: int32(s.owner), binds: int32(s.first),
		q: uint32(s.tag + 1), qLen: n.value - uint32(s.tag+1), def: s.def,
	})
	if v := s.resolve(b); v != next {
		return v
	}
	s.state = inContent
	if s.alone {
		n.size = uint32(len(s.nodes))
		n.value = uint32(s.pos)
		return whole
	}
	return next
}
