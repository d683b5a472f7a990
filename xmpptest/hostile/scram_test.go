package hostile_test

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
)

// scramSignature is the server's signature of SCRAM-SHA-1 with 4096 iterations (RFC 5802 §3).
func scramSignature(password, salt, message string) []byte {
	salted, err := pbkdf2.Key(sha1.New, password, []byte(salt), 4096, sha1.Size)
	if err != nil {
		panic(err)
	}
	mac := func(key []byte, text string) []byte {
		h := hmac.New(sha1.New, key)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	return mac(mac(salted, "Server Key"), message)
}
