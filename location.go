package xmpp

import (
	"net"
	"strconv"
	"strings"

	"github.com/gosmack/xmpp/internal/discover"
)

// where begins a list of where to connect. The place that the server announced for the session that is to be resumed comes first
// (XEP-0198 §5), once after each loss: one that doesn't serve costs that try. Nothing else is believed because of it: it is secured and verified as
// the account's domain like any other (S016). In clear anybody could have announced it.
func (c *Connection) where() *candidates {
	l := newCandidates(&c.cfg)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keep.id == "" || c.keep.tried || c.cfg.Security == SecurityPlaintext {
		return l
	}
	host, port, ok := hostPort(c.keep.location, 0)
	if !ok {
		return l
	}
	c.keep.tried = true
	cfg := c.cfg
	cfg.Host, cfg.Port = host, int(port)
	at := cfg.endpoint()
	l.only, l.announced = &at, true
	return l
}

// hostPort reads "host:port", "[address]:port" or one of them without a port (RFC 6120 §4.9.3.19).
func hostPort(s string, port uint16) (string, uint16, bool) {
	host, p, err := net.SplitHostPort(s)
	if err != nil {
		host, p = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"), strconv.Itoa(int(port))
	}
	n, err := strconv.ParseUint(p, 10, 16)
	if err != nil || host == "" || strings.ContainsAny(host, " \t\r\n/@[]") {
		return "", 0, false
	}
	return host, uint16(n), true
}

// redirected is the endpoint that a server's see-other-host names, reached as the one that named it was.
func redirected(host string, from discover.Endpoint) (at discover.Endpoint, ok bool) {
	host, port, ok := hostPort(host, from.Port)
	return discover.Endpoint{Host: host, Port: port, DirectTLS: from.DirectTLS}, ok && port > 0
}
