package discover

import (
	"net"
	"strconv"
)

// defaultPort is where a domain without SRV records listens (RFC 6120 §3.2.2, §14.7).
const defaultPort = 5222

// An Endpoint is a place where a domain's server listens. It is comparable.
type Endpoint struct {
	Host      string // DNS name in its ASCII form without the last dot, or an IP address without brackets
	Port      uint16
	DirectTLS bool // TLS from the first byte (XEP-0368); else STARTTLS
}

// Address is the host and port as dialers want them.
func (e Endpoint) Address() string {
	return net.JoinHostPort(e.Host, strconv.Itoa(int(e.Port)))
}

// String is the address and the way TLS starts, for people.
func (e Endpoint) String() string {
	if e.DirectTLS {
		return e.Address() + " (direct TLS)"
	}
	return e.Address() + " (STARTTLS)"
}
