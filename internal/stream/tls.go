package stream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"

	"github.com/gosmack/xmpp/jid"
)

// ErrTLSRequired says that a server offers no TLS where the configuration asks for it
// (RFC 6120 §5.3.1).
var ErrTLSRequired = errors.New("the server offers no STARTTLS, and TLS is required")

// StartTLS opens the stream in clear, asks for TLS and secures the connection. All that
// was learned before is forgotten (RFC 6120 §5.4.3.3).
func (t *Transport) StartTLS(ctx context.Context, cfg *tls.Config) error {
	// No 'from' in clear: who logs in is not for the network to read (RFC 6120 §4.7.1).
	if err := t.Open(ctx, jid.JID{}); err != nil {
		return &ClearError{err}
	}
	err := t.step(ctx, "starttls", func() error {
		if !t.Features.StartTLS {
			return ErrTLSRequired
		}
		if err := t.write("<starttls xmlns='" + NSTLS + "'/>"); err != nil {
			return err
		}
		e, err := t.next()
		if err != nil {
			return err
		}
		if !e.Is(NSTLS, "proceed") {
			return fmt.Errorf("the server answered <%.64s/> in place of <proceed/>", e.Local())
		}
		if t.reader.Buffered() > 0 {
			return errors.New("bytes in clear behind <proceed/>: somebody injects into the connection")
		}
		return nil
	})
	if err != nil {
		return &ClearError{err}
	}
	return t.SecureTLS(ctx, cfg)
}

// A ClearError is one that came in clear while TLS was still to come: the server need not have to do with it.
type ClearError struct{ err error }

func (e *ClearError) Error() string { return e.err.Error() }
func (e *ClearError) Unwrap() error { return e.err }

// SecureTLS performs the TLS handshake (XEP-0368, or after StartTLS) and verifies the
// certificate as cfg says.
func (t *Transport) SecureTLS(ctx context.Context, cfg *tls.Config) error {
	t.gather = &gatherer{Conn: t.raw}
	conn := tls.Client(t.gather, cfg)
	if err := conn.HandshakeContext(ctx); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return &StepError{"tls", err}
	}
	t.conn = conn
	t.secured = true
	t.reader.Reset(listener{t}, before)
	t.Features = &noFeatures
	return nil
}

// TLS is the state of the TLS connection, or nil.
func (t *Transport) TLS() *tls.ConnectionState {
	conn, ok := t.conn.(*tls.Conn)
	if !ok {
		return nil
	}
	s := conn.ConnectionState()
	return &s
}
