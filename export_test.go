package xmpp

import "github.com/gosmack/xmpp/sasl"

// SetKeys replaces the cache of derived keys.
func (c *Connection) SetKeys(k sasl.KeyCache) { c.keys = k }

// OpenFileStore is NewFileStore whose every step is taken only where step returns nil.
func OpenFileStore(dir string, step func(op, path string) error) (*FileStore, error) {
	return openFileStore(dir, step)
}

// FileName is the name of a key's file in a FileStore, and KeyOf what it tells of the key.
func FileName(key string) string                        { return fileName(key) }
func KeyOf(name string) (key string, whole, known bool) { return keyOf(name) }
