package xmlstream

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

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
	b := make([]byte, 40)
	for range 30_000 {
		for i := range b {
			b[i] = byte('a' + r.IntN(26))
			if r.IntN(12) == 0 {
				b[i] = byte(r.IntN(256))
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
		text := index(b, p, func(c byte) bool { return odd(c) || c == '<' || c == '&' || c == ']' })
		require.Equal(t, text, skipPlain(b, p), "text %q from %d", b, p)
		written := index(b, p, func(c byte) bool { return odd(c) || c == '<' || c == '>' || c == '&' || c == '\'' || c == '"' })
		require.Equal(t, written, plainRun(string(b), p), "written %q from %d", b, p)
	}
}
