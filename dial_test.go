package xmpp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// names is a resolver and a dialer: a made-up DNS, and which server listens where.
type names struct {
	mu      sync.Mutex
	srv     map[string][]*net.SRV       // by service
	hosts   map[string]*xmpptest.Server // by host
	dialed  []string
	queries []string
}

func (n *names) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.queries = append(n.queries, service)
	all := n.srv[service]
	if all == nil {
		return "", nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return "", all, nil
}

func (n *names) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return nil, errors.New("names are the dialer's to resolve")
}

func (n *names) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(address)
	n.mu.Lock()
	n.dialed = append(n.dialed, address)
	srv := n.hosts[host]
	n.mu.Unlock()
	if srv == nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("connection refused")}
	}
	return srv.Dialer().DialContext(ctx, network, address)
}

func (n *names) use(cfg *xmpp.ConnectionConfiguration) {
	cfg.Host, cfg.Dialer, cfg.Resolver = "", n, n
}

// An endpoint that is no use after TLS is left for the next one, within one Login.
func TestNextEndpoint(t *testing.T) {
	for name, end := range map[string]func(*xmpptest.ScriptConn) error{
		"host unknown": func(c *xmpptest.ScriptConn) error { c.Kick(stanza.StreamHostUnknown); return nil },
		"cut":          func(c *xmpptest.ScriptConn) error { c.Cut(); return nil },
		"silence":      func(c *xmpptest.ScriptConn) error { _ = c.ExpectEnd(""); return nil },
		"elsewhere":    func(c *xmpptest.ScriptConn) error { return c.Send(seeOther("nowhere.example")) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, nil)
				n := &names{srv: map[string][]*net.SRV{"xmpp-client": {
					{Target: "one.example.", Port: 5222, Priority: 1}, {Target: "two.example.", Port: 5222, Priority: 2},
				}}, hosts: map[string]*xmpptest.Server{"one.example": srv, "two.example": srv}}
				srv.Script(func(c *xmpptest.ScriptConn) error {
					if err := c.Greet(); err != nil {
						return err
					}
					return end(c)
				})
				c := offline(t, srv, "romeo", n.use)
				require.NoError(t, c.Login(t.Context(), "", ""))
				require.Contains(t, n.dialed, "two.example:5222")
			})
		})
	}
}

// S015: a redirection is followed under the same policy, and not for ever.
func TestSeeOtherHost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, evil := xmpptest.NewServer(t, nil), xmpptest.NewServer(t, nil) // evil has an authority of its own
		to := func(host string) func(*xmpptest.ScriptConn) error {
			return func(c *xmpptest.ScriptConn) error {
				if err := c.Greet(); err != nil {
					return err
				}
				return c.Send(seeOther(host))
			}
		}
		n := &names{hosts: map[string]*xmpptest.Server{"localhost": srv, "b.example": srv, "::1": srv, "evil.example": evil}}
		for host, dialed := range map[string]string{"b.example": "b.example:5222", "b.example:5225": "b.example:5225", "[::1]": "[::1]:5222", "[::1]:5999": "[::1]:5999"} {
			srv.Script(to(host))
			c := offline(t, srv, "romeo", n.use)
			require.NoError(t, c.Login(t.Context(), "", ""))
			require.Equal(t, dialed, n.dialed[len(n.dialed)-1])
		}

		var log string
		srv.Script(to("evil.example"))
		spy := evil.Script(func(c *xmpptest.ScriptConn) error {
			_ = c.Greet()
			_ = c.ExpectEnd("")
			log = c.Log()
			return nil
		})
		c := offline(t, srv, "romeo", n.use)
		var cert *tls.CertificateVerificationError
		require.ErrorAs(t, c.Login(t.Context(), "", ""), &cert)
		require.NoError(t, spy.Wait(t.Context()))
		require.NotContains(t, log, "<auth")
		require.NotContains(t, log, "romeo")

		srv.ScriptAll(to("b.example"))
		n.dialed = nil
		require.ErrorIs(t, c.Login(t.Context(), "", ""), stanza.StreamSeeOtherHost)
		require.Len(t, n.dialed, 6, "at most five hops")
		require.Equal(t, xmpp.Disconnected, c.State())

		for _, host := range []string{"", "b.example:0", "b.example:99999", "b.example:x"} {
			srv.ScriptAll(to(host))
			n.dialed = nil
			require.Error(t, c.Login(t.Context(), "", ""))
			require.Len(t, n.dialed, 1)
		}
	})
}

// A server that lost patience between Connect and Login is dialed again.
func TestLoginLongAfterConnect(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		srv.Script(func(c *xmpptest.ScriptConn) error {
			err := errors.Join(second(c.Header()), c.SendHeader(), c.StartTLS())
			time.Sleep(time.Minute) // virtual
			c.Cut()
			return err
		})
		c := offline(t, srv, "romeo")
		require.NoError(t, c.Connect(t.Context()))
		pass(time.Hour)
		require.NoError(t, c.Login(t.Context(), "", ""))
		require.Equal(t, 2, srv.Dialer().Dials())
	})
}

// Connect sends nothing on the secured stream.
func TestConnectSaysNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		var log func() string
		srv.Script(func(c *xmpptest.ScriptConn) error {
			log = c.Log
			err := errors.Join(second(c.Header()), c.SendHeader(), c.StartTLS())
			_ = c.ExpectEnd("")
			return err
		})
		c := offline(t, srv, "romeo")
		require.NoError(t, c.Connect(t.Context()))
		settle()
		_, after, _ := cutLast(log(), "<starttls")
		require.NotContains(t, after, "<")
		require.NotContains(t, log(), "romeo", "who logs in is not for the network to read")
	})
}

func cutLast(s, sep string) (before, after string, found bool) {
	for i := len(s) - len(sep); i >= 0; i-- {
		if s[i:i+len(sep)] == sep {
			return s[:i], s[i+len(sep):], true
		}
	}
	return s, "", false
}

func TestDialsWhatTheDomainSays(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		for name, tt := range map[string]struct {
			srv    map[string][]*net.SRV
			change with
			want   string
		}{
			"nothing":                  {nil, nil, "localhost:5222"},
			"STARTTLS":                 {map[string][]*net.SRV{"xmpp-client": {{Target: "one.example.", Port: 5299}}}, nil, "one.example:5299"},
			"direct TLS":               {map[string][]*net.SRV{"xmpps-client": {{Target: "one.example.", Port: 443}}}, nil, "one.example:443"},
			"direct TLS isn't allowed": {map[string][]*net.SRV{"xmpps-client": {{Target: "one.example.", Port: 443}}, "xmpp-client": {{Target: "one.example.", Port: 5222, Priority: 9}}}, func(c *xmpp.ConnectionConfiguration) { c.Security = xmpp.SecurityStartTLS }, "one.example:5222"},
			"Host":                     {nil, func(c *xmpp.ConnectionConfiguration) { c.Host, c.Port = "two.example", 0 }, "two.example:5222"},
			"Host, direct":             {nil, func(c *xmpp.ConnectionConfiguration) { c.Host, c.Security = "two.example", xmpp.SecurityDirectTLS }, "two.example:5223"},
			"Host, port for direct":    {nil, func(c *xmpp.ConnectionConfiguration) { c.Host, c.Port = "two.example", 5223 }, "two.example:5223"},
		} {
			n := &names{srv: tt.srv, hosts: map[string]*xmpptest.Server{"localhost": srv, "one.example": srv, "two.example": srv}}
			changes := []with{n.use}
			if tt.change != nil {
				changes = append(changes, tt.change)
			}
			c := online(t, srv, "romeo", changes...)
			require.Equal(t, []string{tt.want}, n.dialed, name)
			require.NoError(t, c.Close())
		}
		n := &names{srv: map[string][]*net.SRV{"xmpp-client": {{Target: "."}}, "xmpps-client": {{Target: "."}}}}
		err := offline(t, srv, "romeo", n.use).Connect(t.Context())
		require.Error(t, err)
		require.Empty(t, n.dialed, "the domain says that it has no such service")
	})
}

// A *ConnectError lists what was tried, where it failed and why.
func TestConnectError(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		n := &names{srv: map[string][]*net.SRV{"xmpp-client": {{Target: "down.example.", Port: 5222}, {Target: "up.example.", Port: 5222, Priority: 1}}},
			hosts: map[string]*xmpptest.Server{"up.example": srv}}
		c := offline(t, srv, "romeo", n.use)
		err := c.Login(t.Context(), "romeo", "wrong")
		var failed *xmpp.ConnectError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, "localhost", failed.Domain)
		require.Len(t, failed.Attempts, 2)
		require.Equal(t, []string{"down.example:5222", "connect"}, []string{failed.Attempts[0].Endpoint, failed.Attempts[0].Step})
		require.Equal(t, []string{"up.example:5222", "authenticate"}, []string{failed.Attempts[1].Endpoint, failed.Attempts[1].Step})
		require.ErrorContains(t, err, "down.example:5222: connect: ")
		require.ErrorContains(t, err, "up.example:5222: authenticate: ")
		var op *net.OpError
		require.ErrorAs(t, err, &op)
		require.True(t, xmpp.SafeToRetry(err))
		require.True(t, xmpp.Terminal(err))
	})
}

func TestProxyArguments(t *testing.T) {
	_, err := xmpp.Proxy(nil, nil)
	require.ErrorContains(t, err, "proxy")
	_, err = xmpp.Proxy(&url.URL{Scheme: "gopher", Host: "x:1"}, nil)
	require.Error(t, err)
	_, err = xmpp.Dial(t.Context(), "a@b@c", "x")
	var bad *xmpp.ConfigError
	require.ErrorAs(t, err, &bad)
	require.Equal(t, "address", bad.Field)
}

// A host that swallows what is sent to it is left after ConnectTimeout, though the caller's context has no end.
func TestConnectTimeoutCoversTheDialing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		srv.Dialer().BlackHole(1)
		c := offline(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) { cfg.ConnectTimeout = 500 * time.Millisecond })
		began := time.Now()
		require.ErrorIs(t, c.Connect(context.WithoutCancel(t.Context())), xmpp.ErrTimeout)
		require.LessOrEqual(t, time.Since(began), time.Second)
		require.NoError(t, c.Connect(t.Context()))
	})
}
