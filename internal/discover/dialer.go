package discover

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// A Resolver asks DNS. *net.Resolver is one. Both methods must obey ctx and be safe for concurrent use.
// LookupSRV gets a name that ends in a dot, so that no search list applies to it.
type Resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// A Dialer opens connections. *net.Dialer is one. DialContext must obey ctx and be safe for concurrent use.
type Dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// grace is how long what was cancelled may take to return before it is left behind.
const grace = 250 * time.Millisecond
