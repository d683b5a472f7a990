package xmlstream

import (
	"bytes"
	"strings"
)

// maxDeclaration bounds the XML declaration.
const maxDeclaration = 256

const byteOrderMark = "\xEF\xBB\xBF"

// prolog reads what may stand before the root: a byte order mark and the XML
// declaration (XML 1.0 §2.8). It returns false if it needs more bytes; with an
// error it returns true.
func (r *Reader) prolog() bool {
	if r.phase == atRestart {
		// The last stream may have ended with white space (RFC 6120 §4.6.1).
		for r.start < r.end && class[r.buf[r.start]]&blank != 0 {
			r.start++
			r.ignored++
		}
	}
	b := r.bytes()
	if len(b) == 0 {
		return false
	}
	mark := match(b, byteOrderMark)
	switch {
	case mark < 0:
		return false
	case mark == 0 && (b[0] >= 0x80 || b[0] == 0):
		r.err = &Error{UnsupportedEncoding, "not UTF-8"}
		return true
	}
	n := match(b[mark:], "<?xml")
	if n > 0 {
		n = r.declaration(b[mark:])
	}
	if n < 0 {
		return false
	}
	r.start += mark + n
	r.phase = atRoot
	return true
}

// declaration returns the length of the XML declaration, -1 if it isn't all
// there.
func (r *Reader) declaration(b []byte) int {
	const begin = "<?xml"
	if len(b) == len(begin) {
		return -1
	}
	if class[b[len(begin)]]&blank == 0 {
		return 0 // some other processing instruction
	}
	end := bytes.Index(b[:min(len(b), maxDeclaration)], []byte("?>"))
	if end < 0 {
		if len(b) < maxDeclaration {
			return -1
		}
		r.err = &Error{NotWellFormed, "malformed XML declaration"}
		return 0
	}
	r.err = checkDeclaration(string(b[len(begin):end]))
	return end + 2
}

// checkDeclaration checks what stands between <?xml and ?>.
func checkDeclaration(s string) *Error {
	malformed := &Error{NotWellFormed, "malformed XML declaration"}
	version, s, ok := pseudoAttr(s, "version")
	if !ok {
		return malformed
	}
	if version != "1.0" {
		return &Error{NotWellFormed, "XML version other than 1.0"}
	}
	if encoding, rest, ok := pseudoAttr(s, "encoding"); ok {
		if !strings.EqualFold(encoding, "UTF-8") {
			return &Error{UnsupportedEncoding, "encoding other than UTF-8"}
		}
		s = rest
	}
	if standalone, rest, ok := pseudoAttr(s, "standalone"); ok {
		if standalone != "yes" && standalone != "no" {
			return malformed
		}
		s = rest
	}
	if strings.Trim(s, blanks) != "" {
		return malformed
	}
	return nil
}

const blanks = " \t\r\n"

// pseudoAttr reads white space and name="value" off s.
func pseudoAttr(s, name string) (value, rest string, ok bool) {
	t := strings.TrimLeft(s, blanks)
	if t == s || !strings.HasPrefix(t, name) {
		return "", s, false
	}
	t = strings.TrimLeft(t[len(name):], blanks)
	if !strings.HasPrefix(t, "=") {
		return "", s, false
	}
	t = strings.TrimLeft(t[1:], blanks)
	if t == "" || t[0] != '\'' && t[0] != '"' {
		return "", s, false
	}
	end := strings.IndexByte(t[1:], t[0])
	if end < 0 {
		return "", s, false
	}
	return t[1 : 1+end], t[2+end:], true
}
