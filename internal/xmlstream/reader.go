package xmlstream

import "io"

// Reader reads the elements of a stream. It reads from its source only when it
// has no complete element, blocks as the source does, and must not be used by
// two goroutines at once. The elements it returns are independent of it.
//
// While it waits for an element to begin it holds 512 bytes of buffer, and none
// where the source returned with an error in place of waiting. Buffers come from
// a pool and go back to it.
type Reader struct {
	buffer
	lim     Limits
	phase   phase
	sc      *scanner // while elements are on their way
	busy    bool     // one of them has begun
	root    *root
	err     *Error // ends the stream
	ignored int64
}

type phase uint8

const (
	atProlog  phase = iota // nothing of the document was read
	atRestart              // the same, but white space of the last stream may come
	atRoot                 // the XML declaration is done with
	inRoot
	afterRoot
)

// NewReader returns a Reader that expects the header of a stream.
func NewReader(src io.Reader, lim Limits) *Reader {
	r := new(Reader)
	r.Reset(src, lim)
	return r
}

// Reset makes r what NewReader returns. What it has read and not returned is
// forgotten.
func (r *Reader) Reset(src io.Reader, lim Limits) {
	r.release()
	r.start = r.end
	r.move(nil, nil)
	*r = Reader{lim: lim.withDefaults()}
	r.src = src
}

// SetLimits changes the limits, for what is read from now on.
func (r *Reader) SetLimits(lim Limits) {
	r.lim = lim.withDefaults()
	if r.sc != nil {
		r.sc.lim, r.sc.maxNodes = r.lim, r.lim.maxNodes()
	}
}

// Restart makes r expect the header of a new stream on the same source, as after
// SASL (RFC 6120 §4.3.3). Bytes that have been read already are kept; an error
// in the XML stays.
func (r *Reader) Restart() {
	r.release()
	r.phase = atRestart
}

// Buffered returns the number of bytes that were read from the source and belong
// to no element returned yet.
func (r *Reader) Buffered() int { return r.end - r.start }

// Partial reports whether an element has begun and isn't complete.
func (r *Reader) Partial() bool { return r.busy }

// Ignored returns how many bytes of white space between elements were skipped.
func (r *Reader) Ignored() int64 { return r.ignored }

// Header reads the start of a stream up to the end of the start tag of its root
// element and returns that as an element without children, whatever its name. It
// returns an *Error if that isn't well-formed, which is final,
// io.ErrUnexpectedEOF if the source ends, and other errors of the source as they
// are, after which it may be called again.
func (r *Reader) Header() (Element, error) {
	if r.phase >= inRoot {
		return Element{}, errHeader
	}
	for r.err == nil {
		if r.phase != atRoot {
			if !r.prolog() {
				if err := r.more(); err != nil {
					return Element{}, err
				}
			}
			continue
		}
		t, v, err := r.step(noRoot, true)
		if v != next || err != nil {
			return t.Element(), err
		}
	}
	return Element{}, r.err
}

// Next returns the next complete child of the root element. It returns io.EOF
// after the end tag of the root, whatever follows that, io.ErrUnexpectedEOF if
// the source ends before it, an *Error if the XML must be refused, which is
// final, and other errors of the source as they are, after which it may be
// called again.
func (r *Reader) Next() (Element, error) {
	t, err := r.Draft()
	return t.Keep(), err
}

// Draft is Next for who hands elements on: [Draft.Keep] or [Draft.Drop] has to be called for what it returns.
func (r *Reader) Draft() (Draft, error) {
	if r.phase < inRoot {
		return Draft{}, errNoHeader
	}
	for r.err == nil {
		if r.phase == afterRoot {
			return Draft{}, io.EOF
		}
		t, v, err := r.step(r.root, false)
		if v == ended {
			r.phase = afterRoot
		}
		if v == whole || err != nil {
			return t, err
		}
	}
	return Draft{}, r.err
}

// step goes on until an element is complete or one Read has been made.
func (r *Reader) step(below *root, alone bool) (Draft, verdict, error) {
	if !r.busy && !r.begin(below, alone) {
		if r.err != nil {
			return Draft{}, bad, r.err
		}
		return Draft{}, next, r.more()
	}
	switch v := r.sc.run(r.bytes()); v {
	case more:
		return Draft{}, next, r.more()
	case bad:
		r.err = r.sc.err
		r.release()
		return Draft{}, bad, r.err
	default:
		return r.finish(v, alone), v, nil
	}
}

// begin skips white space and starts an element if there is one.
func (r *Reader) begin(below *root, alone bool) bool {
	p := r.start
	for p < r.end && class[r.buf[p]]&blank != 0 {
		p++
	}
	skipped := p - r.start
	r.ignored += int64(skipped)
	r.start = p
	if p == r.end {
		r.release()
		return false
	}
	if c := r.buf[p]; c != '<' {
		r.err = outsideError(c, alone)
		return false
	}
	if r.sc == nil {
		r.sc = scanners.Get().(*scanner)
	}
	r.busy = true
	r.sc.base -= skipped
	r.sc.begin(below, r.lim)
	r.sc.alone = alone
	return true
}

// outsideError says what is wrong with a byte between elements.
func outsideError(c byte, prolog bool) *Error {
	switch {
	case class[c]&(cdataPlain|blank) == 0 && c < 0x80 && c != ']':
		return &Error{NotWellFormed, "illegal character"}
	case prolog:
		return &Error{NotWellFormed, "text before the stream"}
	}
	return &Error{BadFormat, "text between elements"}
}

// finish takes the complete element out of the buffer.
func (r *Reader) finish(v verdict, alone bool) (t Draft) {
	s := r.sc
	b := r.bytes()[:s.pos]
	if v == whole {
		if alone || r.start+s.pos == r.end && s.lot.size > 0 && s.lot.given < fewDrafts {
			t = Draft{s.commit(b).d} // what is left of the lot would be held for few
		} else {
			t = s.draft(b)
		}
	}
	if alone {
		r.root = s.commitRoot(b)
		r.phase = inRoot
		if s.empty {
			r.phase = afterRoot
		}
	}
	r.start += s.pos
	r.busy = false
	if r.start == r.end || s.apart {
		r.release()
	}
	r.shrink()
	return t
}

// release gives the scratch memory back.
func (r *Reader) release() {
	r.busy = false
	if r.sc != nil {
		r.sc.release()
		r.sc = nil
	}
}

// more reads from the source.
func (r *Reader) more() error {
	err := r.fill(r.lim.StanzaBytes)
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
