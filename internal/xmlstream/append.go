package xmlstream

import "strconv"

// Append appends e in its canonical form: no element has a prefix (but for
// those in the namespace of the prefix xml), the default namespace is declared
// where it differs from that of the parent, and attributes with a namespace get
// prefixes of their own. outerSpace is the default namespace in force at the
// place where the bytes will stand. Reading them gives e again.
func (e Element) Append(dst []byte, outerSpace string) []byte {
	if e.d == nil {
		return dst
	}
	return e.d.appendElement(dst, e.i, outerSpace)
}

func (d *doc) appendElement(dst []byte, i int32, outer string) []byte {
	n := &d.nodes[i]
	space := d.space(n)
	prefix := elementPrefix(space)
	dst = append(append(append(dst, '<'), prefix...), d.local(n)...)
	if prefix == "" && space != outer {
		dst = appendAttr(dst, "", "xmlns", space)
		outer = space
	}
	e := Element{d, i}
	dst = e.appendAttrs(dst)
	at, to := e.content()
	if at == to {
		return append(dst, '/', '>')
	}
	dst = append(dst, '>')
	for ; at < to; at = d.after(at) {
		if c := &d.nodes[at]; c.kind == kindText {
			dst = appendText(dst, d.value(c))
		} else {
			dst = d.appendElement(dst, at, outer)
		}
	}
	dst = append(append(append(dst, '<', '/'), prefix...), d.local(n)...)
	return append(dst, '>')
}

// elementPrefix returns "xml:" for the one namespace that can't be the default
// (Namespaces in XML 1.0 §3), "" for all others.
func elementPrefix(space string) string {
	if space == nsXML {
		return "xml:"
	}
	return ""
}

func (e Element) appendAttrs(dst []byte) []byte {
	var p prefixes
	for name, value := range e.Attrs() {
		var prefix string
		dst, prefix = p.appendDecl(dst, name.Space)
		dst = appendAttr(dst, prefix, name.Local, value)
	}
	return dst
}

// prefixes are the prefixes made for the attributes of one start tag.
type prefixes struct{ spaces []string }

// appendDecl returns the prefix for an attribute in this namespace and appends
// its declaration if it is new in this start tag.
func (p *prefixes) appendDecl(dst []byte, space string) ([]byte, string) {
	switch space {
	case "":
		return dst, ""
	case nsXML:
		return dst, "xml:"
	}
	for i, s := range p.spaces {
		if s == space {
			return dst, prefixNumber(i)
		}
	}
	p.spaces = append(p.spaces, space)
	prefix := prefixNumber(len(p.spaces) - 1)
	return appendAttr(dst, "xmlns:", prefix[:len(prefix)-1], space), prefix
}

func prefixNumber(i int) string { return "ns" + strconv.Itoa(i+1) + ":" }
