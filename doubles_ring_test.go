package xmpp

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// The last doublesMax messages are known, and no others, whatever their fingerprints are.
func TestDoublesKnowsTheLast(t *testing.T) {
	for name, key := range map[string]func(n int) uint64{
		"random":     func(int) uint64 { return rand.Uint64() },
		"in a row":   func(n int) uint64 { return uint64(n) },
		"one place":  func(n int) uint64 { return uint64(n/64)<<40 | uint64(n%64)<<13 },
		"at the end": func(n int) uint64 { return uint64(n)<<32 | 8191 - uint64(n%3) },
	} {
		t.Run(name, func(t *testing.T) {
			var d doubles
			var keys []uint64
			for n := range 3*doublesMax + 7 {
				k := key(n)
				keys = append(keys, k)
				if d.find(k) != nil {
					t.Fatalf("message %d was known", n)
				}
				d.add(sighting{key: k, at: int32(n)})
				if s := d.find(k); s == nil || s.at != int32(n) {
					t.Fatalf("message %d isn't known", n)
				}
				if n%3001 == 0 || n > 3*doublesMax {
					for i, k := range keys {
						if late := i >= len(keys)-doublesMax; late != (d.find(k) != nil) {
							t.Fatalf("message %d of %d: %v", i, len(keys), late)
						}
					}
				}
			}
			require.Len(t, d.table, 2*doublesMax)
			require.Len(t, d.ring, doublesMax)
		})
	}
}
