package interop_test

import (
	"crypto/tls"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/stanza"
)

const (
	nsSASL    = "urn:ietf:params:xml:ns:xmpp-sasl"
	nsBinding = "urn:xmpp:sasl-cb:0"
)

// offered logs in once and returns what the server offered.
func (w *world) offered() (names, bindings []string) {
	w.Helper()
	var l tape
	require.NoError(w, w.online(w.user(), l.listening()).Close())
	f := l.features(w, "</mechanisms>")
	for m := range f.Child(nsSASL, "mechanisms").Children() {
		names = append(names, m.Text())
	}
	for b := range f.Child(nsBinding, "sasl-channel-binding").Children() {
		bindings = append(bindings, b.Attr("type"))
	}
	return names, bindings
}

// Every mechanism that the server offers logs in, and is the one that was used.
func mechanisms(w *world) {
	names, bindings := w.offered()
	for _, m := range w.mechanisms {
		require.Contains(w, names, m)
	}
	require.Contains(w, bindings, "tls-exporter", "every server here can bind to TLS 1.3")
	for _, name := range names {
		if name == "OAUTHBEARER" && !w.bearer {
			// The server issues no token here; one that it did not issue is refused as RFC 7628 §3.2.3 has it.
			err := w.connection(w.user(), using(name)).Login(w.ctx, "", "")
			require.ErrorIs(w, err, sasl.NotAuthorized)
			continue
		}
		w.logsInBy(name, w.user())
	}
	if w.certificate != nil {
		user := w.user()
		cert, err := w.certificate(user.Local())
		require.NoError(w, err)
		w.logsInBy("EXTERNAL", user, func(cfg *xmpp.ConnectionConfiguration) {
			cfg.TLS.Certificates, cfg.Password = []tls.Certificate{cert}, ""
		})
	}
	// Left to itself the library takes the strongest, bound to the channel, and never one that it was not told to.
	var l tape
	w.online(w.user(), l.listening())
	require.Regexp(w, `mechanism=.SCRAM-SHA-\d+-PLUS`, l.authentication(w))
}

// authentication is the only attempt that was made, by RFC 6120 or SASL2.
func (l *tape) authentication(w *world) string {
	w.Helper()
	auth := append(l.all(true, "<auth "), l.all(true, "<authenticate ")...)
	require.Len(w, auth, 1)
	return auth[0]
}

// using names one mechanism.
func using(name string) edit {
	return func(cfg *xmpp.ConnectionConfiguration) {
		cfg.Mechanisms, cfg.RequireChannelBinding = []string{name}, strings.HasSuffix(name, "-PLUS")
		if name == "ANONYMOUS" {
			cfg.Domain, cfg.Address, cfg.Password = domain, jid.JID{}, ""
		}
	}
}

func (w *world) logsInBy(name string, user jid.JID, edits ...edit) {
	w.Helper()
	var l tape
	c := w.online(user, append(edits, using(name), l.listening())...)
	require.Regexp(w, `mechanism=.`+name+`['"]`, l.authentication(w))
	require.Equal(w, domain, c.User().Domain())
	if name != "ANONYMOUS" {
		require.Equal(w, user, c.User().Bare())
	}
	settle(w, c)
	require.NoError(w, c.Close())
}

// STARTTLS and direct TLS, each on its port, and Connect before Login.
func transports(w *world) {
	for _, direct := range []bool{false, true} {
		var l tape
		c := w.connection(w.user(), l.listening(), func(cfg *xmpp.ConnectionConfiguration) {
			if direct {
				cfg.Port, cfg.Security = w.directTLS, xmpp.SecurityDirectTLS
			}
		})
		require.NoError(w, c.Connect(w.ctx))
		require.Equal(w, xmpp.Connected, c.State())
		require.Empty(w, l.all(true, "<auth"), "Connect sends nothing of the secured stream")
		require.NoError(w, c.Login(w.ctx, "", ""))
		require.Equal(w, xmpp.Online, c.State())
		require.Equal(w, !direct, len(l.all(true, "<starttls")) == 1)
		require.ErrorIs(w, c.Login(w.ctx, "", ""), xmpp.ErrState)
		settle(w, c)
	}
	// The port of one kind spoken to in the other way is an error, not a hang.
	c := w.connection(w.user(), func(cfg *xmpp.ConnectionConfiguration) { cfg.Port, cfg.Security = w.startTLS, xmpp.SecurityDirectTLS })
	w.failed(c.Connect(w.within(failureLimit)), "tls")
}

// The account is given by the configuration or to Login, whole or as its local part, and the resource is asked for.
func accountForms(w *world) {
	user := w.user()
	password := xmpp.Secret(passwordOf(user.Local()))
	full, err := user.WithResource("balcony ☃")
	require.NoError(w, err)
	for _, form := range []string{"", user.Local(), user.String(), full.String(), strings.ToUpper(user.Local())} {
		c := w.connection(user, func(cfg *xmpp.ConnectionConfiguration) {
			if form != "" {
				cfg.Address, cfg.Domain, cfg.Password = jid.JID{}, domain, ""
			}
		})
		given := password
		if form == "" {
			given = ""
		}
		require.NoError(w, c.Login(w.ctx, form, given), form)
		require.Equal(w, user, c.User().Bare(), form)
		require.True(w, c.User().IsFull())
		if form == full.String() {
			require.Equal(w, full, c.User())
		}
		require.NoError(w, c.Close())
	}
	// A resource that is taken: whatever this server does with it, the outcome is said.
	first, second := w.online(user, as("same")), w.connection(user, as("same"))
	states := first.States(w.ctx)
	require.NoError(w, second.Login(w.ctx, "", ""))
	if second.User() != first.User() && first.State() == xmpp.Online {
		require.NotEqual(w, "same", second.User().Resource())
		return
	}
	gone := until(w, "the first session's end", states, func(s xmpp.StateChange) bool { return s.State == xmpp.Closed })
	require.ErrorIs(w, gone.Err, xmpp.ErrReplaced)
	require.ErrorIs(w, gone.Err, stanza.StreamConflict)
	require.False(w, slices.Contains([]xmpp.State{xmpp.Online, xmpp.Reconnecting}, first.State()), "no war over a resource")
}
