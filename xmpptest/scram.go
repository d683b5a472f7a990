package xmpptest

import (
	"bytes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"hash"
	"slices"
	"strconv"
	"strings"
)

// The server's side of SCRAM (RFC 5802, RFC 7677), with channel binding and
// the optional hash of what was offered (XEP-0474).

// scramKeys is what RFC 5802 §3 lets a server keep.
type scramKeys struct{ stored, server []byte }

// scramHashes are the hash functions by the name in the mechanism.
var scramHashes = map[string]func() hash.Hash{
	"SCRAM-SHA-1":   sha1.New,
	"SCRAM-SHA-256": sha256.New,
	"SCRAM-SHA-512": sha512.New,
}

// deriveKeys computes the keys of a password, RFC 5802 §3.
func deriveKeys(newHash func() hash.Hash, password string, salt []byte, iterations int) (scramKeys, error) {
	salted, err := pbkdf2.Key(newHash, prepare(password), salt, iterations, newHash().Size())
	if err != nil {
		return scramKeys{}, err
	}
	h := newHash()
	h.Write(mac(newHash, salted, "Client Key"))
	return scramKeys{stored: h.Sum(nil), server: mac(newHash, salted, "Server Key")}, nil
}

func mac(newHash func() hash.Hash, key []byte, text string) []byte {
	m := hmac.New(newHash, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// scramServer is one exchange.
type scramServer struct {
	newHash  func() hash.Hash
	plus     bool              // the mechanism's name ends in -PLUS
	offered  bool              // -PLUS mechanisms were offered
	bindings map[string][]byte // channel binding data by type
	hashed   string            // XEP-0474 input; empty: no h attribute
	suffix   string            // of the nonce, random
	keys     func(user string) (k scramKeys, salt []byte, iterations int)

	user, authzid string
	gs2, auth     string
	nonce         string
	secret        scramKeys
}

var errScram = errors.New("malformed SCRAM message")

// first reads client-first-message and returns server-first-message.
func (x *scramServer) first(msg string) (string, error) {
	flag, rest, ok1 := strings.Cut(msg, ",")
	authzid, bare, ok2 := strings.Cut(rest, ",")
	if !ok1 || !ok2 {
		return "", errScram
	}
	if err := x.checkFlag(flag); err != nil {
		return "", err
	}
	if id, ok := strings.CutPrefix(authzid, "a="); ok {
		x.authzid = unescapeName(id)
	} else if authzid != "" {
		return "", errScram
	}
	name, rest, _ := strings.Cut(bare, ",")
	nonce, _, _ := strings.Cut(rest, ",")
	if !strings.HasPrefix(name, "n=") || !strings.HasPrefix(nonce, "r=") || len(nonce) < 3 {
		return "", errScram
	}
	x.user = unescapeName(name[2:])
	x.gs2 = flag + "," + authzid + ","
	x.nonce = nonce[2:] + x.suffix
	keys, salt, iterations := x.keys(x.user)
	x.secret = keys
	reply := "r=" + x.nonce + ",s=" + base64.StdEncoding.EncodeToString(salt) + ",i=" + strconv.Itoa(iterations)
	if x.hashed != "" {
		h := x.newHash()
		h.Write([]byte(x.hashed))
		reply += ",h=" + base64.StdEncoding.EncodeToString(h.Sum(nil))
	}
	x.auth = bare + "," + reply
	return reply, nil
}

// checkFlag judges the channel binding flag of the GS2 header, RFC 5802 §6.
func (x *scramServer) checkFlag(flag string) error {
	kind, bound := strings.CutPrefix(flag, "p=")
	switch {
	case bound != x.plus:
		return errors.New("the channel binding flag does not fit the mechanism")
	case bound && x.bindings[kind] == nil:
		return errors.New("unsupported channel binding type " + kind)
	case flag == "y" && x.offered:
		return errors.New("the client believes that no -PLUS was offered: downgrade")
	case !bound && flag != "y" && flag != "n":
		return errScram
	}
	return nil
}

// final reads client-final-message and returns server-final-message.
func (x *scramServer) final(msg string) (string, error) {
	at := strings.LastIndex(msg, ",p=")
	if at < 0 {
		return "", errScram
	}
	fields := strings.Split(msg[:at], ",")
	if len(fields) < 2 || fields[0] != "c="+x.binding() || fields[1] != "r="+x.nonce {
		return "", errors.New("wrong channel binding or nonce")
	}
	proof, err := base64.StdEncoding.DecodeString(msg[at+3:])
	if err != nil || x.secret.stored == nil {
		return "", errors.New("wrong proof")
	}
	auth := x.auth + "," + msg[:at]
	key := mac(x.newHash, x.secret.stored, auth)
	if len(proof) != len(key) {
		return "", errors.New("wrong proof")
	}
	subtle.XORBytes(key, key, proof)
	h := x.newHash()
	h.Write(key)
	if !bytes.Equal(h.Sum(nil), x.secret.stored) {
		return "", errors.New("wrong proof")
	}
	return "v=" + base64.StdEncoding.EncodeToString(mac(x.newHash, x.secret.server, auth)), nil
}

// binding returns what the c attribute must be.
func (x *scramServer) binding() string {
	data := []byte(x.gs2)
	if kind, ok := strings.CutPrefix(strings.SplitN(x.gs2, ",", 2)[0], "p="); ok {
		data = append(data, x.bindings[kind]...)
	}
	return base64.StdEncoding.EncodeToString(data)
}

// hashInput returns what XEP-0474 hashes: the sorted lists of what was offered.
func hashInput(mechanisms, bindings []string) string {
	m, b := slices.Sorted(slices.Values(mechanisms)), slices.Sorted(slices.Values(bindings))
	input := strings.Join(m, "\x1e")
	if len(b) > 0 {
		input += "\x1f" + strings.Join(b, "\x1e")
	}
	return input
}

func unescapeName(s string) string {
	return strings.NewReplacer("=2C", ",", "=3D", "=").Replace(s)
}
