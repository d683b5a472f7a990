package sasl_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/sasl"
)

// certificate returns a self-signed one with the algorithm.
func certificate(t *testing.T, key crypto.Signer, algorithm x509.SignatureAlgorithm) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "example.org"}, DNSNames: []string{"example.org"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Now().AddDate(1, 0, 0), SignatureAlgorithm: algorithm,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(raw)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key, Leaf: leaf}
}

// connect makes one TLS connection and returns both ends' states.
func connect(t *testing.T, cert tls.Certificate, version uint16) (client, server tls.ConnectionState) {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	c := tls.Client(near, &tls.Config{ServerName: "example.org", RootCAs: roots, MaxVersion: version})
	s := tls.Server(far, &tls.Config{Certificates: []tls.Certificate{cert}, SessionTicketsDisabled: true})
	shaken := make(chan error, 1)
	go func() { shaken <- s.Handshake() }()
	require.NoError(t, c.Handshake())
	require.NoError(t, <-shaken)
	return c.ConnectionState(), s.ConnectionState()
}

// TestTLSBindings is S037 on real connections: both ends must agree.
func TestTLSBindings(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for algorithm, size := range map[x509.SignatureAlgorithm]int{x509.ECDSAWithSHA256: 32, x509.ECDSAWithSHA512: 64} {
			t.Run(fmt.Sprint("S037 ", tls.VersionName(version), " ", algorithm), func(t *testing.T) {
				cert := certificate(t, key, algorithm)
				client, server := connect(t, cert, version)
				require.Equal(t, version, client.Version)
				bindings := sasl.TLSBindings(&client)
				require.Len(t, bindings, 2)
				require.Equal(t, "tls-exporter", bindings[0].Type, "the stronger first")
				want, err := server.ExportKeyingMaterial("EXPORTER-Channel-Binding", []byte{}, 32)
				require.NoError(t, err)
				require.Equal(t, want, bindings[0].Data)
				require.Equal(t, "tls-server-end-point", bindings[1].Type)
				require.Len(t, bindings[1].Data, size)
				again, _ := connect(t, cert, version)
				require.NotEqual(t, bindings[0].Data, sasl.TLSBindings(&again)[0].Data)
			})
		}
	}
	t.Run("S037 end point not defined", func(t *testing.T) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		require.NoError(t, err)
		client, _ := connect(t, certificate(t, key, x509.PureEd25519), tls.VersionTLS13)
		bindings := sasl.TLSBindings(&client)
		require.Len(t, bindings, 1)
		require.Equal(t, "tls-exporter", bindings[0].Type)
	})
	t.Run("no TLS", func(t *testing.T) {
		require.Nil(t, sasl.TLSBindings(nil))
		require.Nil(t, sasl.TLSBindings(&tls.ConnectionState{}))
		require.Nil(t, sasl.TLSBindings(&tls.ConnectionState{HandshakeComplete: true, Version: tls.VersionTLS11}))
	})
}

// TestEndPoint is the rule for the hash function (RFC 5929 §4.1).
func TestEndPoint(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	real, ok := sasl.EndPoint(certificate(t, key, x509.SHA512WithRSAPSS).Leaf)
	require.True(t, ok)
	require.Len(t, real.Data, 64)

	raw := []byte("a certificate")
	sum256, sum384, sum512 := sha256.Sum256(raw), sha512.Sum384(raw), sha512.Sum512(raw)
	for algorithm, want := range map[x509.SignatureAlgorithm][]byte{
		x509.MD5WithRSA: sum256[:], x509.SHA1WithRSA: sum256[:], x509.ECDSAWithSHA1: sum256[:], x509.DSAWithSHA1: sum256[:],
		x509.SHA256WithRSA: sum256[:], x509.ECDSAWithSHA256: sum256[:], x509.SHA256WithRSAPSS: sum256[:], x509.DSAWithSHA256: sum256[:],
		x509.SHA384WithRSA: sum384[:], x509.ECDSAWithSHA384: sum384[:], x509.SHA384WithRSAPSS: sum384[:],
		x509.SHA512WithRSA: sum512[:], x509.ECDSAWithSHA512: sum512[:], x509.SHA512WithRSAPSS: sum512[:],
		x509.PureEd25519: nil, x509.UnknownSignatureAlgorithm: nil, x509.MD2WithRSA: nil,
	} {
		got, ok := sasl.EndPoint(&x509.Certificate{Raw: raw, SignatureAlgorithm: algorithm})
		require.Equal(t, want != nil, ok, algorithm)
		require.Equal(t, want, got.Data, algorithm)
	}
	_, ok = sasl.EndPoint(nil)
	require.False(t, ok)
	requireHidden(t, shows(real, &real, []sasl.ChannelBinding{real}), string(real.Data))
}
