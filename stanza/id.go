package stanza

import (
	"crypto/rand"
	"encoding/base64"
	"sync"
)

// NewID returns a new stanza id: 128 random bits in 22 characters. It holds no
// counter and no time, so that one id says nothing about another
// (RFC 6120 §8.1.3). It is safe for concurrent use.
func NewID() string {
	var id [IDLen]byte
	return string(AppendID(id[:0]))
}

// AppendID appends what [NewID] would return.
func AppendID(dst []byte) []byte {
	r := randoms.Get().(*random)
	if r.left < idBytes {
		rand.Read(r.b[:]) // never fails: it ends the program instead
		r.left = len(r.b)
	}
	dst = base64.RawURLEncoding.AppendEncode(dst, r.b[r.left-idBytes:r.left])
	r.left -= idBytes
	randoms.Put(r)
	return dst
}

const idBytes = 16

// IDLen is the length of an id that [NewID] makes.
const IDLen = 22

// random is what the system gave at once, because asking it costs more than all
// else that makes an id. Each byte is used once.
type random struct {
	b    [32 * idBytes]byte
	left int
}

var randoms = sync.Pool{New: func() any { return new(random) }}
