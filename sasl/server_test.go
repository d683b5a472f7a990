package sasl_test

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/sasl"
)

var hashes = map[string]func() hash.Hash{
	"SCRAM-SHA-1":   sha1.New,
	"SCRAM-SHA-256": sha256.New,
	"SCRAM-SHA-512": sha512.New,
}

const (
	salt      = "QSXCR+Q6sek8bf92"
	serverEnd = "3rfcNHYJY1ZVvWVs7j"
)

// server is the other side of a SCRAM exchange, written from RFC 5802 §3 apart
// from the code under test.
type server struct {
	hash        func() hash.Hash
	password    string
	first       string // client-first-message
	serverFirst string
	binding     string // what it expects behind the gs2-header
}

func newServer(mechanism, password string) *server {
	return &server{hash: hashes[strings.TrimSuffix(mechanism, "-PLUS")], password: password}
}

// challenge answers the client's first message; extra goes behind it.
func (s *server) challenge(first []byte, extra string) []byte {
	s.first = string(first)
	nonce := s.first[strings.Index(s.first, ",r=")+3:]
	s.serverFirst = "r=" + nonce + serverEnd + ",s=" + salt + ",i=4096" + extra
	return []byte(s.serverFirst)
}

// verify checks the client's final message and returns its own.
func (s *server) verify(t testing.TB, final []byte) []byte {
	t.Helper()
	message := string(final)
	without, proof64, ok := strings.Cut(message, ",p=")
	require.True(t, ok, "no proof")
	header := s.first[:strings.Index(s.first, "n=")]
	require.Equal(t, "c="+base64.StdEncoding.EncodeToString([]byte(header+s.binding)), strings.Split(without, ",")[0])
	require.Contains(t, s.serverFirst, strings.Split(without, ",")[1])

	rawSalt, err := base64.StdEncoding.DecodeString(salt)
	require.NoError(t, err)
	salted, err := pbkdf2.Key(s.hash, s.password, rawSalt, 4096, s.hash().Size())
	require.NoError(t, err)
	clientKey := s.mac(salted, "Client Key")
	stored := s.hash()
	stored.Write(clientKey)
	auth := s.first[len(header):] + "," + s.serverFirst + "," + without
	want := s.mac(stored.Sum(nil), auth)
	for i := range want {
		want[i] ^= clientKey[i]
	}
	require.Equal(t, base64.StdEncoding.EncodeToString(want), proof64)
	return []byte("v=" + base64.StdEncoding.EncodeToString(s.mac(s.mac(salted, "Server Key"), auth)))
}

func (s *server) mac(key []byte, text string) []byte {
	m := hmac.New(s.hash, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// params are those of an account on a server that offers the mechanisms.
func params(offered ...string) *sasl.Params {
	return &sasl.Params{Username: "user", Password: "pencil", Offered: offered, AllowPlain: true}
}

// begin selects, begins and sends the first message.
func begin(t testing.TB, p *sasl.Params, allowed ...string) (sasl.Exchange, []byte) {
	t.Helper()
	m, err := sasl.Select(p, allowed)
	require.NoError(t, err)
	x, err := m.New(p)
	require.NoError(t, err)
	message, err := x.Next(nil)
	require.NoError(t, err)
	require.NotNil(t, message)
	return x, message
}

// fixed returns a nonce source for vectors.
func fixed(nonce string) func() (string, error) {
	return func() (string, error) { return nonce, nil }
}
