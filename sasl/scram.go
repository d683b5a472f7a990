package sasl

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
)

// scram is a SCRAM exchange (RFC 5802).
type scram struct {
	params   *Params
	name     string
	digest   digest
	user     string // prepared
	password string // prepared; dropped once the keys are there
	binding  gs2
	header   string // gs2-header
	bare     string // client-first-message-bare
	nonce    string // ours

	step      step
	keys      keys
	cacheKey  string
	fresh     bool   // derived here, not cached
	signature []byte // what the server must send
}

// newSCRAM begins an exchange.
func newSCRAM(p *Params, name string, d digest, plus bool) (Exchange, error) {
	copied := *p // what was decided on stays what is checked later
	copied.Password, copied.Token = "", ""
	copied.Offered, copied.OfferedBindings = slices.Clone(p.Offered), slices.Clone(p.OfferedBindings)
	x := &scram{params: &copied, name: name, digest: d}
	var err error
	if x.binding, err = decide(p, plus); err != nil {
		return nil, err
	}
	if x.user, err = prepare("user name", p.Username); err != nil {
		return nil, err
	}
	if x.password, err = prepare("password", p.Password.Reveal()); err != nil {
		return nil, err
	}
	if err = checkOptional("authorization identity", p.AuthzID); err != nil {
		return nil, err
	}
	if x.nonce, err = newNonce(p.Nonce); err != nil {
		return nil, err
	}
	x.header = x.binding.flag + ","
	if p.AuthzID != "" {
		x.header += "a=" + escape(p.AuthzID)
	}
	x.header += ","
	x.bare = "n=" + escape(x.user) + ",r=" + x.nonce
	return x, nil
}

// newNonce returns a client nonce.
func newNonce(source func() (string, error)) (string, error) {
	if source == nil {
		raw := make([]byte, 18)
		_, _ = rand.Read(raw) // never fails: the program ends instead
		return base64.StdEncoding.EncodeToString(raw), nil
	}
	nonce, err := source()
	if err != nil {
		return "", fmt.Errorf("sasl: nonce: %w", err)
	}
	if !printable(nonce) {
		return "", &InputError{"nonce", "is not printable ASCII without a comma"}
	}
	return nonce, nil
}

// Next returns the client's next message. A server-final-message that comes as
// a challenge, rather than with success, is verified and answered with nothing.
func (x *scram) Next(challenge []byte) (response []byte, err error) {
	defer func() {
		if err != nil {
			x.fail()
		}
	}()
	switch x.step {
	case start:
		if len(challenge) > 0 {
			return nil, fmt.Errorf("%w: challenge before %s began", ErrState, x.name)
		}
		x.step = first
		return []byte(x.header + x.bare), nil
	case first:
		return x.final(challenge)
	case final:
		if err := x.verify(challenge); err != nil {
			return nil, err
		}
		x.step = verified
		return []byte{}, nil
	default:
		return nil, fmt.Errorf("%w: challenge after %s ended", ErrState, x.name)
	}
}

// final answers the server-first-message. Everything that can be checked is
// checked before the expensive step and before the proof leaves.
func (x *scram) final(challenge []byte) ([]byte, error) {
	m, err := parseServerFirst(challenge)
	if err != nil {
		return nil, err
	}
	if err := x.check(m); err != nil {
		return nil, err
	}
	if err := x.derive(m); err != nil {
		return nil, err
	}
	bound := append([]byte(x.header), x.binding.data...)
	message := "c=" + base64.StdEncoding.EncodeToString(bound) + ",r=" + m.nonce
	authMessage := x.bare + "," + string(challenge) + "," + message
	x.signature = x.digest.signature(x.keys, authMessage)
	x.step = final
	proof := x.digest.proof(x.keys, authMessage)
	return []byte(message + ",p=" + base64.StdEncoding.EncodeToString(proof)), nil
}

// check applies the bounds and the protections against downgrades.
func (x *scram) check(m serverFirst) error {
	if err := checkNonce(x.nonce, m.nonce); err != nil {
		return err
	}
	if low := x.params.minIterations(); m.iterations < low {
		return broken("iteration count", "is below "+strconv.Itoa(low))
	}
	if high := x.params.maxIterations(); m.iterations > high {
		return broken("iteration count", "is above "+strconv.Itoa(high))
	}
	if m.tls != "" {
		if err := checkTLS(x.params, m.tls); err != nil {
			return err
		}
	}
	if m.hash != "" {
		return checkList(x.params, x.digest.new, m.hash)
	}
	if x.binding.needHash {
		return fmt.Errorf("%w: no usable channel binding type announced, and no proof that the server meant it", ErrDowngrade)
	}
	return nil
}

// derive gets the keys, from the cache if it can.
func (x *scram) derive(m serverFirst) (err error) {
	defer func() { x.password = "" }()
	if x.params.Keys != nil {
		x.cacheKey = x.digest.cacheKey(x.user, x.password, m.salt, m.iterations)
		if k, ok := x.params.Keys.Get(x.cacheKey); ok && len(k) == 2*x.digest.new().Size() {
			x.keys = k
			return nil
		}
	}
	x.fresh = true
	x.keys, err = x.digest.derive(x.password, m.salt, m.iterations)
	return err
}

// Finish verifies the server's signature, unless a challenge has brought it, and
// only then gives the keys to the cache.
func (x *scram) Finish(additional []byte) error {
	if err := x.finish(additional); err != nil {
		x.fail()
		return err
	}
	if x.fresh && x.params.Keys != nil {
		x.params.Keys.Put(x.cacheKey, x.keys)
	}
	x.step, x.keys = done, nil
	return nil
}

func (x *scram) finish(additional []byte) error {
	switch {
	case x.step == done || x.step == failed:
		return fmt.Errorf("%w: success after %s ended", ErrState, x.name)
	case x.step == verified && len(additional) == 0:
		return nil
	case x.step == final || x.step == verified:
		return x.verify(additional)
	default:
		return fmt.Errorf("%w: success before the exchange was over", ErrServerSignature)
	}
}

// verify compares the server's signature with the one that only somebody who
// knows the account's keys could send.
func (x *scram) verify(message []byte) error {
	if len(message) == 0 {
		return ErrServerSignature
	}
	got, err := parseServerFinal(message)
	if _, malformed := err.(*ProtocolError); malformed {
		return fmt.Errorf("%w: %w", ErrServerSignature, err)
	}
	if err != nil {
		return err
	}
	if !hmac.Equal(got, x.signature) {
		return ErrServerSignature
	}
	return nil
}

// fail ends the exchange and forgets its secrets.
func (x *scram) fail() { x.step, x.password, x.keys = failed, "", nil }

// Format writes the mechanism's name and nothing of the exchange.
func (x *scram) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("sasl." + x.name)) }
