package xmpp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/xmpptest"
)

// selfSigned is a certificate for localhost that whoever puts it into a pool trusts.
func selfSigned(t *testing.T, serial int64) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// TestTLSChangesNothing is R31: whether TLS sessions are resumed or not, in both versions, and a certificate that is renewed meanwhile: the same messages arrive, once.
func TestTLSChangesNothing(t *testing.T) {
	const drops = 6
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, tickets := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/%v", tls.VersionName(version), tickets), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					certs := []tls.Certificate{selfSigned(t, 1), selfSigned(t, 2)}
					pool := x509.NewCertPool()
					for _, c := range certs {
						pool.AddCert(c.Leaf)
					}
					var renewed atomic.Int32
					srv := xmpptest.NewServer(t, &xmpptest.Options{TLS: func(c *tls.Config) {
						c.MaxVersion, c.SessionTicketsDisabled, c.Certificates = version, !tickets, nil
						c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &certs[renewed.Load()], nil }
					}})
					var shakes, resumed atomic.Int32
					seen := new(record[int64])
					trusting := func(cfg *xmpp.ConnectionConfiguration) {
						cfg.TLS = &tls.Config{RootCAs: pool, VerifyConnection: func(cs tls.ConnectionState) error {
							shakes.Add(1)
							seen.add(cs.PeerCertificates[0].SerialNumber.Int64())
							if cs.DidResume {
								resumed.Add(1)
							}
							if cs.Version != version {
								return fmt.Errorf("TLS version %x", cs.Version)
							}
							return nil
						}}
					}
					got := texts(managed(t, srv, "juliet", trusting))
					shakes.Store(0)
					c := managed(t, srv, "romeo", trusting)
					var want []string
					for n := range drops * 5 {
						want = append(want, fmt.Sprint(n))
						require.NoError(t, c.Send(t.Context(), text(want[n])))
						if n%5 == 4 {
							if n == drops*5/2+4 {
								renewed.Store(1)
							}
							settle()
							srv.Drop("romeo")
							eventually(t, time.Minute, func() bool { return c.State() == xmpp.Online })
						}
					}
					pass(10 * time.Second)
					require.Equal(t, want, got.list())
					require.Zero(t, c.Stats().Doubled+c.Stats().Reported)
					require.EqualValues(t, 1+drops, shakes.Load())
					if tickets {
						require.Positive(t, resumed.Load(), "what is to change nothing happened")
					} else {
						require.Zero(t, resumed.Load())
						require.Contains(t, seen.list(), int64(2))
					}
				})
			})
		}
	}
	figure(t, "R31", "TLS 1.2 and 1.3, sessions resumed or not, a certificate renewed meanwhile, %d broken connections each: 0 lost, 0 doubled", drops)
}
