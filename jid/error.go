package jid

import (
	"fmt"
	"unicode/utf8"
)

// The names of the parts in an [Error].
const (
	partAddress  = "address"
	partLocal    = "local part"
	partDomain   = "domain"
	partResource = "resource"
)

// maxEcho keeps hostile input out of logs.
const maxEcho = 64

// Error says why something is not an address.
type Error struct {
	Part   string // "local part", "domain", "resource", or "address" for the whole
	Input  string // the part as it was given, cut to 64 bytes
	Reason string // a phrase that follows on Part, such as "is empty"
}

// Error names the part, quotes the beginning of what was given, and says why
// it was refused.
func (e *Error) Error() string {
	if e.Input == "" {
		return fmt.Sprintf("jid: %s %s", e.Part, e.Reason)
	}
	return fmt.Sprintf("jid: %s %q %s", e.Part, e.Input, e.Reason)
}

func fault(part, input, reason string) *Error {
	if len(input) > maxEcho {
		n := maxEcho
		for n > maxEcho-utf8.UTFMax && !utf8.RuneStart(input[n]) {
			n--
		}
		// Copied, lest an error keep a whole stanza alive.
		input = string([]byte(input[:n]))
	}
	return &Error{Part: part, Input: input, Reason: reason}
}
