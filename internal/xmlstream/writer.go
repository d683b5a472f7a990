package xmlstream

import (
	"encoding/xml"
	"strconv"
	"unicode/utf8"
)

// Writer appends elements to one buffer that the caller reuses. After the first
// error it appends nothing more; nothing is ever dropped or replaced in silence.
// The zero value is ready, with an empty buffer and no outer namespace. It isn't
// safe for concurrent use.
type Writer struct {
	buf   []byte
	outer string // default namespace outside of the first element
	open  []frameOut
	inTag bool       // the last start tag still lacks its >
	attrs []xml.Name // of that start tag
	pfx   prefixes   // of that start tag
	err   error
}

// frameOut is an element that lacks its end tag.
type frameOut struct {
	space string // default namespace inside
	local string
	isXML bool // written with the prefix xml
}

// WriteError says which element or attribute can't be written, and why.
type WriteError struct {
	Name   string // of the element or attribute, as far as it can be shown
	Reason string
}

// Error returns the name and the reason.
func (e *WriteError) Error() string {
	if e.Name == "" {
		return "XML: " + e.Reason
	}
	return "XML: " + e.Name + ": " + e.Reason
}

// Reset makes w append to buf, forgetting errors and open elements. outerSpace
// is the default namespace in force where the bytes will stand.
func (w *Writer) Reset(buf []byte, outerSpace string) {
	w.buf, w.outer, w.err, w.inTag = buf, outerSpace, nil, false
	clear(w.open)
	clear(w.attrs)
	clear(w.pfx.spaces)
	w.open, w.attrs, w.pfx.spaces = w.open[:0], w.attrs[:0], w.pfx.spaces[:0]
}

// Start opens an element, whose namespace may be "".
func (w *Writer) Start(space, local string) {
	if w.err != nil {
		return
	}
	switch {
	case !ValidName(local):
		w.fail(local, "not a name for an element")
		return
	case space == nsXMLNS:
		w.fail(local, "the namespace of xmlns is reserved")
		return
	}
	w.closeTag()
	prefix, outer := elementPrefix(space), w.space()
	w.buf = append(append(append(w.buf, '<'), prefix...), local...)
	if prefix == "" && space != outer {
		if !w.check(local, "namespace", space) {
			return
		}
		w.buf = appendAttr(w.buf, "", "xmlns", space)
		outer = space
	}
	w.open = append(w.open, frameOut{outer, local, prefix != ""})
	w.inTag = true
}

// Attr adds an attribute without namespace to the element just started.
func (w *Writer) Attr(local, value string) { w.AttrNS("", local, value) }

// AttrNS adds an attribute to the element just started. The namespace
// http://www.w3.org/XML/1998/namespace has the prefix xml, others get one.
func (w *Writer) AttrNS(space, local, value string) {
	switch {
	case w.err != nil:
		return
	case !w.inTag:
		w.fail(local, "attribute outside of a start tag")
		return
	case !ValidName(local):
		w.fail(local, "not a name for an attribute")
		return
	case space == nsXMLNS || space == "" && local == "xmlns":
		w.fail(local, "namespaces are declared by Start")
		return
	}
	name := xml.Name{Space: space, Local: local}
	for _, n := range w.attrs {
		if n == name {
			w.fail(local, "attribute is there already")
			return
		}
	}
	if !w.check(local, "namespace", space) {
		return
	}
	w.attrs = append(w.attrs, name)
	var prefix string
	if space != "" {
		w.buf, prefix = w.pfx.appendDecl(w.buf, space)
	}
	w.buf = append(append(append(append(w.buf, ' '), prefix...), local...), '=', '\'')
	var ok bool
	if w.buf, ok = AppendValue(w.buf, value); !ok {
		w.check(local, "value", value)
		return
	}
	w.buf = append(w.buf, '\'')
}

// Text adds character data to the innermost open element.
func (w *Writer) Text(s string) {
	switch {
	case w.err != nil:
		return
	case len(w.open) == 0:
		w.fail("", "text outside of an element")
		return
	case s == "":
		return
	}
	tag, at := w.inTag, len(w.buf)
	w.closeTag()
	var ok bool
	if w.buf, ok = AppendText(w.buf, s); !ok {
		w.inTag, w.buf = tag, w.buf[:at]
		w.check(w.open[len(w.open)-1].local, "text", s)
	}
}

// End closes the innermost open element.
func (w *Writer) End() {
	if w.err != nil {
		return
	}
	last := len(w.open) - 1
	if last < 0 {
		w.fail("", "End without Start")
		return
	}
	f := w.open[last]
	w.open = w.open[:last]
	if w.inTag {
		w.buf = append(w.buf, '/', '>')
		w.endTag()
		return
	}
	w.buf = append(w.buf, '<', '/')
	if f.isXML {
		w.buf = append(w.buf, "xml:"...)
	}
	w.buf = append(append(w.buf, f.local...), '>')
}

// Element adds an element that was read, with all that it contains. The zero
// Element adds nothing.
func (w *Writer) Element(e Element) {
	if w.err != nil || e.IsZero() {
		return
	}
	w.closeTag()
	w.buf = e.Append(w.buf, w.space())
}

// Err returns the first error, always a *WriteError. Elements that are still
// open are none; see [Writer.Depth].
func (w *Writer) Err() error { return w.err }

// Depth returns how many elements are open.
func (w *Writer) Depth() int { return len(w.open) }

// Bytes returns the buffer given to Reset with what was written since. It is
// valid until the next call of a method of w, and of use only if Err is nil and
// Depth is zero.
func (w *Writer) Bytes() []byte { return w.buf }

// Len returns the length of Bytes.
func (w *Writer) Len() int { return len(w.buf) }

// space returns the default namespace in force.
func (w *Writer) space() string {
	if n := len(w.open); n > 0 {
		return w.open[n-1].space
	}
	return w.outer
}

func (w *Writer) closeTag() {
	if w.inTag {
		w.buf = append(w.buf, '>')
		w.endTag()
	}
}

func (w *Writer) endTag() {
	w.inTag = false
	w.attrs, w.pfx.spaces = w.attrs[:0], w.pfx.spaces[:0]
}

// check fails if s can't stand in XML.
func (w *Writer) check(name, what, s string) bool {
	i := ValidText(s)
	if i < 0 {
		return true
	}
	reason := "invalid UTF-8"
	if c, n := utf8.DecodeRuneInString(s[i:]); c != utf8.RuneError || n != 1 {
		reason = codePoint(c)
	}
	w.fail(name, what+": "+reason+" at byte "+strconv.Itoa(i)+" can't stand in XML")
	return false
}

// codePoint returns c as in U+001B.
func codePoint(c rune) string {
	hex := strconv.FormatInt(int64(c), 16)
	for len(hex) < 4 {
		hex = "0" + hex
	}
	upper := []byte("U+" + hex)
	for i, b := range upper {
		if b >= 'a' {
			upper[i] = b - 'a' + 'A'
		}
	}
	return string(upper)
}

func (w *Writer) fail(name, reason string) {
	if len(name) > 64 || !ValidName(name) {
		name = strconv.Quote(name[:min(len(name), 64)])
	}
	if name == `""` {
		name = ""
	}
	w.err = &WriteError{Name: name, Reason: reason}
}
