package xmlstream

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func needAVX2(t testing.TB) {
	if !useAVX2 {
		t.Skip("this processor has no AVX2")
	}
}

// plainly runs f with what other processors have.
func plainly(f func()) {
	defer func(was bool) { useAVX2 = was }(useAVX2)
	useAVX2 = false
	f()
}

// requireStops checks findStops of b, which begins between two characters, one byte
// at a time.
func requireStops(t *testing.T, b []byte) {
	t.Helper()
	n := min(windowSize, len(b)&^(block-1))
	if n == 0 {
		return
	}
	var room [stopsRoom]uint16
	done, count := findStops(&b[0], n, &room)
	if done <= 0 || done > n || done%block != 0 || count > stopsMost+block || int(room[count]) != done {
		t.Fatalf("%d of %q, and %d stops", done, b, count)
	}
	listed := make([]bool, done)
	for i, at := range room[:count] {
		if i > 0 && at <= room[i-1] {
			t.Fatalf("%q: %d", b, room[:count])
		}
		listed[at] = true
	}
	for i, c := range b[:done] {
		if c < 0x80 && listed[i] != (c < 0x20 || strings.IndexByte(`<&]'"`, c) >= 0) {
			t.Fatalf("%q at %d of %q", c, i, b)
		}
	}
	// Beyond ASCII, what isn't listed are characters that XML has, up to the first that isn't one.
	orderly := utf8.Valid(b[:n]) && !bytes.Contains(b, []byte("\xEF\xBF"))
	for p := 0; p < done; {
		c, size := utf8.DecodeRune(b[p:])
		fault, cut := c == utf8.RuneError && size == 1 || c&^1 == 0xFFFE, p+size > done
		if (fault || cut) && !listed[p] {
			t.Fatalf("%d of %q isn't listed", p, b)
		}
		if fault {
			return
		}
		if orderly && size > 1 && !cut && listed[p] {
			t.Fatalf("%d of %q is listed", p, b)
		}
		p += size
	}
	if orderly && count < stopsMost && done < n {
		t.Fatalf("%d of %q, and %d stops", done, b, count)
	}
}

func TestStopsOfEveryByte(t *testing.T) {
	needAVX2(t)
	for c := range 256 {
		for at := range 3 * block {
			b := bytes.Repeat([]byte("a"), 3*block)
			b[at] = byte(c)
			requireStops(t, b)
		}
	}
	requireStops(t, bytes.Repeat([]byte("<"), windowSize+block))
	requireStops(t, bytes.Repeat([]byte("a"), windowSize+block))
}

// Every byte beyond ASCII with what may and what may not
// follow it, where a block ends and where it doesn't.
func TestStopsBeyondASCII(t *testing.T) {
	needAVX2(t)
	edges := []byte{'a', 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBE, 0xBF, 0xC2, 0xE0, 0xF4}
	b, plain := make([]byte, 2*block), bytes.Repeat([]byte("a"), block)
	for lead := 0x80; lead < 0x100; lead++ {
		for _, second := range edges {
			for _, third := range edges {
				for _, fourth := range []byte{'a', 0x80, 0xBF} {
					for _, at := range []int{7, block - 3, block - 2, block - 1, 2*block - 2} {
						copy(b[copy(b, plain):], plain)
						copy(b[at:], []byte{byte(lead), second, third, fourth})
						requireStops(t, b)
					}
				}
			}
		}
	}
}

func FuzzStops(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		var b strings.Builder
		for range 1 + r.IntN(200) {
			b.WriteString([]string{"word ", "<", "'", "привет", "月", "👍", "é", "\xEF\xBF\xBD", "\xEF\xBF\xBE", "\xFF", "\t", "]"}[min(r.IntN(14), 11)])
		}
		f.Add([]byte(b.String()))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		needAVX2(t)
		requireStops(t, b)
		requireSameText(t, b)
	})
}

// requireSameText checks that texts from every byte on end where they do without a window.
func requireSameText(t *testing.T, b []byte) {
	b = b[:min(len(b), 300)]
	var w window
	for p := 0; p <= len(b); p++ {
		if p < len(b) && !utf8.RuneStart(b[p]) {
			continue // no text begins there
		}
		require.Equal(t, textEnd(b, p), w.textEnd(b, p), "%q from %d", b, p)
		require.Equal(t, textEnd(b, p), plainText(b, p), "%q from %d", b, p)
	}
	for p := len(b); p >= 0; p-- { // and back
		if p < len(b) && utf8.RuneStart(b[p]) {
			require.Equal(t, textEnd(b, p), w.textEnd(b, p), "%q from %d", b, p)
		}
	}
}
