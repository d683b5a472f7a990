package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"strings"
)

const password = "secret"

var errRefused = errors.New("a login with a wrong password or mechanism")

// authenticate is SASL as RFC 6120 §6 has it.
func (c *conn) authenticate(e *element) error {
	if e.Mechanism == "PLAIN" {
		if err := c.plain(e.Text); err != nil {
			return err
		}
		return c.printf(`<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>`)
	}
	final, err := c.scram(e.Mechanism, e.Text, "urn:ietf:params:xml:ns:xmpp-sasl")
	if err != nil {
		return err
	}
	return c.printf(`<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>%s</success>`, final)
}

// authenticate2 is SASL2 (XEP-0388) and its tokens (XEP-0484). Bind follows as usual, behind the
// features that every success has.
func (c *conn) authenticate2(e *element) error {
	var data string
	var err error
	switch e.Mechanism {
	case "PLAIN":
		err = c.plain(e.Initial)
	case "HT-SHA-256-NONE":
		data, err = c.token(e.Initial)
	default:
		data, err = c.scram(e.Mechanism, e.Initial, "urn:xmpp:sasl:2")
	}
	if err != nil {
		return err
	}
	token := ""
	if e.Wants != nil {
		b := make([]byte, 24)
		_, _ = rand.Read(b) // never fails
		token = encode(b)
		c.mu.Lock()
		c.tokens[c.user] = token
		c.mu.Unlock()
		token = fmt.Sprintf(`<token xmlns='urn:xmpp:fast:0' token='%s' expiry='2096-01-01T00:00:00Z'/>`, token)
	}
	if data != "" {
		data = `<additional-data>` + data + `</additional-data>`
	}
	return c.printf(`<success xmlns='urn:xmpp:sasl:2'>%s<authorization-identifier>%s@bench.example</authorization-identifier>%s</success><stream:features>%s</stream:features>`,
		data, c.user, token, sessionFeatures)
}

func (c *conn) plain(text string) error {
	b, err := decode(text)
	if err != nil {
		return err
	}
	parts := strings.Split(string(b), "\x00")
	if len(parts) != 3 || parts[2] != password {
		return errRefused
	}
	c.user = parts[1]
	return nil
}

// token checks an HT-SHA-256-NONE message and returns the responder's.
func (c *conn) token(text string) (string, error) {
	b, err := decode(text)
	if err != nil {
		return "", err
	}
	user, sum, _ := strings.Cut(string(b), "\x00")
	c.mu.Lock()
	token := c.tokens[user]
	c.mu.Unlock()
	if token == "" || !hmac.Equal([]byte(sum), digest(sha256.New, []byte(token), "Initiator")) {
		return "", errRefused
	}
	c.user = user
	return encode(digest(sha256.New, []byte(token), "Responder")), nil
}

// scram is the server's side of RFC 5802, and returns its last message.
func (c *conn) scram(mechanism, first, space string) (string, error) {
	newHash := map[string]func() hash.Hash{"SCRAM-SHA-1": sha1.New, "SCRAM-SHA-256": sha256.New}[mechanism]
	if newHash == nil {
		return "", errRefused
	}
	b, err := decode(first)
	if err != nil {
		return "", err
	}
	header := strings.SplitN(string(b), ",", 3)
	if len(header) != 3 {
		return "", errRefused
	}
	bare := header[2]
	user, nonce, _ := strings.Cut(bare, ",r=")
	c.user = strings.TrimPrefix(user, "n=")
	nonce += "server"
	salt := []byte("the salt of all")
	challenge := fmt.Sprintf("r=%s,s=%s,i=%d", nonce, encode(salt), c.iterations)
	if err := c.printf(`<challenge xmlns='%s'>%s</challenge>`, space, encode([]byte(challenge))); err != nil {
		return "", err
	}
	e, err := c.next()
	if err != nil {
		return "", err
	}
	if b, err = decode(e.Text); err != nil {
		return "", err
	}
	without, proof, _ := strings.Cut(string(b), ",p=")
	salted, err := c.salted(mechanism, newHash, salt)
	if err != nil {
		return "", err
	}
	all := bare + "," + challenge + "," + without
	key := digest(newHash, salted, "Client Key")
	h := newHash()
	h.Write(key)
	signature := digest(newHash, h.Sum(nil), all)
	for i := range signature {
		signature[i] ^= key[i]
	}
	if got, err := decode(proof); err != nil || !bytes.Equal(got, signature) {
		return "", errRefused
	}
	return encode([]byte("v=" + encode(digest(newHash, digest(newHash, salted, "Server Key"), all)))), nil
}

// salted is the salted password, derived once for all: a server keeps it.
func (c *conn) salted(mechanism string, newHash func() hash.Hash, salt []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if key := c.keys[mechanism]; key != nil {
		return key, nil
	}
	key, err := pbkdf2.Key(newHash, password, salt, c.iterations, newHash().Size())
	if err == nil {
		c.keys[mechanism] = key
	}
	return key, err
}

func digest(newHash func() hash.Hash, key []byte, text string) []byte {
	h := hmac.New(newHash, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
