package hostile_test

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/xmpptest"
)

// A zone is DNS and network in one: it resolves what it knows, and leads to the server that a host name has. Nobody is at any other.
type zone struct {
	srv    map[string][]*net.SRV // by service, such as "xmpp-client"
	hosts  map[string]*xmpptest.Server
	asked  record[string]
	dialed record[string]
	silent bool // whoever dials waits for ever
}

func (z *zone) use(cfg *xmpp.ConnectionConfiguration) { cfg.Host, cfg.Dialer, cfg.Resolver = "", z, z }

func (z *zone) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	z.asked.add("_" + service + "._" + proto + "." + name)
	return "", z.srv[service], nil
}

func (z *zone) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	z.asked.add(host)
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

func (z *zone) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	z.dialed.add(address)
	if z.silent {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	host, _, _ := net.SplitHostPort(address)
	if srv := z.hosts[host]; srv != nil {
		return srv.Dialer().DialContext(ctx, network, address)
	}
	return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("nobody is there")}
}
