package xmpp

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gosmack/xmpp/internal/discover"
	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/stanza"
)

// A stateError is a sentinel that knows whether trying again can do harm.
type stateError struct {
	text string
	safe bool
}

func (e *stateError) Error() string     { return e.text }
func (e *stateError) SafeToRetry() bool { return e.safe }

// What a connection may say of itself. Test with errors.Is.
var (
	// ErrClosed: the connection was closed, by Close, Shutdown or a terminal cause; it can't be
	// used again.
	ErrClosed error = &stateError{"xmpp: the connection is closed", true}
	// ErrNotConnected: there was no login yet.
	ErrNotConnected error = &stateError{"xmpp: not connected", true}
	// ErrState: the call doesn't fit the connection's state, such as a second Login.
	ErrState error = &stateError{"xmpp: not possible in this state", true}
	// ErrBufferFull: TrySend found the outbox full.
	ErrBufferFull error = &stateError{"xmpp: the outbox is full", true}
	// ErrTooLarge: the stanza is larger than the server takes (XEP-0478); nothing was sent.
	ErrTooLarge error = &stateError{"xmpp: larger than the server takes", true}
	// ErrReplaced: another session took our resource (RFC 6120 §4.9.3.3); there is no
	// reconnection.
	ErrReplaced error = &stateError{"xmpp: replaced by another session of the same resource", false}
	// ErrUnknownOutcome: the connection broke, and the server may or may not have got the stanza.
	// A retry may double it.
	ErrUnknownOutcome error = &stateError{"xmpp: the connection broke, the outcome is unknown", false}
	// ErrRejected: the server won't have the stanza. It ended two streams because of it (the cause is a *stanza.StreamError), or sent
	// it back (the cause is a *stanza.Error, whose Type tells whether trying again can help).
	ErrRejected error = &stateError{"xmpp: rejected", false}
	// ErrExpired: the message waited longer than ConnectionConfiguration.Expiry, or than ResendWindow to be sent again. In the latter case
	// it may come with ErrUnknownOutcome: SafeToRetry tells.
	ErrExpired error = &stateError{"xmpp: too old to be sent", true}
	// ErrAccountChanged: the message was accepted for another account, whose login failed.
	ErrAccountChanged error = &stateError{"xmpp: another account has logged in since", true}
	// ErrWrongAccount: the server took us for somebody else. It is not asked again.
	ErrWrongAccount error = stream.ErrWrongAccount
	// ErrSuspended: the message is in the configuration's Store and goes on with the account's next Login on it.
	ErrSuspended error = &stateError{"xmpp: suspended, the store has it", false}
	// ErrTimeout: a request had no answer within its time limit.
	ErrTimeout error = &stateError{"xmpp: no answer within the time limit", false}
	// ErrTLSRequired: the server offers no TLS (RFC 6120 §5.3.1).
	ErrTLSRequired = stream.ErrTLSRequired
	// ErrRosterTooLarge: the contact list would have more than Limits.RosterBytes. The contact that would have made it so is left out, or the whole list where that was loaded; OnError is told.
	ErrRosterTooLarge error = &stateError{"xmpp: the roster is larger than the limit", false}
	// ErrTaskUnsupported: the server wants more than a password, such as a second factor (XEP-0388 §2.6.3).
	ErrTaskUnsupported = stream.ErrTaskUnsupported
)

// A ProtocolError says that the server broke the stream's rules (bad XML, more than Limits allow, an acknowledgement of what it was never
// sent) and which stream error it was told before the connection was closed (RFC 6120 §4.9). It is found by errors.As in what [Connection.Err]
// and a StateChange tell, and in a ConnectError.
type ProtocolError = stream.ProtocolError

// A ConnectError says why Connect or Login came to nothing: each endpoint that was tried, the step
// that failed there and the cause. errors.As finds the causes: *sasl.Failure, *stanza.StreamError, *ProtocolError,
// *tls.CertificateVerificationError, *net.OpError.
type ConnectError struct {
	Domain   string
	Attempts []Attempt
	Err      error // what ended the trying as a whole, where that is no endpoint's fault; may be nil
}

// An Attempt is one endpoint's part of a ConnectError.
type Attempt struct {
	Endpoint  string // host:port
	Address   string // the IP address and port, where it came to that
	DirectTLS bool
	Step      string // "resolve", "connect", "tls", "stream", "starttls", "authenticate", "bind", "session", "start"
	Err       error
}

func (a Attempt) String() string {
	s := a.Endpoint
	if a.Address != "" && a.Address != a.Endpoint {
		s += " (" + a.Address + ")"
	}
	return s + ": " + a.Step + ": " + errorText(a.Err)
}

func errorText(err error) string {
	if err == nil {
		return "ended"
	}
	return err.Error()
}

func (e *ConnectError) Error() string {
	parts := make([]string, 0, len(e.Attempts)+1)
	for _, a := range e.Attempts {
		parts = append(parts, a.String())
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return "xmpp: connecting to " + e.Domain + ": " + strings.Join(parts, "; ")
}

// Unwrap returns the causes.
func (e *ConnectError) Unwrap() []error {
	var all []error
	for _, a := range e.Attempts {
		if a.Err != nil {
			all = append(all, a.Err)
		}
	}
	if e.Err != nil {
		all = append(all, e.Err)
	}
	return all
}

// SafeToRetry is true: no stanza was sent. Whether it can help is another question, see [Terminal].
func (e *ConnectError) SafeToRetry() bool { return true }

// attempts turns the transport's list into ours.
func attempts(tried []discover.Attempt) []Attempt {
	all := make([]Attempt, 0, len(tried))
	for _, a := range tried {
		if a.Err == nil {
			continue
		}
		if named, ok := a.Err.(*stream.StepError); ok {
			a.Err = named.Err // Step says it
		}
		all = append(all, Attempt{a.Endpoint.Address(), a.Address, a.Endpoint.DirectTLS, a.Step, a.Err})
	}
	return all
}

// A ShutdownError lists what Shutdown could not send, or of which it got no acknowledgement (XEP-0198), within its time.
type ShutdownError struct {
	Unsent         []stanza.Stanza // never left this process
	Unacknowledged []stanza.Stanza // the server may have them
}

func (e *ShutdownError) Error() string {
	return fmt.Sprintf("xmpp: shut down with %d stanzas unsent and %d unacknowledged", len(e.Unsent), len(e.Unacknowledged))
}

// SafeToRetry tells whether nothing that is listed has left this process.
func (e *ShutdownError) SafeToRetry() bool { return len(e.Unacknowledged) == 0 }

// An unsentError wraps the cause of something that never left this process.
type unsentError struct{ err error }

func (e *unsentError) Error() string     { return e.err.Error() }
func (e *unsentError) Unwrap() error     { return e.err }
func (e *unsentError) SafeToRetry() bool { return true }

// A repeatableError wraps the cause of something that may be asked again: an IQ get.
type repeatableError struct{ error }

func (e *repeatableError) Unwrap() error     { return e.error }
func (e *repeatableError) SafeToRetry() bool { return true }

// SafeToRetry tells whether what failed with err can be tried again without happening twice: it
// never reached the peer, or it was a request that changes nothing. Of joined errors all must be.
func SafeToRetry(err error) bool {
	switch e := err.(type) {
	case nil:
		return false
	case interface{ SafeToRetry() bool }:
		return e.SafeToRetry()
	case interface{ Unwrap() []error }:
		all := e.Unwrap()
		for _, err := range all {
			if !SafeToRetry(err) {
				return false
			}
		}
		return len(all) > 0
	case interface{ Unwrap() error }:
		return SafeToRetry(e.Unwrap())
	}
	return false
}

// lost is the error of what was on its way when the connection broke.
func lost(cause error) error {
	return fmt.Errorf("%w: %w", ErrUnknownOutcome, cause)
}

// outcome gives the error of an outbox entry its public face.
func outcome(err error) error {
	if errors.Is(err, ErrRejected) || errors.Is(err, ErrSuspended) {
		return err
	}
	var maybe interface{ MaybeWritten() bool }
	if errors.As(err, &maybe) && maybe.MaybeWritten() {
		return lost(err)
	}
	return &unsentError{err}
}
