package discover

import (
	"errors"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
)

// Limits of a DNS name in its text form (RFC 1035 §2.3.4).
const (
	maxName  = 253
	maxLabel = 63
)

// asciiName gives the form of a host or domain that goes to DNS: A-labels for an internationalised name, without the
// last dot; an IP address as it is, without brackets.
func asciiName(name string) (string, error) {
	if addr, ok := literal(name); ok {
		return addr.String(), nil
	}
	name = strings.TrimSuffix(name, ".")
	if !isASCII(name) {
		mapped, err := idna.Lookup.ToASCII(name)
		if err != nil {
			return "", errors.New("is no valid internationalised domain name")
		}
		name = mapped
	}
	if reason := nameFault(name); reason != "" {
		return "", errors.New(reason)
	}
	return name, nil
}

// literal reads an IP address, with or without the brackets of an URL.
func literal(host string) (netip.Addr, bool) {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		host = strings.TrimSuffix(inner, "]")
	}
	addr, err := netip.ParseAddr(host)
	return addr, err == nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// nameFault says what keeps an ASCII name from being a DNS name, or nothing.
func nameFault(name string) string {
	if name == "" {
		return "is empty"
	}
	if len(name) > maxName {
		return "is longer than 253 bytes"
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" {
			return "has an empty label"
		}
		if len(label) > maxLabel {
			return "has a label longer than 63 bytes"
		}
		for i := range len(label) {
			if !hostByte(label[i]) {
				return "has a character that no domain name may have"
			}
		}
	}
	return ""
}

// hostByte allows the underscore too, which real host names have.
func hostByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}
