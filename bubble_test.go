package xmpp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// bubble runs a test in virtual time. It ends only when no goroutine is left.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// with is a change of a configuration.
type with func(*xmpp.ConnectionConfiguration)

// offline makes a connection that is not connected yet and is closed with the test.
func offline(t *testing.T, srv *xmpptest.Server, user string, changes ...with) *xmpp.Connection {
	t.Helper()
	cfg := &xmpp.ConnectionConfiguration{
		Address: srv.Address(user), Password: xmpp.Secret(srv.Password(user)),
		Host: "xmpp.example", Dialer: srv.Dialer(), TLS: &tls.Config{RootCAs: srv.CA()},
	}
	for _, change := range changes {
		change(cfg)
	}
	c, err := xmpp.NewConnection(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// online makes a connection that is logged in.
func online(t *testing.T, srv *xmpptest.Server, user string, changes ...with) *xmpp.Connection {
	t.Helper()
	c := offline(t, srv, user, changes...)
	require.NoError(t, c.Login(t.Context(), "", ""))
	return c
}

// scripted is a connection that is logged in to a server that play goes on to
// play once roster and presence are through.
func scripted(t *testing.T, srv *xmpptest.Server, user string, play func(*xmpptest.ScriptConn) error, changes ...with) *xmpp.Connection {
	t.Helper()
	srv.Script(func(c *xmpptest.ScriptConn) error {
		if _, err := c.Login(user); err != nil {
			return err
		}
		roster, err := c.Expect("jabber:iq:roster")
		if err != nil {
			return err
		}
		if err := c.Send("<iq type='result' id='" + roster.Attr("id") + "'><query xmlns='jabber:iq:roster'/></iq>"); err != nil {
			return err
		}
		if _, err := c.Expect("presence"); err != nil {
			return err
		}
		return play(c)
	})
	return online(t, srv, user, append([]with{unmanaged}, changes...)...)
}

// unmanaged does without stream management: a connection that breaks ends its session.
func unmanaged(cfg *xmpp.ConnectionConfiguration) { cfg.DisableStreamManagement = true }

// raw writes to all connections of a user, behind the server's back.
func raw(srv *xmpptest.Server, user, data string) {
	for _, c := range srv.Connections(user) {
		c.Send(data)
	}
}

// A record is what listeners heard.
type record[T any] struct {
	mu  sync.Mutex
	all []T
}

func (r *record[T]) add(v T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, v)
}

func (r *record[T]) list() []T {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

// texts records the bodies of all messages.
func texts(c *xmpp.Connection) *record[string] {
	r := new(record[string])
	c.OnMessage(func(_ context.Context, m *stanza.Message) { r.add(m.Body) })
	return r
}

// states records the states' names.
func states(c *xmpp.Connection) *record[string] {
	r := new(record[string])
	c.OnState(func(s xmpp.StateChange) {
		name := s.State.String()
		if s.Reset {
			name += " reset"
		}
		r.add(name)
	})
	return r
}

// complaints records what OnError hears.
func complaints(r *record[error]) with {
	return func(cfg *xmpp.ConnectionConfiguration) { cfg.OnError = r.add }
}

// errorText is all errors in one string.
func errorText(errs []error) string {
	return strings.ReplaceAll(errors.Join(errs...).Error(), "\n", "; ")
}

// settle waits until everything that can happen without time passing has happened.
func settle() { synctest.Wait() }

// pass lets time pass.
func pass(d time.Duration) {
	time.Sleep(d) // virtual
	synctest.Wait()
}

// eventually waits in virtual time until ok holds.
func eventually(t *testing.T, within time.Duration, ok func() bool) {
	t.Helper()
	end := time.Now().Add(within)
	for settle(); !ok(); settle() {
		require.True(t, time.Now().Before(end), "not within %v", within)
		time.Sleep(50 * time.Millisecond) // virtual
	}
}
