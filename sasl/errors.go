package sasl

import "errors"

// Why an authentication was given up. All are final for the attempt: to try
// again with a weaker mechanism would be what an attacker hopes for.
var (
	// ErrDowngrade reports that somebody may have removed the better choices.
	ErrDowngrade = errors.New("sasl: downgrade suspected")
	// ErrServerSignature reports a success that the server didn't prove: it need not know the password.
	ErrServerSignature = errors.New("sasl: server signature missing or wrong")
	// ErrNoMechanism reports that nothing offered may be used.
	ErrNoMechanism = errors.New("sasl: no usable mechanism")
	// ErrNoBinding reports that StrictBinding is set and channel binding is not possible.
	ErrNoBinding = errors.New("sasl: channel binding required but not possible")
	// ErrState reports a call out of turn, or a server that goes on when it should be done.
	ErrState = errors.New("sasl: step out of turn")
)

// InputError reports a value from the caller that can't be used. It never holds the value.
type InputError struct {
	Field  string // "user name", "password", …
	Reason string
}

// Error names the field and the reason.
func (e *InputError) Error() string { return "sasl: " + e.Field + " " + e.Reason }

// ProtocolError reports a message of the server that breaks the mechanism's rules or the bounds.
type ProtocolError struct {
	Field  string // the part of the message, such as "iteration count"
	Reason string
}

// Error names the field and the reason.
func (e *ProtocolError) Error() string { return "sasl: server's " + e.Field + " " + e.Reason }

// broken is shorthand for a ProtocolError.
func broken(field, reason string) error { return &ProtocolError{Field: field, Reason: reason} }
