package xmlstream

import "unicode/utf8"

// A verdict says how scanning goes on.
type verdict uint8

const (
	next  verdict = iota // with the next state
	more                 // once there are more bytes
	whole                // not at all: the element is complete
	ended                // not at all: the end tag of the root was read
	bad                  // not at all: s.err says why
)

// States of a scanner, each between two bytes.
type state uint8

const (
	inContent  state = iota
	afterLT          // <
	afterBang        // <!
	inCDATA          // <![CDATA[
	inTagName        // <a
	inTag            // <a, between attributes
	inAttrName       // <a b
	afterAttr        // <a b, its name complete
	afterEqual       // <a b=
	inValue          // <a b='
	afterSlash       // <a/
	inEndName        // </a
	afterEnd         // </a, its name complete
)

// A scanner reads one element. It may stop behind any byte and be called again
// with more, so that every byte is looked at once (save for a few bytes of
// lookahead). References and line ends are decoded in place: what they stand for
// is never longer than they are.
//
// All offsets count from the < of the element.
type scanner struct {
	state state
	quote byte // that ends the attribute value
	text  bool // a run of text has begun at val
	spare bool // a blank has been seen since the last attribute
	alone bool // only the start tag is wanted (the root's)
	empty bool // that start tag is the end tag as well

	pos   int // next byte to look at
	tag   int // < of the start tag being read
	tok   int // start of the name being read
	colon int // its colon, -1 without
	end   int // its end
	val   int // start of the text or value being read
	w     int // where its next decoded byte goes

	elements int
	attrs    int    // in the start tag being read, with declarations
	first    int    // binds index at which those of the start tag begin
	owner    int    // node of the start tag
	def      uint32 // default namespace inside of it
	hasDef   bool   // declared by itself

	window // of all that run is given

	lot    *lot    // that nodes are made in
	nodes  []node  // of this element
	apart  bool    // they are not in the lot, which has no room for so many
	frames []frame // open elements
	binds  []binding
	order  []int32 // scratch of the search for duplicates

	root     *root
	lim      Limits
	maxNodes int
	err      *Error
}

// A frame is an element that lacks its end tag.
type frame struct {
	node  int32
	binds int32  // length of scanner.binds outside of it
	q     uint32 // offset of its qualified name
	qLen  uint32
	def   uint32 // default namespace inside
}

// begin makes s ready for an element below root.
func (s *scanner) begin(rt *root, lim Limits) {
	most := lim.maxNodes()
	s.state, s.text, s.alone, s.empty = afterLT, false, false, false
	s.base -= s.pos // the window lies ahead of the element before
	s.pos, s.elements, s.err = 1, 0, nil
	s.root, s.lim, s.maxNodes = rt, lim, most
	s.takeRoom(most)
	s.frames, s.binds = s.frames[:0], s.binds[:0]
}

// run scans b, which starts with the element and holds all that has arrived. It
// may write to b.
func (s *scanner) run(b []byte) verdict {
	b = b[:min(len(b), s.lim.StanzaBytes)]
	switch { // what has been scanned may be beyond limits that have changed since
	case s.pos > len(b):
		return s.fail(PolicyViolation, "element too long")
	case s.isTag() && s.pos-s.tag > s.lim.StartTagBytes:
		return s.fail(PolicyViolation, "start tag too long")
	}
	for {
		v := s.fast(b)
		if v == next {
			v = s.step(b)
		}
		switch {
		case v == next:
			continue
		case v != more:
			return v
		case s.isTag() && len(b)-s.tag >= s.lim.StartTagBytes:
			return s.fail(PolicyViolation, "start tag too long")
		case len(b) >= s.lim.StanzaBytes:
			return s.fail(PolicyViolation, "element too long")
		}
		return more
	}
}

func (s *scanner) step(b []byte) verdict {
	switch s.state {
	case inContent:
		return s.scanText(b)
	case afterLT:
		return s.scanMarkup(b)
	case afterBang:
		return s.scanBang(b)
	case inCDATA:
		return s.scanCDATA(b)
	case inEndName:
		return s.scanEndName(b)
	case afterEnd:
		return s.scanEndTail(b)
	}
	return s.scanTag(b[:min(len(b), s.tag+s.lim.StartTagBytes)])
}

// isTag reports whether s is inside a start tag.
func (s *scanner) isTag() bool { return s.state >= inTagName && s.state <= afterSlash }

func (s *scanner) fail(condition, text string) verdict {
	s.err = &Error{condition, text}
	return bad
}

// scanMarkup looks at the byte behind <.
func (s *scanner) scanMarkup(b []byte) verdict {
	if s.pos >= len(b) {
		return more
	}
	switch c := b[s.pos]; c {
	case '/':
		if s.alone || len(s.frames) == 0 && s.root.name == nil {
			return s.fail(NotWellFormed, "end tag without start tag")
		}
		s.pos++
		s.tok = s.pos
		s.state = inEndName
		if !s.flushText() {
			return bad
		}
		return next
	case '!':
		s.pos++
		s.state = afterBang
		return next
	case '?':
		return s.fail(RestrictedXML, "processing instruction")
	}
	if !s.flushText() {
		return bad
	}
	return s.startElement()
}

// startElement counts an element whose < was read.
func (s *scanner) startElement() verdict {
	s.elements++
	switch {
	case s.elements > s.lim.Elements:
		return s.fail(PolicyViolation, "too many elements")
	case len(s.frames) >= s.lim.Depth:
		return s.fail(PolicyViolation, "elements nested too deep")
	case s.push(kindElement, 0, 0) == nil:
		return bad
	}
	s.owner = len(s.nodes) - 1
	s.tag, s.tok, s.colon = s.pos-1, s.pos, -1
	s.attrs, s.first, s.hasDef = 0, len(s.binds), false
	s.def = s.space()
	s.state = inTagName
	return next
}

// space returns the default namespace in force.
func (s *scanner) space() uint32 {
	if n := len(s.frames); n > 0 {
		return s.frames[n-1].def
	}
	return s.root.def
}

// push appends a node without a name, within the bound, which the capacity never
// exceeds; nil: no further one. It is made where it stands, field by field: a copy
// of one costs as much as all the rest.
func (s *scanner) push(kind uint8, value, size int) *node {
	i := len(s.nodes)
	if i == cap(s.nodes) && !s.growNodes() {
		return nil
	}
	s.nodes = s.nodes[:i+1]
	n := &s.nodes[i]
	n.name, n.value, n.size, n.ns, n.nameLen, n.kind = 0, uint32(value), uint32(size), 0, 0, kind
	return n
}

// rune decodes the character at b[p], whose first byte isn't ASCII. Its length
// is 0 if it is cut off.
func (s *scanner) rune(b []byte, p int) (c rune, n int, v verdict) {
	if c := b[p]; c >= 0xC2 && c < 0xE0 && p+1 < len(b) && b[p+1]&0xC0 == 0x80 {
		return rune(c&0x1F)<<6 | rune(b[p+1]&0x3F), 2, next
	}
	c, n = utf8.DecodeRune(b[p:])
	switch {
	case c == utf8.RuneError && n == 1:
		if !utf8.FullRune(b[p:]) {
			return 0, 0, more
		}
		return 0, 0, s.fail(UnsupportedEncoding, "invalid UTF-8")
	case c&^1 == 0xFFFE:
		return 0, 0, s.fail(NotWellFormed, "illegal character")
	}
	return c, n, next
}
