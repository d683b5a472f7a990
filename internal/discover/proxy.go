package discover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
)

// The steps of a proxied connection as [ProxyError] names them.
const (
	ProxyConnect   = "connect"   // to the proxy
	ProxyTLS       = "TLS"       // with the proxy
	ProxyHandshake = "handshake" // the proxy's own protocol, and its connection to the target
)

// A ProxyError says which proxy failed at which step. It never holds credentials.
type ProxyError struct {
	Proxy  string // scheme://host:port
	Step   string // ProxyConnect, ProxyTLS or ProxyHandshake
	Status int    // the HTTP status of an answer that refuses, else 0
	Err    error
}

// Error names the proxy, the step and the cause.
func (e *ProxyError) Error() string { return "proxy " + e.Proxy + ": " + e.Step + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *ProxyError) Unwrap() error { return e.Err }

// tunneler speaks one proxy protocol.
type tunneler interface {
	// tunnel makes conn, a connection to the proxy, one to the address. The caller closes conn on an error.
	tunnel(ctx context.Context, conn net.Conn, network, address string) (net.Conn, *ProxyError)
}

// proxyDialer dials through a proxy.
type proxyDialer struct {
	name     string // scheme://host:port
	address  string // of the proxy
	forward  Dialer
	protocol tunneler
}

// Proxy makes a dialer that goes through the proxy at u: socks5:// or socks5h:// (RFC 1928, with user and password RFC
// 1929), http:// or https:// (CONNECT, RFC 9110 §9.3.6, with user and password as Basic, RFC 7617). The default ports are
// 1080, 80 and 443. Host names are given to the proxy unresolved. forward dials the proxy; nil is a plain net.Dialer.
// Only https:// hides user and password from the network between; the proxy's certificate is verified.
//
// Proxy does no I/O; its error says what of u can't be used, without its credentials. The dialer obeys its context
// in each step, also with a silent proxy, knows tcp, tcp4 and tcp6, is safe for concurrent use, and its errors are
// [*ProxyError]; at the end of the context they wrap context.Cause.
func Proxy(u *url.URL, forward Dialer) (Dialer, error) {
	if u == nil {
		return nil, errors.New("proxy: no URL")
	}
	if forward == nil {
		forward = new(net.Dialer)
	}
	host, err := asciiName(u.Hostname())
	if err != nil {
		return nil, fmt.Errorf("proxy: host %w", err)
	}
	p := &proxyDialer{forward: forward}
	port := ""
	switch u.Scheme {
	case "socks5", "socks5h":
		port = "1080"
		p.protocol, err = newSOCKS(u.User)
	case "http":
		port = "80"
		p.protocol, err = newConnect(u.User, "")
	case "https":
		port = "443"
		p.protocol, err = newConnect(u.User, host)
	default:
		return nil, errors.New("proxy: the scheme is none of socks5, socks5h, http and https")
	}
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return nil, errors.New("proxy: the port is not between 1 and 65535")
	}
	p.address = net.JoinHostPort(host, port)
	p.name = u.Scheme + "://" + p.address
	return p, nil
}

// DialContext connects to the address through the proxy.
func (p *proxyDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, &ProxyError{Proxy: p.name, Step: ProxyHandshake, Err: errors.New("only TCP goes through a proxy")}
	}
	conn, err := p.forward.DialContext(ctx, "tcp", p.address)
	if err != nil {
		return nil, &ProxyError{Proxy: p.name, Step: ProxyConnect, Err: because(context.Cause(ctx), err)}
	}
	tunnel, failed := p.protocol.tunnel(ctx, conn, network, address)
	if failed != nil {
		conn.Close()
		failed.Proxy = p.name
		failed.Err = because(context.Cause(ctx), failed.Err)
		return nil, failed
	}
	return tunnel, nil
}
