package hostile_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"sync"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/xmpptest"
)

// An authority signs certificates that xmpptest has no kind for. Its clock is that of a bubble, which starts in the year 2000.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue signs what change makes of a good certificate for name.
func (a *authority) issue(name string, change func(*x509.Certificate)) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return nil, err
	}
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(c)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &authority{cert, key}, err
}

// authorityCert makes a certificate one that may sign others.
func authorityCert(c *x509.Certificate) {
	c.DNSNames, c.ExtKeyUsage = nil, nil
	c.KeyUsage, c.IsCA, c.BasicConstraintsValid = x509.KeyUsageCertSign, true, true
}

// root is the authority that the clients of these scenes believe.
var root = sync.OnceValues(func() (*authority, error) { return new(authority).issue("root", authorityCert) })

// trusting believes root and nobody else.
func trusting(cfg *xmpp.ConnectionConfiguration) {
	r, err := root()
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(r.cert)
	cfg.TLS.RootCAs = pool
}

// shows are options of a server of that domain with this chain, whose first is its own. Each link signs the next one, root the last.
func shows(domain string, chain ...func(*x509.Certificate)) *xmpptest.Options {
	signer, err := root()
	if err != nil {
		panic(err)
	}
	t := tls.Certificate{}
	for i := len(chain) - 1; i >= 0; i-- {
		name := "link"
		if i == 0 {
			name = domain
		}
		if signer, err = signer.issue(name, chain[i]); err != nil {
			panic(err)
		}
		t.Certificate = append([][]byte{signer.cert.Raw}, t.Certificate...)
		t.PrivateKey = signer.key
	}
	return &xmpptest.Options{Domain: domain, TLS: func(c *tls.Config) { c.Certificates = []tls.Certificate{t} }}
}

// handshake is the trap of a server that goes through with STARTTLS, or with TLS at once where direct is set. The client decides in the handshake.
func handshake(direct bool) trap {
	return func(c *xmpptest.ScriptConn) (string, error) {
		if !direct {
			err := errors.Join(second(c.Header()), c.Send(header+offerTLS), second(c.Expect("starttls")), c.Send(proceed))
			if err != nil {
				return "", err
			}
		}
		_ = c.Handshake() // what the client says to that counts
		return "", nil
	}
}

// badCertificate makes the two scenes of a certificate, by STARTTLS and by direct TLS.
func badCertificate(name string, options func() *xmpptest.Options, err func(error) error, changes ...with) []scene {
	var all []scene
	for _, direct := range []bool{false, true} {
		how, port := " by STARTTLS", 5222
		if direct {
			how, port = " by direct TLS", 5223
		}
		all = append(all, abort{
			name: name + how, trap: handshake(direct), err: err, step: "tls", whole: true, lazy: options,
			with: func(cfg *xmpp.ConnectionConfiguration) {
				for _, change := range changes {
					change(cfg)
				}
				cfg.Port = port
			},
		}.scene())
	}
	return all
}
