package xmlstream

import "strings"

// Parse reads a string that is one element, with nothing but white space around
// it. It returns an *Error if it isn't.
func Parse(s string, lim Limits) (Element, error) {
	s = strings.Trim(s, blanks)
	if s == "" || s[0] != '<' {
		return Element{}, &Error{NotWellFormed, "not an element"}
	}
	lim = lim.withDefaults()
	if len(s) > lim.StanzaBytes {
		return Element{}, &Error{PolicyViolation, "element too long"}
	}
	sc := scanners.Get().(*scanner)
	defer sc.release()
	sc.begin(noRoot, lim)
	b := []byte(s)
	switch sc.run(b) {
	case whole:
		if sc.pos < len(b) {
			return Element{}, &Error{NotWellFormed, "more than one element"}
		}
		return sc.commit(b), nil
	case bad:
		return Element{}, sc.err
	}
	return Element{}, &Error{NotWellFormed, "element isn't complete"}
}
