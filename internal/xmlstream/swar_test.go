package xmlstream

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// Eight bytes at a time must stop just where one at a time does.
func TestManyBytesAtATime(t *testing.T) {
	index := func(b []byte, p int, stops func(c byte) bool) int {
		if i := slices.IndexFunc(b[p:], stops); i >= 0 {
			return p + i
		}
		return len(b)
	}
	odd := func(c byte) bool { return c < 0x20 || c >= 0x80 }
	r := rand.New(rand.NewPCG(1, 2))
	room := make([]byte, 48)
	for range 30_000 {
		b := room[:28+r.IntN(20)]
		for i := range b {
			b[i] = byte('a' + r.IntN(26))
			if r.IntN(12) == 0 {
				b[i] = byte(r.IntN(256))
			}
		}
		for i := r.IntN(len(b)); i < len(b) && r.IntN(4) > 0; i++ {
			// Characters of all lengths, some at the edges of what there is, some with a wrong byte.
			edges := [...]rune{0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFD, 0xFFFE, 0xFFFF, 0x10000, 0x1FFFE, 0x10FFFF}
			c := edges[r.IntN(len(edges))]
			if r.IntN(2) == 0 {
				c = rune(0x80 + r.IntN(0x10F000))
			}
			copy(b[i:], string(c))
			if i += len(string(c)) - 1; r.IntN(4) == 0 && i < len(b) {
				b[i-r.IntN(2)] ^= byte(1 << r.IntN(8))
			}
		}
		p := r.IntN(20)
		x := binary.LittleEndian.Uint64(b[p:])
		require.Equal(t, x, load(string(b), p))
		letter := index(b[p:p+8], 0, func(c byte) bool { return c < 'a' || c > 'z' })
		require.Equal(t, letter, letters(x), "letters of %q", b[p:p+8])
		for _, quote := range []byte("'\"") {
			want := index(b, p, func(c byte) bool { return odd(c) || c == quote || c == '<' || c == '&' })
			require.Equal(t, want, plainValue(b, p, quote), "value %q from %d", b, p)
		}
		require.Equal(t, textEnd(b, p), plainText(b, p), "text %q from %d", b, p)
		written := index(b, p, func(c byte) bool { return odd(c) || c == '<' || c == '>' || c == '&' || c == '\'' || c == '"' })
		require.Equal(t, written, plainRun(string(b), p), "written %q from %d", b, p)
	}
}

// textEnd is plainText, one character at a time.
func textEnd(b []byte, p int) int {
	for p < len(b) {
		c, n := utf8.DecodeRune(b[p:])
		switch {
		case c == '\n' || c == '\t':
		case c == ']' && (p+1 == len(b) || b[p+1] == ']'):
			return p
		case c < 0x20 || c == '<' || c == '&' || c == utf8.RuneError && n == 1 || c&^1 == 0xFFFE:
			return p
		}
		p += n
	}
	return p
}
