package peer

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"sync"

	"github.com/gosmack/xmpp/bench/corpus"
)

var shared struct {
	once   sync.Once
	config *tls.Config
	err    error
}

// TLS is a configuration that trusts the certificate in o.CA. A program has one, however many connections it makes.
func (o Options) TLS() (*tls.Config, error) {
	shared.once.Do(func() { shared.config, shared.err = o.newTLS() })
	return shared.config, shared.err
}

func (o Options) newTLS() (*tls.Config, error) {
	pem, err := os.ReadFile(o.CA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate to trust")
	}
	return &tls.Config{RootCAs: roots, ServerName: corpus.Domain}, nil
}
