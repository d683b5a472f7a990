package sm

import (
	"hash/maphash"
	"math/bits"
)

// The low bits of what is held about a stanza are marks, the others a fingerprint.
const (
	isHandled = 1 << iota
	isVoid    // the server means another stanza by this number: it doesn't count
	marks     = isHandled | isVoid
)

// seed makes fingerprints that a peer can't aim at.
var seed = maphash.MakeSeed()

// sum is the fingerprint of a stanza. The strings themselves are not kept: each would keep the whole
// stanza it was cut from. The three kinds are told apart by the length of their names; each is multiplied to where the marks leave it.
func sum(kind, id, from string) uint64 {
	return (uint64(len(kind))*0x9E3779B97F4A7C15 ^ bits.RotateLeft64(maphash.String(seed, id), 21) ^
		bits.RotateLeft64(maphash.String(seed, from), 42)) &^ marks
}

// held is a ring of eight bytes for each stanza; its length is a power of two.
type held []uint64

func (r held) at(seq Seq) *uint64 { return &r[uint64(seq)&uint64(len(r)-1)] }

func (r held) is(seq Seq, mark uint64) bool { return *r.at(seq)&mark != 0 }

func (r held) mark(seq Seq, mark uint64) { *r.at(seq) |= mark }

func (r held) same(seq Seq, sum uint64) bool { return *r.at(seq)&^marks == sum }

// set holds a further stanza; those from first on are held already.
func (r *held) set(first, seq Seq, sum uint64) {
	if n := int(seq - first); n == len(*r) {
		grown := make(held, max(4, 2*n))
		for s := first; s < seq; s++ {
			*grown.at(s) = *r.at(s)
		}
		*r = grown
	}
	*r.at(seq) = sum
}

// empty gives a large ring back.
func (r *held) empty() {
	if len(*r) > 64 {
		*r = nil
	}
}
