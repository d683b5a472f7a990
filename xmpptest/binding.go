package xmpptest

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"

	// The hashes that signature algorithms name.
	_ "crypto/sha256"
	_ "crypto/sha512"
)

// bindingTypes are the channel binding types that the server can do, in the
// order in which it announces them (XEP-0440).
var bindingTypes = []string{"tls-exporter", "tls-server-end-point"}

// bindingData computes the channel binding data of a TLS connection on which
// the server showed cert, by type: RFC 9266 for tls-exporter, RFC 5929 §4 for
// tls-server-end-point.
func bindingData(state *tls.ConnectionState, cert *x509.Certificate, types []string) map[string][]byte {
	data := map[string][]byte{}
	for _, kind := range types {
		switch kind {
		case "tls-exporter":
			// The context is empty, not absent; TLS 1.2 tells the two apart (RFC 9266 §2, RFC 5705 §4).
			if b, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", []byte{}, 32); err == nil {
				data[kind] = b
			}
		case "tls-server-end-point":
			if cert == nil {
				continue
			}
			h := endPointHash(cert.SignatureAlgorithm).New()
			h.Write(cert.Raw)
			data[kind] = h.Sum(nil)
		}
	}
	return data
}

// endPointHash is the hash of the certificate's signature, with SHA-256 in
// place of MD5 and SHA-1 (RFC 5929 §4.1).
func endPointHash(a x509.SignatureAlgorithm) crypto.Hash {
	switch a {
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384, x509.SHA384WithRSAPSS:
		return crypto.SHA384
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512, x509.SHA512WithRSAPSS:
		return crypto.SHA512
	}
	return crypto.SHA256
}
