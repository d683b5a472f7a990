package interop_test

import (
	"crypto/x509"
	"iter"
	"os"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/internal/realserver"
	"github.com/gosmack/xmpp/xmpptest"
)

// A badCertificate is a server that shows one.
type badCertificate struct {
	kind                string
	is                  func(error) bool
	startTLS, directTLS int
	ca                  *x509.CertPool
}

var badKinds = []struct {
	name      string
	is        func(error) bool
	inProcess xmpptest.CertificateKind
	real      realserver.Certificate
}{
	{"of another name", isHostname, xmpptest.CertificateOtherName, realserver.CertificateOtherName},
	{"self-signed", isUnknownAuthority, xmpptest.CertificateSelfSigned, realserver.CertificateSelfSigned},
	{"expired", isExpired, xmpptest.CertificateExpired, realserver.CertificateExpired},
}

// badCertificates yields a server of this world's kind for each of them.
func (w *world) badCertificates() iter.Seq[badCertificate] {
	if w.name == inProcessName {
		return w.badInProcess()
	}
	return w.badReal()
}

func (w *world) badInProcess() iter.Seq[badCertificate] {
	var all []badCertificate
	for _, k := range badKinds {
		x, err := xmpptest.Start(&xmpptest.Options{Domain: domain, Listen: true, Certificate: k.inProcess})
		require.NoError(w, err)
		w.later(x.Close)
		all = append(all, badCertificate{k.name, k.is, portOf(x.Addr()), portOf(x.DirectTLSAddr()), x.CA()})
	}
	return slices.Values(all)
}

// badReal is one server that is restarted with each certificate.
func (w *world) badReal() iter.Seq[badCertificate] {
	start := map[string]func(string, realserver.Options) (*realserver.Server, error){
		"Prosody": realserver.StartProsody, "ejabberd": realserver.StartEjabberd}[w.name]
	require.NotNil(w, start)
	return func(yield func(badCertificate) bool) {
		dir := w.TempDir()
		require.NoError(w, os.Chmod(dir, 0o755))
		r, err := start(dir, realserver.Options{Certificate: badKinds[0].real})
		require.NoError(w, err)
		w.later(func() { _ = r.Stop() })
		for i, k := range badKinds {
			if i > 0 {
				require.NoError(w, r.UseCertificate(k.real))
			}
			if !yield(badCertificate{k.name, k.is, r.StartTLSPort, r.DirectTLSPort, r.CA}) {
				return
			}
		}
	}
}
