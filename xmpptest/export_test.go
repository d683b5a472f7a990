package xmpptest

import (
	"crypto/sha1"
	"net"
)

// RFCExchange runs the server's side of the exchange in RFC 5802 §5, or of the
// one in XEP-0474 with its hash, and returns both of its messages.
func RFCExchange(first, final, salt, suffix, hashed string, bindings map[string][]byte) (string, string, error) {
	x := &scramServer{
		newHash: sha1.New, suffix: suffix, hashed: hashed, plus: bindings != nil, offered: bindings != nil, bindings: bindings,
		keys: func(string) (scramKeys, []byte, int) {
			keys, _ := deriveKeys(sha1.New, "pencil", []byte(salt), 4096)
			return keys, []byte(salt), 4096
		},
	}
	one, err := x.first(first)
	if err != nil {
		return "", "", err
	}
	two, err := x.final(final)
	return one, two, err
}

// HashInput is what XEP-0474 hashes.
var HashInput = hashInput

// NewPipe returns the two ends of a connection in memory.
func NewPipe(size int) (client, server net.Conn) {
	return newPipe(size, memoryAddr("client"), memoryAddr("server"))
}
