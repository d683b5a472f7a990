package sasl

import (
	"fmt"
	"io"
	"log/slog"
)

// hidden is what every printer and encoder shows of a Secret.
const hidden = "[secret]"

// Secret is a password or a token that does not print itself: package fmt with
// every verb, log/slog, encoding/json and encoding/xml show a placeholder. It may
// be read from JSON, and written as an untyped constant in code.
//
// Three things get past it, for Go asks no method there: a Secret in an unexported
// field, as a map key in JSON, and behind a pointer inside another value that is
// printed with a verb that pointers do not have, such as %s. A struct that holds
// secrets should therefore have a Format method of its own, as [Params] does.
type Secret string

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String returns a placeholder.
func (s Secret) String() string { return hidden }

// GoString returns a placeholder.
func (s Secret) GoString() string { return hidden }

// Format writes a placeholder, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue returns a placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalJSON returns a placeholder: a secret is not stored by accident.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

// MarshalText returns a placeholder.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
