package jid

import "strings"

// JID is a prepared XMPP address, [ local "@" ] domain [ "/" resource ]
// (RFC 7622 §3.1). It is immutable and comparable with ==, works as a map key
// and may be used concurrently. The zero JID is no address at all; it differs
// from every address.
type JID struct {
	s      string // as it goes on the wire
	local  uint16 // length of the local part; 0: there is none
	domain uint16 // offset of the domain's end: the length of the bare address
}

// Local returns the part before the "@", or "" if there is none. It is as it
// goes on the wire; [Unescape] makes it fit for display (XEP-0106).
func (j JID) Local() string { return j.s[:j.local] }

// Domain returns the domain in its Unicode form, or an IP literal (IPv6 in
// brackets). Only the zero JID has none. Connecting wants [JID.ASCIIDomain].
func (j JID) Domain() string { return j.s[j.domainStart():j.domain] }

// Resource returns the part after the first "/", or "" if there is none.
func (j JID) Resource() string {
	if j.IsFull() {
		return j.s[j.domain+1:]
	}
	return ""
}

// String returns the whole address, or "" for the zero JID. It costs nothing.
func (j JID) String() string { return j.s }

// Bare returns the address without its resource. It shares the memory of j.
func (j JID) Bare() JID {
	return JID{s: j.s[:j.domain], local: j.local, domain: j.domain}
}

// Clone returns an equal address with memory of its own, for one that is kept
// long: a JID may share its memory with others ([Parse], [JID.Bare]).
func (j JID) Clone() JID {
	j.s = strings.Clone(j.s)
	return j
}

// IsBare reports whether j is an address without a resource.
func (j JID) IsBare() bool { return j.s != "" && !j.IsFull() }

// IsFull reports whether j has a resource.
func (j JID) IsFull() bool { return len(j.s) > int(j.domain) }

// IsZero reports whether j is the zero JID, which is no address.
func (j JID) IsZero() bool { return j.s == "" }

// WithResource returns the address of resource r of the same account, room or
// server. The error is an [*Error] if r is no valid resource (RFC 7622 §3.4);
// that includes "", for which there is [JID.Bare], and any r if j is zero.
func (j JID) WithResource(r string) (JID, error) {
	if j.IsZero() {
		return JID{}, fault(partAddress, "", "the zero JID can't have a resource")
	}
	r, err := prepareResource(r)
	if err != nil {
		return JID{}, err
	}
	return assemble(j.Local(), j.Domain(), r), nil
}

func (j JID) domainStart() int {
	if j.local == 0 {
		return 0
	}
	return int(j.local) + 1
}

// assemble joins prepared parts into one string of its own. Parts are at most
// 1023 bytes, so the offsets fit.
func assemble(local, domain, resource string) JID {
	bare := len(domain)
	if local != "" {
		bare += len(local) + 1
	}
	j := JID{local: uint16(len(local)), domain: uint16(bare)}
	switch {
	case local == "" && resource == "":
		j.s = strings.Clone(domain)
	case local == "":
		j.s = domain + "/" + resource
	case resource == "":
		j.s = local + "@" + domain
	default:
		j.s = local + "@" + domain + "/" + resource
	}
	return j
}
