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

// EncodeRecord makes the file of a key's value in a FileStore, DecodeRecord reads it, and KeyInRecord is what the file says that its key is.
func EncodeRecord(key string, value []byte) []byte         { return encodeRecord(key, value) }
func DecodeRecord(key string, data []byte) ([]byte, error) { return decodeRecord(key, data) }
func KeyInRecord(data []byte) (string, []byte)             { return cutKey(data) }

// HostPort reads a location (XEP-0198 §5) or the host of a see-other-host.
func HostPort(s string, port uint16) (string, uint16, bool) { return hostPort(s, port) }
