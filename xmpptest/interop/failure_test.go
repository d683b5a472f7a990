package interop_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/stanza"
)

// failureLimit is more than any refusal takes.
const failureLimit = 20 * time.Second

// failed looks at why connecting came to nothing: one endpoint, at this step.
func (w *world) failed(err error, step string) *xmpp.ConnectError {
	w.Helper()
	require.Error(w, err)
	var ce *xmpp.ConnectError
	require.ErrorAs(w, err, &ce)
	require.Len(w, ce.Attempts, 1, "%v", err)
	require.Equal(w, step, ce.Attempts[0].Step, "%v", err)
	require.True(w, xmpp.SafeToRetry(err))
	return ce
}

// refusedLogin logs in by Login and by Run, which both have to give up at the first refusal.
func (w *world) refusedLogin(user jid.JID, password xmpp.Secret) {
	p := w.proxy(w.startTLS)
	for n, login := range []func(*xmpp.Connection) error{
		func(c *xmpp.Connection) error { return c.Login(w.within(failureLimit), "", "") },
		func(c *xmpp.Connection) error { return c.Run(w.within(failureLimit)) },
	} {
		c := w.connection(user, through(p), func(cfg *xmpp.ConnectionConfiguration) { cfg.Password = password })
		err := login(c)
		w.failed(err, "authenticate")
		var refused *sasl.Failure
		require.ErrorAs(w, err, &refused)
		require.ErrorIs(w, err, sasl.NotAuthorized)
		require.True(w, xmpp.Terminal(err))
		require.NoError(w, w.ctx.Err())
		require.Equal(w, xmpp.Disconnected, c.State())
		require.NotContains(w, err.Error(), password.Reveal())
		require.NoError(w, c.Close())
		require.EqualValues(w, n+1, p.accepted.Load(), "it was tried again")
	}
}

func wrongPassword(w *world) {
	user := w.user()
	w.refusedLogin(user, "not the password")
	// The same connection serves for the right one.
	p := w.proxy(w.startTLS)
	c := w.connection(user, through(p))
	require.ErrorIs(w, c.Login(w.ctx, user.Local(), "not it"), sasl.NotAuthorized)
	require.NoError(w, c.Login(w.ctx, user.Local(), xmpp.Secret(passwordOf(user.Local()))))
	require.EqualValues(w, 2, p.accepted.Load())

	// A callback is asked once more with the failure, on the same stream, and its same answer ends it.
	p = w.proxy(w.startTLS)
	var asked []xmpp.CredentialsRequest
	c = w.connection(user, through(p), func(cfg *xmpp.ConnectionConfiguration) {
		cfg.Credentials = func(_ context.Context, r xmpp.CredentialsRequest) (xmpp.Secret, error) {
			asked = append(asked, r)
			return "always wrong", nil
		}
	})
	require.ErrorIs(w, c.Login(w.within(failureLimit), "", ""), sasl.NotAuthorized)
	require.Len(w, asked, 2)
	require.Nil(w, asked[0].Failure)
	require.NotNil(w, asked[1].Failure)
	require.EqualValues(w, 1, p.accepted.Load())
}

func unknownUser(w *world) {
	w.refusedLogin(jid.MustParse("nobody-of-that-name@"+domain), "whatever")
}

// A domain that the server doesn't serve.
func wrongHost(w *world) {
	p := w.proxy(w.startTLS)
	c := w.connection(jid.MustParse("romeo@elsewhere.test"), through(p))
	err := c.Login(w.within(failureLimit), "", "")
	w.failed(err, "stream")
	var ended *stanza.StreamError
	require.ErrorAs(w, err, &ended)
	require.ErrorIs(w, err, stanza.StreamHostUnknown)
	require.True(w, xmpp.Terminal(err))
	require.NoError(w, w.ctx.Err())
	require.NoError(w, c.Close())
	require.EqualValues(w, 1, p.accepted.Load())
}

func refusedPort(w *world) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(w, err)
	port := l.Addr().(*net.TCPAddr).Port
	require.NoError(w, l.Close())
	c := w.connection(w.user(), func(cfg *xmpp.ConnectionConfiguration) { cfg.Port = port })
	for _, f := range []func(context.Context) error{c.Connect, c.Run} {
		err = f(w.within(failureLimit))
		ce := w.failed(err, "connect")
		require.ErrorIs(w, err, syscall.ECONNREFUSED)
		var op *net.OpError
		require.ErrorAs(w, err, &op)
		require.Contains(w, ce.Attempts[0].Address, "127.0.0.1")
		require.Equal(w, xmpp.Disconnected, c.State())
	}
}

// patience is the context of those who wait for somebody who never answers, and promptness what they may take on top.
const patience, promptness = 300 * time.Millisecond, 2 * time.Second

// A listener that takes the connection and never says a word.
func blackHole(w *world) {
	for step, security := range map[string]xmpp.Security{"stream": xmpp.SecurityStartTLS, "tls": xmpp.SecurityDirectTLS} {
		p := w.blackHole()
		c := w.connection(w.user(), through(p), func(cfg *xmpp.ConnectionConfiguration) { cfg.Security = security })
		for n, f := range []func(context.Context) error{c.Connect, func(ctx context.Context) error { return c.Login(ctx, "", "") }, c.Run} {
			begin := time.Now()
			err := f(w.within(patience))
			require.ErrorIs(w, err, context.DeadlineExceeded)
			require.Less(w, time.Since(begin), patience+promptness)
			require.EqualValues(w, n+1, p.accepted.Load(), "%s: it was tried again", step)
			require.Equal(w, xmpp.Disconnected, c.State())
		}
		// Without a limit in the context the configuration's own holds, and the error says where it was.
		c = w.connection(w.user(), through(p), func(cfg *xmpp.ConnectionConfiguration) {
			cfg.Security, cfg.ConnectTimeout = security, patience
		})
		begin := time.Now()
		w.failed(c.Connect(w.ctx), step)
		require.Less(w, time.Since(begin), patience+promptness)
	}
}

// A server that falls silent in the middle of the login, at any point: the context ends it.
func silence(w *world) {
	whole := w.proxy(w.startTLS)
	require.NoError(w, w.online(w.user(), through(whole)).Close())
	total := whole.down.Load()
	require.Greater(w, total, int64(1000))
	user := w.user()
	for part := range int64(6) {
		p := w.proxy(w.startTLS)
		p.stallAfter(total * part / 8)
		c := w.connection(user, through(p))
		begin := time.Now()
		ctx, cancel := context.WithTimeout(w.ctx, patience)
		err := c.Login(ctx, "", "")
		cancel()
		require.ErrorIs(w, err, context.DeadlineExceeded, "after %d of %d bytes", total*part/8, total)
		require.Less(w, time.Since(begin), patience+promptness)
		require.EqualValues(w, 1, p.accepted.Load())
		require.Equal(w, xmpp.Disconnected, c.State())
	}
}

// Certificates that must not be believed, on servers of their own that show them.
func certificates(w *world) {
	for bad := range w.badCertificates() {
		for _, security := range []xmpp.Security{xmpp.SecurityStartTLS, xmpp.SecurityDirectTLS} {
			port := bad.startTLS
			if security == xmpp.SecurityDirectTLS {
				port = bad.directTLS
			}
			p := w.proxy(port)
			var l tape
			c := w.connection(w.user(), through(p), l.listening(), func(cfg *xmpp.ConnectionConfiguration) {
				cfg.TLS, cfg.Security = &tls.Config{RootCAs: bad.ca}, security
			})
			err := c.Run(w.within(failureLimit))
			w.failed(err, "tls")
			var cert *tls.CertificateVerificationError
			require.ErrorAs(w, err, &cert, bad.kind)
			require.True(w, bad.is(err), "%s: %v", bad.kind, err)
			require.True(w, xmpp.Terminal(err))
			require.NoError(w, w.ctx.Err())
			require.NoError(w, c.Close())
			require.EqualValues(w, 1, p.accepted.Load(), "%s: it was tried again", bad.kind)
			require.Empty(w, l.all(true, "<auth"))
		}
	}
}

func isHostname(err error) bool {
	var e x509.HostnameError
	return errors.As(err, &e)
}

func isUnknownAuthority(err error) bool {
	var e x509.UnknownAuthorityError
	return errors.As(err, &e)
}

func isExpired(err error) bool {
	var e x509.CertificateInvalidError
	return errors.As(err, &e) && e.Reason == x509.Expired
}
