package xmlstream

// Sizes of a window.
const (
	block      = 32   // bytes looked at at once
	windowSize = 2048 // bytes at most
	stopsMost  = 128  // so many stops end it
	stopsRoom  = stopsMost + block + 2
)

// A window is what is known of the bytes from base on: where the stops are, which
// are all bytes that could end a text or a value: < & ] ' " control characters,
// and what may be wrong beyond ASCII. What is not in the list stands for itself.
// It is found for many bytes at once where the processor can (look), and fast.go
// walks the list; elsewhere a window is always empty, and plain.go does its work.
//
// References are decoded in place, but only behind the byte to be looked at next,
// so what is ahead stays true, and so it does from one element to the next.
type window struct {
	base  int // offset of the first byte known, from the < of the element
	n     int // how many are
	count int // how many of them are stops
	k     int // the next stop to look at, mostly

	stops [stopsRoom]uint16 // from base on, in order, and behind them n
}

// skip passes over the stops before p.
func (w *window) skip(p int) {
	k := w.k
	for k < w.count && w.base+int(w.stops[k]) < p {
		k++
	}
	w.k = k
}

// pair reports whether two stops are ahead in the window. If not it has first tried
// one that begins at p, which is between two characters.
func (w *window) pair(b []byte, p int) bool {
	return w.k+1 < w.count || w.base != p && w.look(b, p) && w.count > 1
}

// textEnd is plainText, by the window.
func (w *window) textEnd(b []byte, p int) int {
	for p < len(b) {
		o, k := uint(p-w.base), w.k
		switch {
		case o >= uint(w.n):
			if !w.look(b, p) {
				return plainText(b, p)
			}
			o, k = 0, 0
		case k > 0 && uint(w.stops[k-1]) >= o:
			k = 0 // back where a tag began that wasn't complete
		}
		for uint(w.stops[k]) < o {
			k++
		}
		end := w.base + int(w.stops[k])
		if end >= len(b) {
			w.k = k
			return len(b)
		}
		p, w.k = end, min(k+1, w.count)
		switch c := b[p]; { // the byte behind the window is looked at like a stop
		case c == '<' || c == '&':
			return p
		case c >= 0x80:
			if p += plainRunes(b[p:]); p < len(b) && b[p] >= 0x80 {
				return p
			}
		case class[c]&textPlain != 0, c == ']' && p+1 < len(b) && b[p+1] != ']':
			p++
		default:
			return p
		}
	}
	return p
}
