package sasl

import "fmt"

// simple is an exchange of one message: PLAIN, EXTERNAL, ANONYMOUS.
type simple struct {
	name    string
	message []byte
	step    step // start, first, done or failed
}

// Next returns the message; a challenge is out of turn.
func (x *simple) Next(challenge []byte) ([]byte, error) {
	message := x.message
	x.message = nil
	if x.step != start || len(challenge) > 0 {
		x.step = failed
		return nil, fmt.Errorf("%w: challenge in %s", ErrState, x.name)
	}
	x.step = first
	return message, nil
}

// Finish accepts the server's word once the message was sent.
func (x *simple) Finish([]byte) error {
	if x.step != first {
		x.message, x.step = nil, failed
		return fmt.Errorf("%w: success out of turn in %s", ErrState, x.name)
	}
	x.step = done
	return nil
}

// Format writes the mechanism's name and never the message.
func (x *simple) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("sasl." + x.name)) }

// newPlain begins PLAIN (RFC 4616). Both strings go out as they are: it is the
// server that prepares them (RFC 4616 §2).
func newPlain(p *Params) (Exchange, error) {
	if !p.AllowPlain {
		return nil, &InputError{"password", "would be revealed on this connection"}
	}
	password := p.Password.Reveal()
	if err := checkAll(p.AuthzID, p.Username, password); err != nil {
		return nil, err
	}
	return &simple{name: namePlain, message: []byte(p.AuthzID + "\x00" + p.Username + "\x00" + password)}, nil
}

// checkAll checks what PLAIN separates with NUL.
func checkAll(authzID, username, password string) error {
	if err := checkOptional("authorization identity", authzID); err != nil {
		return err
	}
	if err := checkText("user name", username); err != nil {
		return err
	}
	return checkText("password", password)
}

// newExternal begins EXTERNAL (RFC 4422 appendix A): who the client is, TLS has said.
func newExternal(p *Params) (Exchange, error) {
	if err := checkOptional("authorization identity", p.AuthzID); err != nil {
		return nil, err
	}
	return &simple{name: nameExternal, message: []byte(p.AuthzID)}, nil
}

// newAnonymous begins ANONYMOUS (RFC 4505), without trace information.
func newAnonymous(*Params) (Exchange, error) {
	return &simple{name: nameAnonymous, message: []byte{}}, nil
}
