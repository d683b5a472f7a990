package sasl

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"fmt"
)

// The types of channel binding that this package makes.
const (
	TLSExporter       = "tls-exporter"         // RFC 9266
	TLSServerEndPoint = "tls-server-end-point" // RFC 5929 §4
)

// ChannelBinding ties an authentication to one secured connection: both ends
// know Data, and somebody who sits between two connections doesn't.
type ChannelBinding struct {
	Type string
	Data []byte
}

// String returns the type alone.
func (c ChannelBinding) String() string { return c.Type }

// Format writes the type alone, whatever the verb.
func (c ChannelBinding) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.Type)) }

// MarshalText returns the type alone.
func (c ChannelBinding) MarshalText() ([]byte, error) { return []byte(c.Type), nil }

// TLSBindings returns what a connection of a TLS client can bind to, best first:
// tls-exporter on TLS 1.3, and on TLS 1.2 if the extended master secret was
// negotiated (RFC 9266 §4.2; crypto/tls refuses to export otherwise), then
// tls-server-end-point. nil before the handshake is complete. It does not block.
func TLSBindings(cs *tls.ConnectionState) []ChannelBinding {
	if cs == nil || !cs.HandshakeComplete || cs.Version < tls.VersionTLS12 {
		return nil
	}
	var all []ChannelBinding
	if b, ok := exporter(cs); ok {
		all = append(all, b)
	}
	if len(cs.PeerCertificates) > 0 {
		if b, ok := EndPoint(cs.PeerCertificates[0]); ok {
			all = append(all, b)
		}
	}
	return all
}

// exporter returns tls-exporter (RFC 9266 §2).
func exporter(cs *tls.ConnectionState) (ChannelBinding, bool) {
	// The context is empty, not absent; TLS 1.2 tells the two apart (RFC 5705 §4).
	data, err := cs.ExportKeyingMaterial("EXPORTER-Channel-Binding", []byte{}, 32)
	if err != nil {
		return ChannelBinding{}, false
	}
	return ChannelBinding{TLSExporter, data}, true
}

// EndPoint returns tls-server-end-point for the server's certificate: its hash
// with the hash function of its signature, or SHA-256 in place of MD5 and SHA-1
// (RFC 5929 §4.1). It reports false for signatures without one single hash function,
// such as Ed25519, for which the type is not defined.
func EndPoint(cert *x509.Certificate) (ChannelBinding, bool) {
	if cert == nil {
		return ChannelBinding{}, false
	}
	var h crypto.Hash
	switch cert.SignatureAlgorithm {
	case x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1,
		x509.SHA256WithRSA, x509.SHA256WithRSAPSS, x509.DSAWithSHA256, x509.ECDSAWithSHA256:
		h = crypto.SHA256
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		h = crypto.SHA384
	case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
		h = crypto.SHA512
	default:
		return ChannelBinding{}, false
	}
	sum := h.New()
	sum.Write(cert.Raw)
	return ChannelBinding{TLSServerEndPoint, sum.Sum(nil)}, true
}

// sound reports whether the binding can stand in a message: its type obeys
// RFC 5802 §7, cb-name, and there is data.
func (c ChannelBinding) sound() bool {
	for i := range len(c.Type) {
		b := c.Type[i] | 0x20
		if (b < 'a' || b > 'z') && (c.Type[i] < '-' || c.Type[i] > '9' || c.Type[i] == '/') {
			return false
		}
	}
	return c.Type != "" && len(c.Data) > 0
}
