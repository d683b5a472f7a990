package xmpp_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/xmpptest"
)

// The place that the server announced for the session is tried first, and asks nobody's DNS; one that doesn't serve costs that try, and it gets nothing
// of us without a certificate for our domain (S016).
func TestLocation(t *testing.T) {
	for name, tt := range map[string]struct {
		location string
		change   with
		dialed   []string // after the loss
		asks     bool     // DNS
	}{
		"S016 twin":       {"b.example:9222", nil, []string{"b.example:9222"}, false},
		"its port":        {"b.example", nil, []string{"b.example:5222"}, false},
		"direct TLS":      {"b.example:443", nil, []string{"b.example:443"}, false},
		"an address":      {"[::1]:9222", nil, []string{"[::1]:9222"}, false},
		"only that":       {"[::1]", nil, []string{"[::1]:5222"}, false},
		"S016 abuse":      {"evil.example:5222", nil, []string{"evil.example:5222", "localhost:5222"}, true},
		"S016 direct TLS": {"evil.example:5223", nil, []string{"evil.example:5223", "localhost:5222"}, true},
		"nobody there":    {"gone.example:1", nil, []string{"gone.example:1", "localhost:5222"}, true},
		"no STARTTLS":     {"clear.example", nil, []string{"clear.example:5222", "localhost:5222"}, true},
		"hangs up":        {"tired.example", nil, []string{"tired.example:5222", "localhost:5222"}, true},
		"hangs up late":   {"late.example", nil, []string{"late.example:5222", "localhost:5222"}, true},
		"no address":      {"b.example:port", nil, []string{"localhost:5222"}, true},
		"two of them":     {"b.example localhost", nil, []string{"localhost:5222"}, true},
		"empty":           {":5222", nil, []string{"localhost:5222"}, true},
		"in clear": {"evil.example", func(cfg *xmpp.ConnectionConfiguration) {
			cfg.Security = xmpp.SecurityPlaintext
		}, []string{"localhost:5222"}, true},
		"a configured host": {"b.example:9222", func(cfg *xmpp.ConnectionConfiguration) { cfg.Host = "localhost" }, []string{"b.example:9222"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, &xmpptest.Options{Plaintext: name == "in clear", StreamManagement: xmpptest.StreamManagement{Location: tt.location}})
				evil := xmpptest.NewServer(t, nil) // has an authority of its own
				clear := xmpptest.NewServer(t, &xmpptest.Options{Plaintext: true})
				tired := xmpptest.NewServer(t, nil)
				n := &names{hosts: map[string]*xmpptest.Server{
					"localhost": srv, "b.example": srv, "::1": srv, "evil.example": evil, "clear.example": clear, "tired.example": tired, "late.example": srv,
				}}
				tired.ScriptAll(func(c *xmpptest.ScriptConn) error { c.Cut(); return nil })
				changes := []with{n.use, keeping(xmpp.NewMemoryStore())}
				if tt.change != nil {
					changes = append(changes, tt.change)
				}
				c := managed(t, srv, "romeo", changes...)
				late := func() {
					if name != "hangs up late" {
						return
					}
					srv.Script(func(c *xmpptest.ScriptConn) error {
						defer c.Cut()
						return errors.Join(c.Greet(), c.Authenticate("romeo"))
					})
				}
				late()
				n.mu.Lock()
				n.dialed, n.queries = nil, nil
				n.mu.Unlock()
				srv.Drop("romeo")
				pass(10 * time.Second)
				require.Equal(t, xmpp.Online, c.State())
				require.EqualValues(t, 1, c.Stats().Resumed)
				n.mu.Lock()
				require.Equal(t, tt.dialed, n.dialed)
				require.Equal(t, tt.asks, len(n.queries) > 0)
				n.dialed = nil
				n.mu.Unlock()
				if len(tt.dialed) == 1 && name != "hangs up late" {
					srv.Drop("romeo") // it stays the place to go
					pass(10 * time.Second)
					require.Equal(t, tt.dialed, n.dialed)
				}

				require.NoError(t, c.Suspend(t.Context())) // another process goes there too
				late()
				n.dialed = nil
				c = offline(t, srv, "romeo", changes...)
				require.NoError(t, c.Login(t.Context(), "", ""))
				require.EqualValues(t, 1, c.Stats().Resumed)
				require.Equal(t, tt.dialed, n.dialed)
			})
		})
	}
}

// A place that takes the connection and says nothing is given up, and not tried again before the session was resumed.
func TestASilentLocation(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{StreamManagement: xmpptest.StreamManagement{Location: "b.example"}})
		n := &names{hosts: map[string]*xmpptest.Server{"localhost": srv, "b.example": srv}}
		c := managed(t, srv, "romeo", n.use)
		srv.Dialer().Refuse(3)
		srv.Dialer().BlackHole(1)
		srv.Drop("romeo")
		pass(2 * time.Minute)
		require.Equal(t, xmpp.Online, c.State())
		require.EqualValues(t, 1, c.Stats().Resumed)
		tries := 0
		for _, d := range n.dialed {
			if d == "b.example:5222" {
				tries++
			}
		}
		require.Equal(t, 1, tries)
	})
}
