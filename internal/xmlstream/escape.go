package xmlstream

// AppendText appends s as character data; false: it can't stand in XML, and
// nothing was appended. What stands for itself is looked at once.
func AppendText(dst []byte, s string) ([]byte, bool) {
	if plainRun(s, 0) == len(s) {
		return append(dst, s...), true
	}
	if ValidText(s) >= 0 {
		return dst, false
	}
	return appendText(dst, s), true
}

// AppendValue is AppendText for the value of an attribute, without its quotes.
func AppendValue(dst []byte, s string) ([]byte, bool) {
	if plainRun(s, 0) == len(s) {
		return append(dst, s...), true
	}
	if ValidText(s) >= 0 {
		return dst, false
	}
	return appendValue(dst, s), true
}

// appendText appends s as character data. A raw > is escaped so that "]]>"
// can't arise, and CR because a reader would turn it into LF (XML 1.0 §2.11).
func appendText(dst []byte, s string) []byte {
	from := 0
	for i := plainRun(s, 0); i < len(s); i = plainRun(s, i+1) {
		var ref string
		switch s[i] {
		case '<':
			ref = "&lt;"
		case '>':
			ref = "&gt;"
		case '&':
			ref = "&amp;"
		case '\r':
			ref = "&#xD;"
		default:
			for i+1 < len(s) && s[i+1] >= 0x80 {
				i++
			}
			continue
		}
		dst = append(append(dst, s[from:i]...), ref...)
		from = i + 1
	}
	return append(dst, s[from:]...)
}

// appendValue appends s as the value of an attribute, without its quotes. White
// space other than blanks is written as references, since a reader would turn
// it into blanks (XML 1.0 §3.3.3).
func appendValue(dst []byte, s string) []byte {
	from := 0
	for i := plainRun(s, 0); i < len(s); i = plainRun(s, i+1) {
		var ref string
		switch s[i] {
		case '<':
			ref = "&lt;"
		case '>':
			ref = "&gt;"
		case '&':
			ref = "&amp;"
		case '\'':
			ref = "&apos;"
		case '"':
			ref = "&quot;"
		case '\t':
			ref = "&#x9;"
		case '\n':
			ref = "&#xA;"
		case '\r':
			ref = "&#xD;"
		default:
			for i+1 < len(s) && s[i+1] >= 0x80 {
				i++
			}
			continue
		}
		dst = append(append(dst, s[from:i]...), ref...)
		from = i + 1
	}
	return append(dst, s[from:]...)
}

// appendAttr appends a blank and one attribute; prefix is "" or ends in a colon.
func appendAttr(dst []byte, prefix, local, value string) []byte {
	dst = append(dst, ' ')
	dst = append(dst, prefix...)
	dst = append(dst, local...)
	dst = append(dst, '=', '\'')
	dst = appendValue(dst, value)
	return append(dst, '\'')
}
