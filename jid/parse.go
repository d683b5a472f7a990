package jid

import "strings"

// Parse checks and prepares an address (RFC 7622 §3). The result never refers
// to the memory of s. An address that was seen lately comes from the cache
// without an allocation; it may lie beside others there, 512 bytes in all, which
// [JID.Clone] leaves behind. The error is an [*Error] that names the part; the
// empty string is one.
func Parse(s string) (JID, error) { return recent.parse(s) }

// MustParse is [Parse] for addresses that stand in the source of a program or
// a test. It panics if s is not an address.
func MustParse(s string) JID {
	j, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return j
}

// New makes an address of its parts. Empty local or resource mean that there
// is none; a domain there must be. The error is an [*Error] that names the
// part. User input that may hold characters forbidden in a local part goes
// through [Escape] first.
func New(local, domain, resource string) (j JID, err error) {
	// The domain comes first: without one nothing else is worth a word.
	if domain, err = prepareDomain(domain); err != nil {
		return JID{}, err
	}
	if local != "" {
		if local, err = prepareLocal(local); err != nil {
			return JID{}, err
		}
	}
	if resource != "" {
		if resource, err = prepareResource(resource); err != nil {
			return JID{}, err
		}
	}
	return assemble(local, domain, resource), nil
}

// parse is what Parse does, without the cache.
func parse(s string) (JID, error) {
	j, own, err := read(s)
	if !own {
		j = j.Clone()
	}
	return j, err
}

// read splits before it prepares, since preparation can bring forth "@" and
// "/" (RFC 7622 §3.2): the first "/" ends the bare address, and the first "@"
// before it ends the local part. Unless own is true the result refers to s.
func read(s string) (j JID, own bool, err error) {
	if s == "" {
		return JID{}, true, fault(partAddress, "", "is empty")
	}
	bare, resource, hasResource := strings.Cut(s, "/")
	if hasResource && resource == "" {
		return JID{}, true, fault(partResource, "", "is empty after the /")
	}
	local, domain, hasLocal := strings.Cut(bare, "@")
	if !hasLocal {
		local, domain = "", bare
	} else if local == "" {
		return JID{}, true, fault(partLocal, "", "is empty before the @")
	}
	if isPlainDomain(domain) && (!hasLocal || isPlainLocal(local)) && (!hasResource || isPlainResource(resource)) {
		return JID{s: s, local: uint16(len(local)), domain: uint16(len(bare))}, false, nil
	}
	j, err = New(local, domain, resource)
	return j, true, err
}
