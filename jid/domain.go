package jid

import (
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
)

// names maps case and width, checks labels as IDNA2008 does, with the Bidi
// rule, and keeps "ß" apart from "ss". It limits labels to letters, digits and
// hyphens. It is spelled out because idna.Lookup may change.
var names = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule())

// dots are the characters that IDNA reads as a label separator (RFC 3490 §3.1).
var dots = strings.NewReplacer("\u3002", ".", "\uff0e", ".", "\uff61", ".")

// ASCIIDomain returns the domain as DNS and TLS want it: with its labels in
// ASCII form (RFC 5890 §2.3.2.1), and an IP address without brackets. The error
// is an [*Error] for the zero JID and for a domain that DNS has no room for
// (over 253 bytes).
func (j JID) ASCIIDomain() (string, error) {
	domain := j.Domain()
	if domain == "" {
		return "", fault(partAddress, "", "is the zero JID, which has no domain")
	}
	if domain[0] == '[' {
		return domain[1 : len(domain)-1], nil
	}
	ascii := domain
	if !isPlainDomain(domain) {
		var err error
		if ascii, err = names.ToASCII(domain); err != nil {
			return "", fault(partDomain, domain, notAName)
		}
	}
	if len(ascii) > 253 {
		return "", fault(partDomain, domain, "is longer than the 253 bytes that DNS allows")
	}
	return ascii, nil
}

const notAName = "is not an internationalized domain name (RFC 5891)"

// prepareDomain applies RFC 7622 §3.2.
func prepareDomain(s string) (string, error) {
	if isPlainDomain(s) {
		return s, nil
	}
	return enforceDomain(s)
}

func enforceDomain(s string) (string, error) {
	if err := checkRaw(partDomain, s); err != nil {
		return "", err
	}
	if strings.HasPrefix(s, "[") {
		return enforceIPv6(s)
	}
	// idna hands out a value next to its error: the error alone counts.
	out, err := stabilize(strings.TrimSuffix(dots.Replace(s), "."), names.ToUnicode)
	if err != nil {
		return "", fault(partDomain, s, notAName)
	}
	ascii, err := names.ToASCII(out)
	if err != nil {
		return "", fault(partDomain, s, notAName)
	}
	// Only now, for mapping can empty a label (U+00AD) and decoding can too ("xn--").
	if err := checkLabels(s, out); err != nil {
		return "", err
	}
	for label := range strings.SplitSeq(ascii, ".") {
		if len(label) > maxLabel {
			return "", fault(partDomain, s, "has a label longer than 63 bytes")
		}
	}
	return out, checkLength(partDomain, out)
}

// checkLabels refuses empty labels, which idna lets pass.
func checkLabels(input, domain string) error {
	if domain == "" {
		return fault(partDomain, input, "is empty")
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" {
			return fault(partDomain, input, "has an empty label")
		}
	}
	return nil
}

// enforceIPv6 brings a literal into the one form of RFC 5952. Zones name an
// interface of one machine and mean nothing to another.
func enforceIPv6(s string) (string, error) {
	inner, closed := strings.CutSuffix(s[1:], "]")
	addr, err := netip.ParseAddr(inner)
	if !closed || err != nil || !addr.Is6() || addr.Zone() != "" {
		return "", fault(partDomain, s, "is not an IPv6 address in brackets")
	}
	return "[" + addr.String() + "]", nil
}
