package sasl

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"slices"
)

// htTable is the HT family (draft-schmaus-kitten-sasl-ht), best first. The mechanism for tls-unique is not
// here: TLS 1.3 does not define that binding (RFC 9266 §1).
var htTable = []struct{ name, binding string }{
	{"HT-SHA-256-EXPR", TLSExporter},
	{"HT-SHA-256-ENDP", TLSServerEndPoint},
	{"HT-SHA-256-NONE", ""},
}

// SelectToken returns the best mechanism of the HT family (draft-schmaus-kitten-sasl-ht) that is in
// Params.Offered and that this connection can bind to. It proves a token that the server gave at an earlier
// login, Params.Token, in one message. The mechanism without channel binding comes last, because who overhears its message
// can use it again, and StrictBinding excludes it. [Select] never returns one of these: servers list them apart (XEP-0484 §3.1).
func SelectToken(p *Params) (Mechanism, bool) {
	for _, row := range htTable {
		if !slices.Contains(p.Offered, row.name) {
			continue
		}
		data, ok := p.bindingData(row.binding)
		if !ok || p.StrictBinding && row.binding == "" {
			continue
		}
		return Mechanism{Name: row.name, Binding: row.binding, New: func(p *Params) (Exchange, error) {
			return newHT(p, row.name, data)
		}}, true
	}
	return Mechanism{}, false
}

// bindingData is what the connection is bound by with that type; the empty type needs nothing.
func (p *Params) bindingData(kind string) ([]byte, bool) {
	if kind == "" {
		return nil, true
	}
	for _, b := range p.Bindings {
		if b.Type == kind && b.sound() {
			return b.Data, true
		}
	}
	return nil, false
}

// ht is an exchange of the HT family: the initiator's message, and the responder's with the success.
type ht struct {
	name     string
	message  []byte
	response []byte // what only who knows the token can send
	step     step   // start, first, done or failed
}

func newHT(p *Params, name string, binding []byte) (Exchange, error) {
	if p == nil {
		return nil, &InputError{"params", "are nil"}
	}
	if err := checkText("user name", p.Username); err != nil {
		return nil, err
	}
	if p.Token == "" {
		return nil, &InputError{"token", "is empty"}
	}
	proof := func(who string) []byte {
		h := hmac.New(sha256.New, []byte(p.Token.Reveal()))
		h.Write([]byte(who))
		h.Write(binding)
		return h.Sum(nil)
	}
	message := append([]byte(p.Username+"\x00"), proof("Initiator")...)
	return &ht{name: name, message: message, response: proof("Responder")}, nil
}

// Next returns the message; a challenge is out of turn.
func (x *ht) Next(challenge []byte) ([]byte, error) {
	message := x.message
	x.message = nil
	if x.step != start || len(challenge) > 0 {
		x.fail()
		return nil, fmt.Errorf("%w: challenge in %s", ErrState, x.name)
	}
	x.step = first
	return message, nil
}

// Confirm implements [Guess].
func (x *ht) Confirm(p *Params) error {
	if x.step != first || !slices.Contains(p.Offered, x.name) {
		x.fail()
		return ErrOffer
	}
	return nil
}

// Finish verifies that the server knows the token.
func (x *ht) Finish(additional []byte) error {
	if x.step != first || !hmac.Equal(additional, x.response) {
		x.fail()
		return ErrServerSignature
	}
	x.step, x.response = done, nil
	return nil
}

func (x *ht) fail() { x.step, x.message, x.response = failed, nil, nil }

// Format writes the mechanism's name and nothing of the exchange.
func (x *ht) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("sasl." + x.name)) }
