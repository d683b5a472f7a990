package discover

import (
	"crypto/x509"
	"net"
)

// MaxHeader is the bound of a proxy's answer.
const MaxHeader = maxHeader

// Order orders records as Lookup does.
func Order(srv []*net.SRV, limit int, random func(uint64) uint64) []Endpoint {
	records, _ := read(srv, false)
	return order(records, limit, random)
}

// TrustProxy makes the dialer of an https:// proxy trust a test's certificate authority.
func TrustProxy(d Dialer, roots *x509.CertPool) {
	d.(*proxyDialer).protocol.(*connect).tls.RootCAs = roots
}
