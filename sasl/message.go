package sasl

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxMessage bounds a SCRAM message of the server; real ones have some hundred bytes.
const maxMessage = 8192

// serverFirst is SCRAM's server-first-message (RFC 5802 §7).
type serverFirst struct {
	nonce      string
	salt       []byte
	iterations int
	hash       string // "h" of XEP-0474; empty: absent
	tls        string // "t" of XEP-0515; empty: absent
}

// parseServerFirst reads the message; what it has checked is its form, not the bounds.
func parseServerFirst(message []byte) (serverFirst, error) {
	var m serverFirst
	parts, err := attributes(message)
	if err != nil {
		return m, err
	}
	if parts[0][0] == 'm' {
		return m, broken("message", "has a mandatory extension") // RFC 5802 §5.1
	}
	if len(parts) < 3 || parts[0][0] != 'r' || parts[1][0] != 's' || parts[2][0] != 'i' {
		return m, broken("first message", "does not begin with nonce, salt and iteration count")
	}
	m.nonce = parts[0][2:]
	if m.salt, err = decode("salt", parts[1][2:]); err != nil {
		return m, err
	}
	if m.iterations, err = parseIterations(parts[2][2:]); err != nil {
		return m, err
	}
	return m, m.extensions(parts[3:])
}

// extensions reads what follows: the attributes we know once, the others never mind.
func (m *serverFirst) extensions(parts []string) error {
	for _, part := range parts {
		target := (*string)(nil)
		switch part[0] {
		case 'm':
			return broken("message", "has a mandatory extension")
		case 'r', 's', 'i':
			return broken("first message", "repeats an attribute")
		case 'h':
			target = &m.hash
		case 't':
			target = &m.tls
		default:
			continue
		}
		if *target != "" {
			return broken("first message", "repeats an attribute")
		}
		*target = part[2:]
	}
	return nil
}

// parseServerFinal reads SCRAM's server-final-message and returns the signature.
func parseServerFinal(message []byte) ([]byte, error) {
	parts, err := attributes(message)
	if err != nil {
		return nil, err
	}
	if parts[0][0] != 'v' {
		return nil, broken("final message", "does not begin with a signature")
	}
	return decode("signature", parts[0][2:])
}

// attributes cuts a message at its commas; each part is a letter, "=" and at
// least one byte. An error attribute in front is returned as the error it means.
func attributes(message []byte) ([]string, error) {
	switch {
	case len(message) > maxMessage:
		return nil, broken("message", "is too long")
	case !utf8.Valid(message), bytes.IndexByte(message, 0) >= 0:
		return nil, broken("message", "is not text")
	}
	parts := strings.Split(string(message), ",")
	for _, part := range parts {
		if len(part) < 3 || part[1] != '=' || part[0]|0x20 < 'a' || part[0]|0x20 > 'z' {
			return nil, broken("message", "has a malformed attribute")
		}
	}
	if parts[0][0] == 'e' {
		return nil, serverError(parts[0][2:])
	}
	return parts, nil
}

// decode is strict base64; encoding/base64 alone would skip line ends.
func decode(field, s string) ([]byte, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(raw) == 0 || strings.ContainsAny(s, "\r\n") {
		return nil, broken(field, "is not base64")
	}
	return raw, nil
}

// parseIterations reads a posit-number: digits, no sign, no leading zero.
func parseIterations(s string) (int, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || strconv.FormatInt(n, 10) != s || n <= 0 {
		return 0, broken("iteration count", "is not a positive decimal number in range")
	}
	return int(n), nil
}

// checkNonce wants the server's nonce to be ours with something behind it, and
// all of it printable (RFC 5802 §5.1 and §7).
func checkNonce(ours, theirs string) error {
	switch {
	case !strings.HasPrefix(theirs, ours):
		return broken("nonce", "does not begin with ours")
	case len(theirs) == len(ours):
		return broken("nonce", "adds nothing to ours")
	case !printable(theirs):
		return broken("nonce", "has a character that it must not have")
	}
	return nil
}

// printable reports whether s can be a nonce: visible ASCII without a comma.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < 0x21 || s[i] > 0x7e || s[i] == ',' {
			return false
		}
	}
	return s != ""
}

// serverErrors are the errors of RFC 5802 §7 and what they mean. The text is
// ours, so that no server can put words, or our own secrets, into a log.
var serverErrors = map[string]Condition{
	"invalid-encoding":                 MalformedRequest,
	"extensions-not-supported":         MalformedRequest,
	"invalid-proof":                    NotAuthorized,
	"channel-bindings-dont-match":      NotAuthorized,
	"channel-binding-not-supported":    NotAuthorized,
	"unsupported-channel-binding-type": NotAuthorized,
	"unknown-user":                     NotAuthorized,
	"invalid-username-encoding":        MalformedRequest,
	"no-resources":                     TemporaryAuthFailure,
}

// serverError returns the meaning of an "e" attribute.
func serverError(value string) error {
	if value == "server-does-support-channel-binding" {
		return fmt.Errorf("%w: server supports channel binding and was made to look as if not", ErrDowngrade)
	}
	if c, ok := serverErrors[value]; ok {
		return &Failure{Condition: c, Text: value}
	}
	return &Failure{Condition: NotAuthorized, Text: "other-error"}
}

var nameEscaper = strings.NewReplacer("=", "=3D", ",", "=2C")

// escape makes a saslname (RFC 5802 §5.1).
func escape(s string) string {
	return nameEscaper.Replace(s)
}
