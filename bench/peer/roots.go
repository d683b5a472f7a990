package peer

import (
	"crypto/x509"
	"errors"
	"os"
	"sync"
)

var trusted struct {
	once  sync.Once
	roots *x509.CertPool
	err   error
}

// Roots trusts the certificate in o.CA. A program has one pool of them, however many connections it makes.
func (o Options) Roots() (*x509.CertPool, error) {
	trusted.once.Do(func() { trusted.roots, trusted.err = o.readRoots() })
	return trusted.roots, trusted.err
}

func (o Options) readRoots() (*x509.CertPool, error) {
	pem, err := os.ReadFile(o.CA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate to trust")
	}
	return roots, nil
}
