package interop_test

import (
	"context"
	"net"
	"strings"
	"sync/atomic"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// A counting dialer tells whether anybody dialed.
type countingDialer struct{ dials atomic.Int64 }

func (d *countingDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	d.dials.Add(1)
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// What can't be right in the configuration or in a login: the error names the field, and nobody is dialed.
func badConfiguration(w *world) {
	user := w.user()
	dialer := &countingDialer{}
	fine := func() *xmpp.ConnectionConfiguration {
		cfg := w.config(user)
		cfg.Dialer = dialer
		return cfg
	}
	_, err := xmpp.NewConnection(nil)
	w.names(err, "configuration")
	for field, e := range map[string]edit{
		"Address":                func(c *xmpp.ConnectionConfiguration) { c.Address = jid.JID{} },
		"Domain":                 func(c *xmpp.ConnectionConfiguration) { c.Domain = "bad domain\x00" },
		"Domain ":                func(c *xmpp.ConnectionConfiguration) { c.Domain = "other.test" },
		"Domain  ":               func(c *xmpp.ConnectionConfiguration) { c.Address, c.Domain = jid.JID{}, "a..b" },
		"Resource":               func(c *xmpp.ConnectionConfiguration) { c.Resource = "a\x07b" },
		"Resource ":              func(c *xmpp.ConnectionConfiguration) { c.Resource = strings.Repeat("r", 1024) },
		"Port":                   func(c *xmpp.ConnectionConfiguration) { c.Port = -1 },
		"Port ":                  func(c *xmpp.ConnectionConfiguration) { c.Port = 65536 },
		"Port  ":                 func(c *xmpp.ConnectionConfiguration) { c.Host = "" },
		"Host":                   func(c *xmpp.ConnectionConfiguration) { c.Host = "host/path" },
		"Host ":                  func(c *xmpp.ConnectionConfiguration) { c.Host = "a\r\nb" },
		"Password":               func(c *xmpp.ConnectionConfiguration) { c.Password = "nul\x00nul" },
		"Password ":              func(c *xmpp.ConnectionConfiguration) { c.Password = "latin-1 \xe4" },
		"Security":               func(c *xmpp.ConnectionConfiguration) { c.Security = 99 },
		"TLS.ServerName":         func(c *xmpp.ConnectionConfiguration) { c.TLS.ServerName = "elsewhere.test" },
		"TLS.InsecureSkipVerify": func(c *xmpp.ConnectionConfiguration) { c.TLS.InsecureSkipVerify = true },
	} {
		cfg := fine()
		e(cfg)
		c, err := xmpp.NewConnection(cfg)
		require.Nil(w, c, field)
		w.names(err, strings.TrimSpace(field))
		require.NotContains(w, err.Error(), "nul\x00")
	}
	for _, malformed := range []string{"", "@", "a@", "@" + domain, "a b@" + domain, "a@b@c", "a@" + domain + "/", "a\x00b@" + domain, strings.Repeat("a", 1024) + "@" + domain} {
		_, err := xmpp.Dial(w.within(failureLimit), malformed, "x")
		require.Error(w, err, malformed)
		if malformed != "@"+domain {
			w.names(err, "ddress")
		}
	}
	for _, malformed := range []string{"@", "a b", "@" + domain, "a@elsewhere.test", "a\x00b", "a@" + domain + "/", strings.Repeat("a", 1024)} {
		c, err := xmpp.NewConnection(fine())
		require.NoError(w, err)
		w.names(c.Login(w.ctx, malformed, "x"), "user")
		require.NoError(w, c.Close())
	}
	c, err := xmpp.NewConnection(fine())
	require.NoError(w, err)
	w.names(c.Login(w.ctx, user.Local(), "nul\x00"), "password")
	require.Equal(w, xmpp.Disconnected, c.State())
	require.ErrorIs(w, c.Send(w.ctx, &stanza.Message{To: user, Body: "x"}), xmpp.ErrNotConnected)
	require.ErrorIs(w, c.Get(w.ctx, jid.JID{}, ping{}, nil), xmpp.ErrNotConnected)
	require.Zero(w, dialer.dials.Load())
	require.NoError(w, c.Login(w.ctx, "", ""))
	require.EqualValues(w, 1, dialer.dials.Load(), "the dialer counts")
	require.NoError(w, c.Close())
}

// names requires an error whose text names the field, and after which nothing is lost.
func (w *world) names(err error, field string) {
	w.Helper()
	require.Error(w, err, field)
	require.ErrorContains(w, err, field)
	require.True(w, xmpp.SafeToRetry(err), "%v", err)
	require.Less(w, len(err.Error()), 400, "an error is for people")
}

// What can't be sent: the error names the field, not one byte is written, and the connection goes on.
func badInput(w *world) {
	p := w.proxy(w.startTLS)
	var l tape
	a, b := w.online(w.user(), through(p), l.listening(), unmanaged), w.connection(w.user()) // or acknowledgements would count
	heard := b.Messages(w.ctx)
	require.NoError(w, b.Login(w.ctx, "", ""))
	to, zero := b.User(), jid.JID{}
	settle(w, a)
	bytes, elements := p.up.Load(), len(l.all(true))
	for _, c := range w.badCalls(a, to, zero) {
		w.names(c.call(), c.field)
		require.Equal(w, bytes, p.up.Load(), "%s: bytes were written", c.field)
		require.Len(w, l.all(true), elements, c.field)
	}
	require.Equal(w, xmpp.Online, a.State())
	require.NoError(w, a.Send(w.ctx, &stanza.Message{To: to, Body: "a good one"}))
	require.Equal(w, "a good one", next(w, "the good one", heard).Body)
	require.Greater(w, p.up.Load(), bytes, "the proxy counts")
	require.Greater(w, len(l.all(true)), elements, "the tape runs")
}

// A badCall has to fail with an error that names the field.
type badCall struct {
	field string
	call  func() error
}

func (w *world) badCalls(a *xmpp.Connection, to, zero jid.JID) []badCall {
	ctx := w.ctx
	message := func(f func(*stanza.Message)) func() error {
		return func() error {
			m := &stanza.Message{To: to, Type: stanza.MessageChat, Body: "fine"}
			f(m)
			return a.Send(ctx, m)
		}
	}
	chat, presence, roster := a.ChatManager().CreateChat(to), a.PresenceManager(), a.Roster()
	return []badCall{
		{"body", message(func(m *stanza.Message) { m.Body = "bell \a" })},
		{"body", message(func(m *stanza.Message) { m.Body = "nul \x00" })},
		{"body", message(func(m *stanza.Message) { m.Body = "not UTF-8 \xff" })},
		{"body", message(func(m *stanza.Message) { m.Body = "\uFFFE" })},
		{"body", message(func(m *stanza.Message) { m.Bodies = []stanza.Text{{Lang: "de", Value: "\x1b[31m"}} })},
		{"body", func() error { return chat.SendMessage(ctx, "esc \x1b") }},
		{"body", func() error { _, err := chat.Submit(ctx, "\x08"); return err }},
		{"subject", message(func(m *stanza.Message) { m.Subject = "\x01" })},
		{"thread", message(func(m *stanza.Message) { m.Thread = "\x02" })},
		{"id", message(func(m *stanza.Message) { m.ID = "\x03" })},
		{"lang", message(func(m *stanza.Message) { m.Lang = "\x04" })},
		{"type", message(func(m *stanza.Message) { m.Type = "\x05" })},
		{"message", func() error { return a.Send(ctx, (*stanza.Message)(nil)) }},
		{"message", func() error { _, err := a.Submit(ctx, nil); return err }},
		{"stanza", func() error { return a.Send(ctx, nil) }},
		{"stanza", func() error { return a.Send(ctx, (*stanza.Presence)(nil)) }},
		{"stanza", func() error { return a.TrySend(ctx, (*stanza.IQ)(nil)) }},
		{"iq", func() error { return a.Send(ctx, &stanza.IQ{Type: stanza.IQGet, To: to}) }},
		{"iq", func() error { _, err := a.SendIQ(ctx, nil); return err }},
		{"iq", func() error { _, err := a.SendIQ(ctx, &stanza.IQ{Type: stanza.IQResult, ID: "x"}); return err }},
		{"payload", func() error { return a.Get(ctx, to, nil, nil) }},
		{"order", func() error { return a.Get(ctx, to, sum{Order: "\x06"}, nil) }},
		{"presence", func() error { return presence.Set(ctx, nil) }},
		{"status", func() error { return presence.Set(ctx, &stanza.Presence{Status: "\x0b"}) }},
		{"presence to", func() error { return presence.Set(ctx, &stanza.Presence{To: to}) }},
		{"presence type", func() error { return presence.Set(ctx, &stanza.Presence{Type: stanza.PresenceSubscribe}) }},
		{"presence", func() error { return presence.SendTo(ctx, to, nil) }},
		{"presence to", func() error { return presence.SendTo(ctx, zero, &stanza.Presence{}) }},
		{"status", func() error { return presence.SendTo(ctx, to, &stanza.Presence{Status: "\x0c"}) }},
		{"contact", func() error { return roster.Add(ctx, zero, "x") }},
		{"contact", func() error { return roster.Remove(ctx, zero) }},
		{"contact", func() error { return roster.Subscribe(ctx, zero) }},
		{"contact", func() error { return roster.Approve(ctx, zero) }},
		{"groups", func() error { return roster.Add(ctx, to, "x", "") }},
		{"groups", func() error { return roster.Add(ctx, to, "x", "a", "a") }},
		{"group", func() error { return roster.Add(ctx, to, "x", "\x0e") }},
		{"name", func() error { return roster.Add(ctx, to, "\x0f") }},
		{"message", func() error { return a.Deliver(ctx, nil) }},
	}
}
