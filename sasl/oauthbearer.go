package sasl

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// oauth is an OAUTHBEARER exchange (RFC 7628).
type oauth struct {
	message []byte
	step    step   // start, first, final once refused, done or failed
	refused string // the server's error, once it has sent one
}

// newOAuthBearer begins OAUTHBEARER (RFC 7628 §3.1).
func newOAuthBearer(p *Params) (Exchange, error) {
	if !p.AllowPlain {
		return nil, &InputError{"token", "would be revealed on this connection"}
	}
	if err := checkBearer(p); err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString("n,")
	if p.AuthzID != "" {
		b.WriteString("a=" + escape(p.AuthzID))
	}
	b.WriteString(",\x01")
	if p.Host != "" {
		b.WriteString("host=" + p.Host + "\x01")
	}
	if p.Port != 0 {
		b.WriteString("port=" + strconv.Itoa(p.Port) + "\x01")
	}
	b.WriteString("auth=Bearer " + p.Token.Reveal() + "\x01\x01")
	return &oauth{message: []byte(b.String())}, nil
}

// checkBearer checks what the message is made of.
func checkBearer(p *Params) error {
	if p.Token == "" {
		return &InputError{"token", "is empty"}
	}
	outside := func(r rune) bool { return r < 0x21 || r > 0x7e }
	if strings.ContainsFunc(p.Token.Reveal(), outside) {
		return &InputError{"token", "has a character that can't stand in a bearer token"}
	}
	if p.Port < 0 || p.Port > 65535 {
		return &InputError{"port", "is out of range"}
	}
	if err := checkOptional("host", p.Host); err != nil {
		return err
	}
	return checkOptional("authorization identity", p.AuthzID)
}

// Next returns the initial message, then answers an error challenge with the
// dummy that lets the server fail the exchange (RFC 7628 §3.2.3).
func (x *oauth) Next(challenge []byte) ([]byte, error) {
	message := x.message
	x.message = nil
	switch {
	case x.step == start && len(challenge) == 0:
		x.step = first
		return message, nil
	case x.step == first && len(challenge) > 0:
		x.step, x.refused = final, bearerStatus(challenge)
		return []byte{1}, nil
	default:
		x.step = failed
		return nil, fmt.Errorf("%w: challenge in OAUTHBEARER", ErrState)
	}
}

// Finish accepts success unless the server has refused the token before.
func (x *oauth) Finish([]byte) error {
	if x.step != first {
		x.message, x.step = nil, failed
		return fmt.Errorf("%w: success out of turn in OAUTHBEARER", ErrState)
	}
	x.step = done
	return nil
}

// Reason returns the error that the server gave in its challenge; see [Reasoner].
func (x *oauth) Reason() string { return x.refused }

// Format writes the mechanism's name and never the token.
func (x *oauth) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("sasl.OAUTHBEARER")) }

// Reasoner is implemented by exchanges in which the server may say why it is
// about to fail: OAUTHBEARER. The failure that follows says less.
type Reasoner interface {
	// Reason returns a code such as "invalid_token", "unknown" if the server's
	// is not a registered one, or nothing if there was none.
	Reason() string
}

// bearerStatus returns the status of an error challenge if it is a registered
// code, so that nothing that a server makes up, such as our token, gets into a log.
func bearerStatus(challenge []byte) string {
	var reply struct {
		Status string `json:"status"`
	}
	known := []string{"invalid_request", "invalid_token", "insufficient_scope"} // RFC 6750 §3.1
	if json.Unmarshal(challenge, &reply) != nil || !slices.Contains(known, reply.Status) {
		return "unknown"
	}
	return reply.Status
}
