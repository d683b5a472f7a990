package sasl

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash"
	"slices"
	"sync"
)

// KeyCache remembers the keys that SCRAM derives from a password, so that the next
// login is cheap. A value is as good as the password at the server that it is for: keep it as safe.
//
// Keys are digests under a secret of this process: without that secret nobody
// can try passwords against them, and another process does not find what this one has put.
// Implementations are safe for concurrent use, do not block and own their bytes.
type KeyCache interface {
	Get(key string) ([]byte, bool)
	Put(key string, value []byte)
}

// maxKeys bounds a MemoryKeys.
const maxKeys = 64

// MemoryKeys is a KeyCache of the 64 values last used. It is safe for
// concurrent use and prints nothing of what it holds.
type MemoryKeys struct {
	mu   sync.Mutex  // guards kept
	kept []cachedKey // the last used last
}

type cachedKey struct {
	key   string
	value *[]byte // a pointer, which package fmt does not follow where it asks no methods
}

// NewKeyCache returns an empty cache, for one account or for many.
func NewKeyCache() *MemoryKeys { return &MemoryKeys{} }

// Get returns a copy of the value of key.
func (c *MemoryKeys) Get(key string) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.kept, func(k cachedKey) bool { return k.key == key })
	if i < 0 {
		return nil, false
	}
	k := c.kept[i]
	c.kept = append(slices.Delete(c.kept, i, i+1), k)
	return slices.Clone(*k.value), true
}

// Put keeps a copy of value, in place of the value longest unused if the cache is full.
func (c *MemoryKeys) Put(key string, value []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = slices.DeleteFunc(c.kept, func(k cachedKey) bool { return k.key == key })
	if len(c.kept) == maxKeys {
		c.kept = slices.Delete(c.kept, 0, 1)
	}
	value = slices.Clone(value)
	c.kept = append(c.kept, cachedKey{key, &value})
}

// Format writes how many values there are.
func (c *MemoryKeys) Format(f fmt.State, _ rune) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = fmt.Fprintf(f, "sasl.MemoryKeys(%d)", len(c.kept))
}

// digest is a hash function by its SCRAM name.
type digest struct {
	name string
	new  func() hash.Hash
}

// keys are what SCRAM derives from a password (RFC 5802 §3): the client's key
// and behind it the server's.
type keys []byte

// derive computes the keys; this is the expensive step.
func (d digest) derive(password string, salt []byte, iterations int) (keys, error) {
	salted, err := pbkdf2.Key(d.new, password, salt, iterations, d.new().Size())
	if err != nil {
		return nil, fmt.Errorf("sasl: derive keys: %w", err)
	}
	return append(d.mac(salted, "Client Key"), d.mac(salted, "Server Key")...), nil
}

// mac is HMAC with this hash.
func (d digest) mac(key []byte, text string) []byte {
	m := hmac.New(d.new, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// proof returns the client's proof for the messages of an exchange (RFC 5802 §3).
func (d digest) proof(k keys, authMessage string) []byte {
	client := k[:len(k)/2]
	stored := d.new()
	stored.Write(client)
	out := make([]byte, len(client))
	subtle.XORBytes(out, client, d.mac(stored.Sum(nil), authMessage))
	return out
}

// signature returns what the server must prove itself with.
func (d digest) signature(k keys, authMessage string) []byte {
	return d.mac(k[len(k)/2:], authMessage)
}

// cacheSecret keys the names under which derived keys are cached. A bare hash
// of the password would be quicker to search than what SCRAM stores.
var cacheSecret = sync.OnceValue(func() []byte {
	secret := make([]byte, sha256.Size)
	_, _ = rand.Read(secret) // never fails: the program ends instead
	return secret
})

// cacheKey names the keys of one password, salt and count, and nothing else finds them.
func (d digest) cacheKey(user, password string, salt []byte, iterations int) string {
	m := hmac.New(sha256.New, cacheSecret())
	for _, part := range []string{d.name, user, password, string(salt)} {
		m.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		m.Write([]byte(part))
	}
	m.Write(binary.BigEndian.AppendUint64(nil, uint64(iterations)))
	return "scram:" + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}
