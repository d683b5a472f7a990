package main

import (
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"net"
	"strings"
	"syscall"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/stanza"
)

// explain makes one line of an error: which step failed, where and why, and what to try.
func explain(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ") + "; " + advice(err)
}

func advice(err error) string {
	var (
		refused   *sasl.Failure
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		dns       *net.DNSError
		bounce    *stanza.Error
	)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return "the flags are -address, -password, -to, -to-password, -host, -port and -ca"
	case errors.As(err, &refused):
		return "check the address and its password"
	case errors.As(err, &authority):
		return "give the authority that signed the certificate with -ca"
	case errors.As(err, &name):
		return "the server has a certificate for another name: check the domain of the address, and -host"
	case errors.As(err, &invalid):
		return "check this machine's clock, else the server needs a new certificate"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "is the server running? check -host and -port"
	case errors.As(err, &dns):
		return "check the domain of the address, or say where the server is with -host"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, xmpp.ErrTimeout):
		return "nothing answers in time: check -host, -port and firewalls between"
	case errors.Is(err, xmpp.ErrTLSRequired):
		return "the server has no TLS there: try its other port, 5223 for direct TLS"
	case errors.Is(err, stanza.StreamHostUnknown):
		return "the server doesn't serve that domain: check the address"
	case errors.As(err, &bounce):
		return "check -to"
	}
	return "check the flags"
}
