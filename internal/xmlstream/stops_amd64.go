package xmlstream

// useAVX2 says that the processor has what findStops needs.
var useAVX2 = hasAVX2()

func hasAVX2() bool

// findStops lists the stops of b[:n], n a positive multiple of block, as offsets into it,
// behind them done, which is how far it came: to the end of n, or less if the list
// is full or a block follows that isn't in order beyond ASCII. If that is the
// first one, all its bytes beyond ASCII are stops. b begins between two characters;
// one that done cuts in two is a stop as well.
//
//go:noescape
func findStops(b *byte, n int, stops *[stopsRoom]uint16) (done, count int)

// look makes w begin at p, which is between two characters, if enough bytes follow.
// Without AVX2 nobody asks.
func (w *window) look(b []byte, p int) bool {
	n := min(windowSize, (len(b)-p)&^(block-1))
	if n <= 0 {
		return false
	}
	w.base, w.k = p, 0
	w.n, w.count = findStops(&b[p], n, &w.stops)
	return true
}
