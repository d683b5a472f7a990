package interop_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/xml"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// A world is one scenario on one server.
type world struct {
	*testing.T
	*server
	ctx context.Context // bounds the scenario

	mu      sync.Mutex
	closers []func()
}

// scenarioLimit bounds every scenario: what hangs is an error, not a hanging test.
const scenarioLimit = 4 * time.Minute

// stepLimit bounds the wait for one event.
const stepLimit = 20 * time.Second

// play runs a scenario and looks for what it left behind.
func play(t *testing.T, s *server, scenario func(*world)) {
	left := labelled(t.Name(), func() {
		ctx, cancel := context.WithTimeout(context.Background(), scenarioLimit)
		defer cancel()
		w := &world{T: t, server: s, ctx: ctx}
		defer w.close()
		scenario(w)
	})
	for _, stack := range left {
		t.Errorf("a goroutine is left:\n%s", stack)
	}
}

// later has f called when the scenario ends, last come first.
func (w *world) later(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closers = append(w.closers, f)
}

func (w *world) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := len(w.closers) - 1; i >= 0; i-- {
		w.closers[i]()
	}
	w.closers = nil
}

// within is the scenario's context with a limit of its own.
func (w *world) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(w.ctx, d)
	w.later(cancel)
	return ctx
}

// user makes an account.
func (w *world) user() jid.JID {
	w.Helper()
	user, err := w.account()
	require.NoError(w, err)
	return user
}

// config is how to log in as user, by STARTTLS and straight to the server.
func (w *world) config(user jid.JID) *xmpp.ConnectionConfiguration {
	return &xmpp.ConnectionConfiguration{
		Address: user, Password: xmpp.Secret(passwordOf(user.Local())), Host: "127.0.0.1", Port: w.startTLS,
		TLS: &tls.Config{RootCAs: w.ca}, RequestTimeout: 20 * time.Second,
	}
}

// An edit changes a configuration.
type edit func(*xmpp.ConnectionConfiguration)

func through(p *proxy) edit                     { return func(c *xmpp.ConnectionConfiguration) { c.Port = p.port } }
func as(resource string) edit                   { return func(c *xmpp.ConnectionConfiguration) { c.Resource = resource } }
func kept(s xmpp.Store) edit                    { return func(c *xmpp.ConnectionConfiguration) { c.Store = s } }
func unmanaged(c *xmpp.ConnectionConfiguration) { c.DisableStreamManagement = true }
func (l *tape) listening() edit                 { return func(c *xmpp.ConnectionConfiguration) { c.Trace = l.record } }

// connection is a new connection that isn't connected, and is closed with the scenario.
func (w *world) connection(user jid.JID, edits ...edit) *xmpp.Connection {
	w.Helper()
	cfg := w.config(user)
	for _, e := range edits {
		e(cfg)
	}
	c, err := xmpp.NewConnection(cfg)
	require.NoError(w, err)
	w.later(func() { _ = c.Close() })
	return c
}

// online is a connection that is logged in.
func (w *world) online(user jid.JID, edits ...edit) *xmpp.Connection {
	w.Helper()
	c := w.connection(user, edits...)
	require.NoError(w, c.Login(w.ctx, "", ""))
	return c
}

// next takes a value from a channel, before the scenario's end.
func next[T any](w *world, what string, c <-chan T) T {
	w.Helper()
	select {
	case v, ok := <-c:
		require.True(w, ok, "%s: the channel is closed", what)
		return v
	case <-w.ctx.Done():
		require.FailNow(w, "nothing came", "%s: %v", what, context.Cause(w.ctx))
	case <-time.After(stepLimit):
		require.FailNow(w, "nothing came", what)
	}
	panic("unreachable")
}

// until takes values from a channel up to the first that is wanted, which it returns.
func until[T any](w *world, what string, c <-chan T, wanted func(T) bool) T {
	w.Helper()
	for {
		if v := next(w, what, c); wanted(v) {
			return v
		}
	}
}

// settle makes sure that the server has handled all that c sent before, and that c has seen all that the server sent to it by then.
func settle(w *world, c *xmpp.Connection) {
	w.Helper()
	require.NoError(w, c.Get(w.ctx, jid.JID{}, ping{}, nil))
}

// ping is XEP-0199.
type ping struct {
	XMLName xml.Name `xml:"urn:xmpp:ping ping"`
}

// A tape keeps what the trace hook tells.
type tape struct {
	mu     sync.Mutex
	events []xmpp.TraceEvent
}

func (l *tape) record(e xmpp.TraceEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

// find returns the first element in this direction that contains all of these texts.
func (l *tape) find(out bool, texts ...string) (string, bool) {
	all := l.all(out, texts...)
	if len(all) == 0 {
		return "", false
	}
	return all[0], true
}

// all returns the elements in this direction that contain all of these texts.
func (l *tape) all(out bool, texts ...string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
next:
	for _, e := range l.events {
		if e.Out != out {
			continue
		}
		for _, text := range texts {
			if !bytes.Contains(e.Data, []byte(text)) {
				continue next
			}
		}
		found = append(found, string(e.Data))
	}
	return found
}

// features returns the last <stream:features/> that offers what the name says.
func (l *tape) features(w *world, name string) stanza.Element {
	w.Helper()
	all := l.all(false, "features", name)
	require.NotEmpty(w, all, "the server offers no %s", name)
	e, err := stanza.Parse(all[len(all)-1])
	require.NoError(w, err)
	return e
}
