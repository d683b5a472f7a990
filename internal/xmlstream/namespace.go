package xmlstream

import (
	"bytes"
	"cmp"
	"slices"
)

// A binding is a prefix declared inside the element being read.
type binding struct {
	prefix    uint32 // its offset
	prefixLen uint32
	ref       uint32
}

// root is what the stream header leaves to the elements below it. It doesn't
// change once made.
type root struct {
	name  []byte // qualified name, for the end tag; nil: there is no root
	def   uint32 // default namespace
	binds []rootBinding
	outer []string // namespaces that aren't well known
}

type rootBinding struct {
	prefix string
	ref    uint32
}

// noRoot is what an element that stands alone is below.
var noRoot = &root{}

// declare handles the namespace declaration just read (Namespaces in XML 1.0
// §3 and §6).
func (s *scanner) declare(b []byte) verdict {
	uri := b[s.val:s.w]
	if len(uri) > maxNamespace {
		return s.fail(PolicyViolation, "namespace too long")
	}
	ref, known := s.find(b, uri)
	if s.colon < 0 {
		return s.declareDefault(ref, known)
	}
	prefix := b[s.colon+1 : s.end]
	isXML := string(prefix) == "xml"
	switch {
	case string(prefix) == "xmlns", isXML != (ref == refXML), ref == refXMLNS:
		return s.fail(BadNamespacePrefix, "reserved prefix or namespace declared")
	case ref == refNone:
		return s.fail(BadNamespacePrefix, "prefix declared as nothing")
	}
	for _, d := range s.binds[s.first:] {
		if string(b[d.prefix:d.prefix+d.prefixLen]) == string(prefix) {
			return s.fail(NotWellFormed, "prefix declared twice")
		}
	}
	if len(s.binds)+len(s.root.binds) >= s.lim.Attributes {
		return s.fail(PolicyViolation, "too many namespace prefixes")
	}
	s.binds = append(s.binds, binding{uint32(s.colon + 1), uint32(len(prefix)), ref})
	return s.keepDecl(known)
}

func (s *scanner) declareDefault(ref uint32, known bool) verdict {
	if ref == refXML || ref == refXMLNS {
		return s.fail(NotWellFormed, "reserved namespace declared as default")
	}
	if s.hasDef {
		return s.fail(NotWellFormed, "default namespace declared twice")
	}
	s.hasDef, s.def = true, ref
	return s.keepDecl(known)
}

// find returns a reference to a namespace and whether it exists already. All
// prefixes in scope that stand for one namespace have the same reference, so
// that references compare in place of names.
func (s *scanner) find(b, uri []byte) (ref uint32, known bool) {
	if ref, known = wellKnownRef(uri); known {
		return ref, true
	}
	for _, d := range s.binds {
		if d.ref >= nsDecl && string(s.nodes[d.ref&nsMaskIx].valueIn(b)) == string(uri) {
			return d.ref, true
		}
	}
	for i, space := range s.root.outer {
		if space == string(uri) {
			return nsOuter | uint32(i), true
		}
	}
	return nsDecl | uint32(len(s.nodes)), false
}

// keepDecl gives a new namespace its node.
func (s *scanner) keepDecl(known bool) verdict {
	if !known && s.push(kindDecl, s.val, s.w-s.val) == nil {
		return bad
	}
	return next
}

// resolve replaces prefixes by namespaces in the start tag just read.
func (s *scanner) resolve(b []byte) verdict {
	n := &s.nodes[s.owner]
	if n.ns == 0 {
		n.ns = s.def
	} else if !s.bind(b, n) {
		return bad
	}
	attrs := s.nodes[s.owner+1:]
	for i := range attrs {
		if a := &attrs[i]; a.kind == kindAttr && a.ns != 0 && !s.bind(b, a) {
			return bad
		}
	}
	if s.duplicates(b, attrs) {
		return s.fail(NotWellFormed, "attribute given twice")
	}
	return next
}

// bind replaces the prefix of n by the namespace it stands for.
func (s *scanner) bind(b []byte, n *node) bool {
	prefix := b[n.name-1-n.ns : n.name-1]
	if string(prefix) == "xml" {
		n.ns = refXML
		return true
	}
	for i := len(s.binds) - 1; i >= 0; i-- {
		d := &s.binds[i]
		if string(b[d.prefix:d.prefix+d.prefixLen]) == string(prefix) {
			n.ns = d.ref
			return true
		}
	}
	for i := range s.root.binds {
		if d := &s.root.binds[i]; d.prefix == string(prefix) {
			n.ns = d.ref
			return true
		}
	}
	s.fail(BadNamespacePrefix, "prefix not declared")
	return false
}

// fewAttrs is up to how many attributes all pairs are compared.
const fewAttrs = 12

// duplicates reports whether two attributes have the same expanded name.
func (s *scanner) duplicates(b []byte, attrs []node) bool {
	if len(attrs) > fewAttrs {
		return s.manyDuplicates(b, attrs)
	}
	for i := range attrs {
		for j := range attrs[:i] {
			x, y := &attrs[i], &attrs[j]
			if x.nameLen == y.nameLen && x.ns == y.ns && x.kind == y.kind && x.kind == kindAttr && string(x.localIn(b)) == string(y.localIn(b)) {
				return true
			}
		}
	}
	return false
}

func (s *scanner) manyDuplicates(b []byte, attrs []node) bool {
	s.order = s.order[:0]
	for i := range attrs {
		if attrs[i].kind == kindAttr {
			s.order = append(s.order, int32(i))
		}
	}
	slices.SortFunc(s.order, func(i, j int32) int { return compareNames(b, &attrs[i], &attrs[j]) })
	for i := 1; i < len(s.order); i++ {
		if compareNames(b, &attrs[s.order[i-1]], &attrs[s.order[i]]) == 0 {
			return true
		}
	}
	return false
}

// compareNames orders attributes by local name and namespace.
func compareNames(b []byte, x, y *node) int {
	if c := cmp.Compare(x.ns, y.ns); c != 0 {
		return c
	}
	return bytes.Compare(x.localIn(b), y.localIn(b))
}

func (n *node) valueIn(b []byte) []byte { return b[n.value : n.value+n.size] }

func (n *node) localIn(b []byte) []byte { return b[n.name : n.name+uint32(n.nameLen)] }

// spaceIn returns the namespace that ref stands for while b is being read.
func (s *scanner) spaceIn(b []byte, ref uint32) string {
	switch {
	case ref < nsOuter:
		return wellKnown[ref]
	case ref < nsDecl:
		return s.root.outer[ref&nsMaskIx]
	}
	return string(s.nodes[ref&nsMaskIx].valueIn(b))
}
