package xmlstream

import "encoding/binary"

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
	if to >= len(b) || b[to] != '>' || !sameName(b, from, int(f.q), int(f.qLen)) {
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

// sameName compares the n bytes at i with those at j. Names are short.
func sameName(b []byte, i, j, n int) bool {
	if n <= 8 && i+8 <= len(b) {
		x, y := binary.LittleEndian.Uint64(b[i:]), binary.LittleEndian.Uint64(b[j:])
		return (x^y)<<((64-8*n)&63) == 0
	}
	return string(b[i:i+n]) == string(b[j:j+n])
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
	s.skip(p)
	for p < len(b) && b[p] == ' ' {
		if n++; n > s.lim.Attributes {
			return next
		}
		if useAVX2 {
			p = s.fastAttr(b, p+1, &attrs)
		} else {
			p = s.otherAttr(b, p+1, &attrs)
		}
		if p == 0 {
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
	if a.seen&bit != 0 {
		a.alike = true
	}
	a.seen |= bit
}

// fastAttr reads the attribute at p and returns where it ends, or 0. Nearly all
// have a name of up to eight small letters and a value between the next two stops.
func (s *scanner) fastAttr(b []byte, p int, attrs *attrNames) int {
	w := &s.window
	if !w.pair(b, p) {
		return s.otherAttr(b, p, attrs)
	}
	t, at := b[p:], p-w.base
	open, end := int(w.stops[w.k])-at, int(w.stops[w.k+1])-at
	n := uint(open - 1)
	if len(t) < 10 || n-1 >= 8 || end >= len(t) || t[n] != '=' {
		return s.otherAttr(b, p, attrs)
	}
	quote := t[n+1]
	if quote != t[end] || quote != '"' && quote != '\'' || notLetters(binary.LittleEndian.Uint64(t))<<((64-8*n)&63) != 0 {
		return s.otherAttr(b, p, attrs)
	}
	w.k += 2
	if n == 5 && string(t[:5]) == "xmlns" {
		return s.fastDecl(b, p, -1, p+5, p+7, p+end)
	}
	i := len(s.nodes)
	if i == cap(s.nodes) && !s.growNodes() {
		return 0
	}
	s.nodes = s.nodes[:i+1]
	a := &s.nodes[i]
	a.name, a.value, a.size, a.ns, a.nameLen, a.kind = uint32(p), uint32(p+open+1), uint32(end-open-1), 0, uint16(n), kindAttr
	attrs.add(t[:n])
	return p + end + 1
}

// otherAttr is fastAttr for any name in ASCII, and without a window.
func (s *scanner) otherAttr(b []byte, p int, attrs *attrNames) int {
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
	s.skip(end + 1)
	first, colon := name.end, -1
	if name.local > p {
		first, colon = name.local-1, name.local-1
	}
	if string(b[p:first]) == "xmlns" {
		return s.fastDecl(b, p, colon, name.end, val, end)
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

// fastDecl is fastAttr for the declaration of a namespace, whose name has its
// colon, if any, and its end there.
func (s *scanner) fastDecl(b []byte, p, colon, nameEnd, val, end int) int {
	if colon < 0 && !s.hasDef {
		if ref, known := wellKnownRef(b[val:end]); known && ref != refXML && ref != refXMLNS {
			s.hasDef, s.def = true, ref
			return end + 1
		}
	}
	s.tok, s.colon, s.end, s.val, s.w = p, colon, nameEnd, val, end
	if s.declare(b) != next {
		return 0
	}
	return end + 1
}
