package xmlstream

// Limits bound what one element of the stream may cost. A field that is zero
// or negative has its default.
type Limits struct {
	StanzaBytes   int // bytes of one top-level element as received; 10 MiB
	Elements      int // elements in one top-level element, itself included; 250 000
	Depth         int // nesting, the top-level element being 1; 64
	Attributes    int // attributes of one element, namespace declarations included, and prefixes in scope; 128
	StartTagBytes int // bytes of one start tag, from < to >; 64 KiB
}

const (
	defaultStanzaBytes   = 10 << 20
	defaultElements      = 250_000
	defaultDepth         = 64
	defaultAttributes    = 128
	defaultStartTagBytes = 64 << 10

	// maxBytes keeps every offset inside an element, and the sums made of two
	// of them, inside 31 bits.
	maxBytes = 1 << 30
	// maxNamespace bounds what writing an element again may cost, where every
	// element may need a declaration in place of a short prefix.
	maxNamespace = 512
	// maxName is what a node can hold of a name.
	maxName = 1<<16 - 1
)

// withDefaults returns l with every field in its usable range.
func (l Limits) withDefaults() Limits {
	return Limits{
		StanzaBytes:   orDefault(l.StanzaBytes, defaultStanzaBytes),
		Elements:      orDefault(l.Elements, defaultElements),
		Depth:         orDefault(l.Depth, defaultDepth),
		Attributes:    orDefault(l.Attributes, defaultAttributes),
		StartTagBytes: orDefault(l.StartTagBytes, defaultStartTagBytes),
	}
}

// maxNodes bounds the nodes of one element, so that they take little more memory
// than the text they stand for. Elements and the text between them always fit;
// only attributes of less than sixteen bytes, all over a big element, don't.
func (l Limits) maxNodes() int {
	return max(2*l.Elements+l.Attributes, l.StanzaBytes/16)
}

func orDefault(n, d int) int {
	if n <= 0 {
		return d
	}
	return min(n, maxBytes)
}
