package xmpp_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/xmpptest"
)

func parse(s string) (jid.JID, error) { return jid.Parse(s) }

// asks makes a credentials callback that gives these answers, the last one for ever.
func asks(seen *record[xmpp.CredentialsRequest], answers ...xmpp.Secret) with {
	return func(cfg *xmpp.ConnectionConfiguration) {
		cfg.Password = ""
		cfg.Credentials = func(_ context.Context, r xmpp.CredentialsRequest) (xmpp.Secret, error) {
			seen.add(r)
			return answers[min(len(seen.list()), len(answers))-1], nil
		}
	}
}

func TestCredentialsAreAskedTwiceAtMost(t *testing.T) {
	tests := map[string]struct {
		answers []xmpp.Secret
		asked   int
		tries   int
		good    bool
	}{
		"right at once":       {[]xmpp.Secret{"right"}, 1, 1, true},
		"right at the second": {[]xmpp.Secret{"wrong", "right"}, 2, 2, true},
		"the same again":      {[]xmpp.Secret{"wrong"}, 2, 1, false},
		"wrong again":         {[]xmpp.Secret{"wrong", "worse", "right"}, 2, 2, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, &xmpptest.Options{Accounts: map[string]string{"romeo": "right"}})
				seen := new(record[xmpp.CredentialsRequest])
				tries := new(record[struct{}])
				c := offline(t, srv, "romeo", asks(seen, tt.answers...), func(cfg *xmpp.ConnectionConfiguration) {
					cfg.Trace = func(e xmpp.TraceEvent) {
						if strings.HasPrefix(string(e.Data), "<auth ") {
							tries.add(struct{}{})
						}
					}
				})
				err := c.Login(t.Context(), "", "")
				require.Len(t, tries.list(), tt.tries, "the same answer is not tried again")
				requests := seen.list()
				require.Len(t, requests, tt.asked)
				require.Equal(t, srv.Address("romeo"), requests[0].Address)
				require.Nil(t, requests[0].Failure)
				if tt.asked > 1 {
					require.Equal(t, sasl.NotAuthorized, requests[1].Failure.Condition)
				}
				require.Equal(t, 1, srv.Dialer().Dials(), "one connection serves both tries")
				if tt.good {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, sasl.NotAuthorized)
				require.True(t, xmpp.Terminal(err))
			})
		})
	}
}

func TestCredentialsForEachLogin(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{Accounts: map[string]string{"romeo": "right"}})
		seen := new(record[xmpp.CredentialsRequest])
		c := online(t, srv, "romeo", asks(seen, "right"))
		srv.Drop("romeo")
		eventually(t, time.Minute, func() bool { return c.State() == xmpp.Online && len(seen.list()) == 2 })
	})
}

func TestCredentialsMayWaitForThirtySeconds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := offline(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) {
			cfg.Credentials = func(ctx context.Context, _ xmpp.CredentialsRequest) (xmpp.Secret, error) {
				<-ctx.Done()
				return "", ctx.Err()
			}
		})
		began := time.Now()
		err := c.Login(t.Context(), "", "")
		require.Equal(t, 30*time.Second, time.Since(began))
		var failed *xmpp.ConnectError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, "credentials", failed.Attempts[0].Step)

		no := errors.New("the user pressed cancel")
		c = offline(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) {
			cfg.Credentials = func(context.Context, xmpp.CredentialsRequest) (xmpp.Secret, error) { return "", no }
		})
		require.ErrorIs(t, c.Login(t.Context(), "", ""), no)
	})
}

func TestWhoLogsIn(t *testing.T) {
	for name, tt := range map[string]struct {
		change   with
		user     string
		password xmpp.Secret
		want     string
	}{
		"the configuration's":         {nil, "", "", "romeo@localhost"},
		"local part":                  {nil, "juliet", "orchard", "juliet@localhost"},
		"address":                     {nil, "juliet@localhost", "orchard", "juliet@localhost"},
		"address with resource":       {nil, "juliet@localhost/balcony", "orchard", "juliet@localhost/balcony"},
		"resource of the Address":     {func(c *xmpp.ConnectionConfiguration) { c.Address = must(c.Address.WithResource("tomb")) }, "", "", "romeo@localhost/tomb"},
		"Resource":                    {func(c *xmpp.ConnectionConfiguration) { c.Resource = "street" }, "", "", "romeo@localhost/street"},
		"another password":            {func(c *xmpp.ConnectionConfiguration) { c.Password = "old" }, "", "dagger", "romeo@localhost"},
		"only a Domain":               {func(c *xmpp.ConnectionConfiguration) { c.Address, c.Domain = jid.JID{}, "localhost" }, "juliet", "orchard", "juliet@localhost"},
		"a callback is not asked":     {asks(new(record[xmpp.CredentialsRequest]), "wrong"), "juliet", "orchard", "juliet@localhost"},
		"a callback that knows it":    {asks(new(record[xmpp.CredentialsRequest]), "orchard"), "juliet", "", "juliet@localhost"},
		"everything again, prepared":  {nil, "JULIET", "orchard", "juliet@localhost"},
		"nobody: none is configured.": {func(c *xmpp.ConnectionConfiguration) { c.Address, c.Domain = jid.JID{}, "localhost" }, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, &xmpptest.Options{Accounts: map[string]string{"romeo": "dagger", "juliet": "orchard"}})
				var changes []with
				if tt.change != nil {
					changes = append(changes, tt.change)
				}
				c := offline(t, srv, "romeo", changes...)
				err := c.Login(t.Context(), tt.user, tt.password)
				if tt.want == "" {
					var bad *xmpp.ConfigError
					require.ErrorAs(t, err, &bad)
					require.Equal(t, "user", bad.Field)
					return
				}
				require.NoError(t, err)
				want := jid.MustParse(tt.want)
				require.Equal(t, want.Bare(), c.User().Bare())
				if want.IsFull() {
					require.Equal(t, want, c.User())
				}
				require.NoError(t, c.Shutdown(t.Context()))
				require.Equal(t, want.Bare(), c.User().Bare(), "the account's, when no resource is bound")
			})
		})
	}
}

// One account that has once logged in with SCRAM never shows its password to
// a server that offers only PLAIN, also when a new process asks (S031, S005).
func TestPinAcrossConnections(t *testing.T) {
	bubble(t, func(t *testing.T) {
		store := xmpp.NewMemoryStore()
		plain := func(cfg *xmpp.ConnectionConfiguration) {
			cfg.Store, cfg.Mechanisms = store, []string{"SCRAM-SHA-256", "PLAIN"}
		}
		accounts := map[string]string{"romeo": "canary"}
		weak := xmpptest.NewServer(t, &xmpptest.Options{Accounts: accounts, Mechanisms: []string{"PLAIN"}})
		strong := xmpptest.NewServer(t, &xmpptest.Options{Accounts: accounts})

		require.NoError(t, online(t, weak, "romeo", plain).Close(), "nothing is pinned yet")
		require.NoError(t, online(t, strong, "romeo", plain).Close())
		for range 2 {
			err := offline(t, weak, "romeo", plain).Login(t.Context(), "", "")
			require.ErrorIs(t, err, sasl.ErrDowngrade)
			require.True(t, xmpp.Terminal(err))
		}
		other := func(cfg *xmpp.ConnectionConfiguration) {
			cfg.Address = weak.Address("juliet")
			cfg.Password = xmpp.Secret(weak.Password("juliet"))
		}
		online(t, weak, "juliet", plain, other) // the pin is the account's
	})
}

// The second login computes no PBKDF2: a key is put away where it was derived, and found the next time.
func TestSecondLoginDerivesNoKey(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := offline(t, srv, "romeo")
		keys := &countedKeys{KeyCache: sasl.NewKeyCache()}
		c.SetKeys(keys)
		require.NoError(t, c.Login(t.Context(), "", ""))
		require.Equal(t, 1, keys.derived)
		require.Equal(t, 0, keys.found)
		srv.Drop("romeo")
		eventually(t, time.Minute, func() bool { return c.State() == xmpp.Online && srv.Dialer().Dials() == 2 })
		require.Equal(t, 1, keys.derived)
		require.Equal(t, 1, keys.found)
	})
}

type countedKeys struct {
	sasl.KeyCache
	derived, found int
}

func (k *countedKeys) Get(name string) ([]byte, bool) {
	v, ok := k.KeyCache.Get(name)
	if ok {
		k.found++
	}
	return v, ok
}

func (k *countedKeys) Put(name string, v []byte) {
	k.derived++
	k.KeyCache.Put(name, v)
}

// An account that has used SCRAM may use a token as well: a token is no password that a server could be after.
func TestTokenAfterSCRAM(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{Mechanisms: []string{"SCRAM-SHA-256", "OAUTHBEARER"}})
		store := xmpp.NewMemoryStore()
		keep := func(cfg *xmpp.ConnectionConfiguration) { cfg.Store = store }
		require.NoError(t, online(t, srv, "romeo", keep).Close())
		token := func(cfg *xmpp.ConnectionConfiguration) { cfg.Mechanisms = []string{"OAUTHBEARER"} }
		require.NoError(t, online(t, srv, "romeo", keep, token).Close())
	})
}
