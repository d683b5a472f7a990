package sasl

import (
	"strconv"
	"unicode/utf8"
)

// Condition is why a server refused (RFC 6120 §6.5). It is an error itself, so
// that errors.Is(err, sasl.NotAuthorized) works on a [Failure]. Others than these may come.
type Condition string

// The conditions of RFC 6120 §6.5.
const (
	Aborted              Condition = "aborted"
	AccountDisabled      Condition = "account-disabled"
	CredentialsExpired   Condition = "credentials-expired"
	EncryptionRequired   Condition = "encryption-required"
	IncorrectEncoding    Condition = "incorrect-encoding"
	InvalidAuthzID       Condition = "invalid-authzid"
	InvalidMechanism     Condition = "invalid-mechanism"
	MalformedRequest     Condition = "malformed-request"
	MechanismTooWeak     Condition = "mechanism-too-weak"
	NotAuthorized        Condition = "not-authorized"
	TemporaryAuthFailure Condition = "temporary-auth-failure"
)

// maxShown bounds how much of a server's own words an error shows.
const maxShown = 200

// Error returns the condition's name.
func (c Condition) Error() string { return "sasl: " + shown(string(c)) }

// Failure is the server's refusal: its condition and, where given, its words,
// which are not to be trusted.
type Failure struct {
	Condition Condition
	Text      string
}

// Error returns the condition and the quoted text, cut to a bound.
func (f *Failure) Error() string {
	if f.Text == "" {
		return f.Condition.Error()
	}
	return f.Condition.Error() + ": " + strconv.Quote(shown(f.Text))
}

// Is reports whether target is the failure's condition.
func (f *Failure) Is(target error) bool {
	c, ok := target.(Condition)
	return ok && c == f.Condition
}

// shown returns s, cut at a character if it is long.
func shown(s string) string {
	if len(s) <= maxShown {
		return s
	}
	cut := maxShown
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
