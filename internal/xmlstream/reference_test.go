package xmlstream_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gosmack/xmpp/internal/xmlstream"
)

// A reference reads one element with encoding/xml, and adds what that lets through and XML and its namespaces forbid: it looks
// at raw tokens, and at the bytes that they were.
type reference struct {
	in     string
	d      *xml.Decoder
	open   []openElement
	closed bool // the root is
	out    strings.Builder
}

type openElement struct {
	name     xml.Name // prefix and local part
	prefixes map[string]string
}

var (
	errForbidden = errors.New("a stream has none")
	// errUnsure says that the reference can't judge: encoding/xml has the names of the fourth edition of XML 1.0.
	errUnsure = errors.New("unsure")
)

// refer returns what the element says as outline has it.
func refer(in string) (string, error) {
	in = strings.Trim(in, " \t\r\n")
	r := &reference{in: in, d: xml.NewDecoder(strings.NewReader(in))}
	for {
		from := r.d.InputOffset()
		tok, err := r.d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = r.token(tok, in[from:r.d.InputOffset()])
		}
		if err != nil {
			if strings.ContainsFunc(in, func(c rune) bool { return c >= 0x80 }) && strings.Contains(err.Error(), "name") {
				err = errUnsure
			}
			return "", err
		}
	}
	if !r.closed {
		return "", errors.New("incomplete")
	}
	return r.out.String(), nil
}

func (r *reference) token(tok xml.Token, raw string) error {
	switch tok := tok.(type) {
	case xml.StartElement:
		return r.start(tok, raw)
	case xml.EndElement:
		if len(r.open) == 0 || r.open[len(r.open)-1].name != tok.Name {
			return errors.New("another end tag")
		}
		r.open = r.open[:len(r.open)-1]
		r.closed = len(r.open) == 0
		r.out.WriteString(")")
	case xml.CharData:
		if len(r.open) == 0 {
			return errors.New("text outside")
		}
		if !strings.HasPrefix(raw, "<![CDATA[") && surrogate(raw) {
			return errors.New("reference to a surrogate")
		}
		r.out.Write(tok)
	default: // comment, processing instruction, directive
		return errForbidden
	}
	return nil
}

func (r *reference) start(tok xml.StartElement, raw string) error {
	if r.closed {
		return errors.New("a second root")
	}
	prefixes := map[string]string{"": "", "xml": "http://www.w3.org/XML/1998/namespace"}
	if len(r.open) > 0 {
		prefixes = maps.Clone(r.open[len(r.open)-1].prefixes)
	}
	if err := checkTag(raw); err != nil {
		return err
	}
	seen := make(map[xml.Name]bool)
	for i, a := range tok.Attr {
		tok.Attr[i].Value = strings.NewReplacer("\n", " ", "\t", " ").Replace(a.Value) // XML 1.0 §3.3.3
		if seen[a.Name] {
			return errors.New("twice")
		}
		seen[a.Name] = true
		if err := declare(prefixes, a.Name, tok.Attr[i].Value); err != nil {
			return err
		}
	}
	name, err := resolve(prefixes, tok.Name, prefixes[""])
	if err != nil {
		return err
	}
	fmt.Fprintf(&r.out, "(%s", quoteName(name))
	clear(seen)
	for _, a := range tok.Attr {
		if a.Name.Space == "xmlns" || a.Name == (xml.Name{Local: "xmlns"}) {
			continue
		}
		name, err := resolve(prefixes, a.Name, "")
		if err != nil {
			return err
		}
		if seen[name] {
			return errors.New("twice, by two prefixes")
		}
		seen[name] = true
		r.out.WriteString(" " + quoteName(name) + "=" + quote(a.Value))
	}
	r.open = append(r.open, openElement{tok.Name, prefixes})
	return nil
}

// declare takes an attribute for a declaration if it is one (Namespaces in XML 1.0 §3).
func declare(prefixes map[string]string, name xml.Name, value string) error {
	const nsXML, nsXMLNS = "http://www.w3.org/XML/1998/namespace", "http://www.w3.org/2000/xmlns/"
	switch {
	case name == (xml.Name{Local: "xmlns"}):
		if value == nsXML || value == nsXMLNS {
			return errors.New("reserved")
		}
		prefixes[""] = value
	case name.Space == "xmlns":
		if value == "" || value == nsXMLNS || name.Local == "xmlns" || (name.Local == "xml") != (value == nsXML) || !isNCName(name.Local) {
			return errors.New("no declaration")
		}
		prefixes[name.Local] = value
	}
	return nil
}

func resolve(prefixes map[string]string, name xml.Name, without string) (xml.Name, error) {
	if !isNCName(name.Local) || name.Space != "" && !isNCName(name.Space) {
		return name, errors.New("no name")
	}
	if name.Space == "" {
		return xml.Name{Space: without, Local: name.Local}, nil
	}
	uri, ok := prefixes[name.Space]
	if !ok {
		return name, errors.New("undeclared")
	}
	return xml.Name{Space: uri, Local: name.Local}, nil
}

// isNCName is for what encoding/xml takes for a part of a name.
func isNCName(s string) bool {
	return s != "" && !strings.Contains(s, ":") && !strings.ContainsAny(s[:1], "-.0123456789")
}

// checkTag looks for attributes that no blank stands between, and references.
func checkTag(raw string) error {
	quoted := byte(0)
	for i := range len(raw) {
		switch c := raw[i]; {
		case quoted == 0 && (c == '"' || c == '\''):
			quoted = c
		case quoted != 0 && c == quoted:
			quoted = 0
			if i+1 < len(raw) && !strings.ContainsRune(" \t\r\n/>", rune(raw[i+1])) {
				return errors.New("no blank")
			}
		}
	}
	if surrogate(raw) {
		return errors.New("reference to a surrogate")
	}
	if blanks := references(raw); slices.ContainsFunc(blanks, func(n uint64) bool { return n < 0x20 }) {
		return errUnsure // literal blanks are normalized, and encoding/xml doesn't tell them apart
	}
	return nil
}

var charReference = regexp.MustCompile(`&#(x[0-9a-fA-F]+|[0-9]+);`)

func references(raw string) (all []uint64) {
	for _, m := range charReference.FindAllStringSubmatch(raw, -1) {
		digits, base := m[1], 10
		if digits[0] == 'x' {
			digits, base = digits[1:], 16
		}
		if n, err := strconv.ParseUint(digits, base, 64); err == nil {
			all = append(all, n)
		}
	}
	return all
}

func surrogate(raw string) bool {
	return slices.ContainsFunc(references(raw), func(n uint64) bool { return n >= 0xD800 && n <= 0xDFFF })
}

// differential compares with the reference: both accept the same, with the same names, attributes and text.
func differential(t *testing.T, in string, e xmlstream.Element, err error) {
	t.Helper()
	theirs, refused := refer(in)
	if errors.Is(refused, errUnsure) || condition(err) == xmlstream.PolicyViolation {
		return
	}
	if (err == nil) != (refused == nil) {
		t.Fatalf("%q: %v, the reference says %v", in, err, refused)
	}
	if err != nil {
		return
	}
	var ours strings.Builder
	outline(&ours, e)
	if ours.String() != theirs {
		t.Fatalf("%q: %q, the reference has %q", in, ours.String(), theirs)
	}
}

func outline(b *strings.Builder, e xmlstream.Element) {
	b.WriteString("(" + quoteName(xml.Name{Space: e.Space(), Local: e.Local()}))
	for name, value := range e.Attrs() {
		b.WriteString(" " + quoteName(name) + "=" + quote(value))
	}
	for n := range e.Nodes() {
		b.WriteString(n.Text)
		if !n.Element.IsZero() {
			outline(b, n.Element)
		}
	}
	b.WriteString(")")
}
