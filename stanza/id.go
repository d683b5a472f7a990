package stanza

import (
	"crypto/rand"
	"encoding/base64"
)

// NewID returns a new stanza id: 128 random bits in 22 characters. It holds no
// counter and no time, so that one id says nothing about another
// (RFC 6120 §8.1.3). It is safe for concurrent use.
func NewID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: it ends the program instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}
