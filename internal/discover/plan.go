package discover

import (
	"net/netip"
	"slices"
	"strconv"
)

const (
	// maxAttempts bounds one race over all endpoints and addresses.
	maxAttempts = 16
	// firstAddresses is how many addresses of one endpoint are tried before the next endpoint: one of each family.
	firstAddresses = 2
)

// candidate is an attempt to be started. The address is empty for the first of an endpoint, which has to find it.
type candidate struct {
	endpoint Endpoint
	address  string
}

// plan says what is tried next: the first addresses of the endpoints in their order, then all other addresses.
type plan struct {
	endpoints []Endpoint
	first     []candidate
	rest      []candidate
	left      int // attempts still allowed
}

// next takes the next candidate out of the plan.
func (p *plan) next() (c candidate, ok bool) {
	switch {
	case p.left == 0:
		return c, false
	case len(p.first) > 0:
		c, p.first = p.first[0], p.first[1:]
	case len(p.endpoints) > 0:
		c.endpoint, p.endpoints = p.endpoints[0], p.endpoints[1:]
	case len(p.rest) > 0:
		c, p.rest = p.rest[0], p.rest[1:]
	default:
		return c, false
	}
	p.left--
	return c, true
}

// add takes up the addresses of an endpoint after the one that is being tried.
func (p *plan) add(e Endpoint, others []netip.Addr) {
	for i, addr := range others {
		c := candidate{e, addressOf(addr, e.Port)}
		if i < firstAddresses-1 {
			p.first = append(p.first, c)
		} else {
			p.rest = append(p.rest, c)
		}
	}
}

func addressOf(addr netip.Addr, port uint16) string {
	if addr.Is6() {
		return "[" + addr.String() + "]:" + strconv.Itoa(int(port))
	}
	return addr.String() + ":" + strconv.Itoa(int(port))
}

// interleave sorts addresses as RFC 8305 §4 says: the families take turns, that of the first address first, and
// within a family the resolver's order (RFC 6724) stays. At most limit are given, each once.
func interleave(addrs []netip.Addr, limit int) []netip.Addr {
	var lanes [2][]netip.Addr
	var lead netip.Addr
	for _, a := range addrs {
		a = a.Unmap()
		if !a.IsValid() {
			continue
		}
		if !lead.IsValid() {
			lead = a
		}
		lane := &lanes[0]
		if a.Is4() != lead.Is4() {
			lane = &lanes[1]
		}
		if len(*lane) < limit && !slices.Contains(*lane, a) {
			*lane = append(*lane, a)
		}
	}
	var mixed []netip.Addr
	for i := range max(len(lanes[0]), len(lanes[1])) {
		for _, lane := range lanes {
			if i < len(lane) && len(mixed) < limit {
				mixed = append(mixed, lane[i])
			}
		}
	}
	return mixed
}
