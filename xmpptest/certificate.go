package xmpptest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// CertificateKind is which certificate a server shows.
type CertificateKind int

const (
	// CertificateValid is signed by [Server.CA] for the server's domain.
	CertificateValid CertificateKind = iota
	// CertificateOtherName is signed by [Server.CA] for "other.example".
	CertificateOtherName
	// CertificateSelfSigned is for the server's domain, but signed by nobody.
	CertificateSelfSigned
	// CertificateExpired is signed by [Server.CA] and ended in 1999, which is
	// the past also inside a testing/synctest bubble.
	CertificateExpired
)

// The life of everything that an authority signs starts before the year 2000,
// in which the clock of a testing/synctest bubble starts.
var (
	notBefore = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
	notAfter  = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	expiredAt = time.Date(1999, 6, 1, 0, 0, 0, 0, time.UTC)
)

// authority is a certificate authority that lives as long as its server.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("xmpptest: authority's key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "xmpptest authority"},
		NotBefore:             notBefore,
		NotAfter:              notAfter,
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("xmpptest: authority's certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("xmpptest: authority's certificate: %w", err)
	}
	return &authority{cert: cert, key: key}, nil
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// issue makes a certificate of one kind for a domain.
func (a *authority) issue(kind CertificateKind, domain string) (tls.Certificate, error) {
	template := leaf(domain, x509.ExtKeyUsageServerAuth)
	switch kind {
	case CertificateOtherName:
		template = leaf("other.example", x509.ExtKeyUsageServerAuth)
	case CertificateExpired:
		template.NotAfter = expiredAt
	}
	return a.sign(template, kind == CertificateSelfSigned)
}

func leaf(name string, usage x509.ExtKeyUsage) *x509.Certificate {
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: name},
		NotBefore:   notBefore,
		NotAfter:    notAfter,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{usage},
	}
	if usage != x509.ExtKeyUsageServerAuth {
		return template
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	return template
}

func (a *authority) sign(template *x509.Certificate, self bool) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("xmpptest: certificate's key: %w", err)
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62)); err != nil {
		return tls.Certificate{}, fmt.Errorf("xmpptest: serial number: %w", err)
	}
	parent, parentKey := a.cert, a.key
	if self {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("xmpptest: certificate: %w", err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("xmpptest: certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: parsed}, nil
}
