package jid

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

const (
	// maxPart bounds each prepared part (RFC 7622 §3.2, §3.3, §3.4).
	maxPart = 1023
	// maxRaw bounds what is prepared at all. Folding and composing shorten text
	// to a quarter at the very most; only padding with ignorable characters
	// could make a longer one valid, and nobody means well by that.
	maxRaw = 4 * maxPart
	// forbidden in a local part on top of the profile (RFC 7622 §3.3.1).
	forbidden = `"&'/:<>@`
)

var errUnstable = errors.New("preparation never comes to rest")

// prepareLocal applies RFC 7622 §3.3.
func prepareLocal(s string) (string, error) {
	if isPlainLocal(s) {
		return s, nil
	}
	return enforceLocal(s)
}

// prepareResource applies RFC 7622 §3.4.
func prepareResource(s string) (string, error) {
	if isPlainResource(s) {
		return s, nil
	}
	return enforceResource(s)
}

func enforceLocal(s string) (string, error) {
	out, err := enforce(partLocal, s, precis.UsernameCaseMapped.String)
	if err != nil {
		return "", err
	}
	// Only now: the width mapping turns U+FF20 into "@".
	if i := strings.IndexAny(out, forbidden); i >= 0 {
		return "", fault(partLocal, s, fmt.Sprintf("has a %q, which must be escaped (RFC 7622 §3.3.1, XEP-0106)", out[i]))
	}
	return out, nil
}

func enforceResource(s string) (string, error) {
	return enforce(partResource, s, precis.OpaqueString.String)
}

// enforce runs a PRECIS profile until its result is stable, so that preparing
// an address again never changes it (RFC 8264 §7), and checks the length of
// the result.
func enforce(part, s string, profile func(string) (string, error)) (string, error) {
	if err := checkRaw(part, s); err != nil {
		return "", err
	}
	out, err := stabilize(s, profile)
	if err != nil {
		return "", fault(part, s, "has a character or an order of characters that is not allowed there ("+err.Error()+")")
	}
	return out, checkLength(part, out)
}

func stabilize(s string, apply func(string) (string, error)) (string, error) {
	for range 4 {
		out, err := apply(s)
		if err != nil {
			return "", err
		}
		if out == s {
			return out, nil
		}
		s = out
	}
	return "", errUnstable
}

// checkRaw refuses what no preparation can make valid, before it costs time.
func checkRaw(part, s string) error {
	switch {
	case len(s) > maxRaw:
		return tooLong(part, s)
	case !utf8.ValidString(s):
		return fault(part, s, "is not valid UTF-8")
	}
	return nil
}

func checkLength(part, s string) error {
	switch {
	case s == "":
		return fault(part, "", "is empty")
	case len(s) > maxPart:
		return tooLong(part, s)
	}
	return nil
}

func tooLong(part, s string) error {
	return fault(part, s, fmt.Sprintf("is longer than %d bytes", maxPart))
}
