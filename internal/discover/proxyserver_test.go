package discover_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/internal/discover"
)

const target = "xmpp.example.org:5222"

// serve runs one connection of a scripted proxy on the loopback and gives the proxy's address.
func serve(t *testing.T, script func(c net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if c, err := l.Accept(); err == nil {
			defer c.Close()
			script(c)
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

func dialer(t *testing.T, rawURL string, forward discover.Dialer) discover.Dialer {
	t.Helper()
	u, err := url.Parse(rawURL)
	require.NoError(t, err)
	d, err := discover.Proxy(u, forward)
	require.NoError(t, err)
	return d
}

// exchange checks that the server's greeting and then an echo come through.
func exchange(t *testing.T, c net.Conn, greeting string) {
	t.Helper()
	b := make([]byte, len(greeting))
	_, err := io.ReadFull(c, b)
	require.NoError(t, err)
	require.Equal(t, greeting, string(b))
	_, err = c.Write([]byte("ping"))
	require.NoError(t, err)
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, "ping", string(got))
}

func echo(c io.ReadWriter) {
	b := make([]byte, 4)
	if _, err := io.ReadFull(c, b); err == nil {
		c.Write(b)
	}
}

// readHead reads a request up to the empty line, and no further.
func readHead(c io.Reader) string {
	var head []byte
	b := make([]byte, 1)
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		if _, err := c.Read(b); err != nil {
			break
		}
		head = append(head, b[0])
	}
	return string(head)
}

// authority makes a certificate for an IP address, and a pool that trusts it.
func authority(t *testing.T, ip string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.ParseIP(ip)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
