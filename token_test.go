package xmpp_test

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/xmpptest"
)

const tokens = "romeo@localhost/fast"

// A stored is a token as the store has it.
type stored struct{ Domain, Device, Mechanism, Expiry, Secret string }

func tokensIn(t *testing.T, s xmpp.Store) (all []stored) {
	t.Helper()
	data, err := s.Get(context.Background(), tokens)
	require.NoError(t, err)
	if data != nil {
		require.NoError(t, json.Unmarshal(data, &all))
	}
	return all
}

// used are the mechanisms of all attempts that were made.
func (w *wire) used() (names []string) {
	for _, line := range w.of("C: <auth") {
		names = append(names, regexp.MustCompile(`mechanism=['"]([^'"]*)`).FindStringSubmatch(line)[1])
	}
	return names
}

const (
	scram = "SCRAM-SHA-512-PLUS"
	expr  = "HT-SHA-256-EXPR"
)

// once logs in with a store and out again.
func once(t *testing.T, srv *xmpptest.Server, s xmpp.Store, changes ...with) (*wire, error) {
	t.Helper()
	w := new(wire)
	c := offline(t, srv, "romeo", append([]with{w.hook, stores(s)}, changes...)...)
	err := c.Login(t.Context(), "", "")
	require.NoError(t, c.Close())
	settle()
	return w, err
}

func TestATokenStandsForThePassword(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, s := xmpptest.NewServer(t, modern()), xmpp.NewMemoryStore()
		w, err := once(t, srv, s)
		require.NoError(t, err)
		require.Equal(t, []string{scram}, w.used())
		require.Len(t, w.of("<request-token ", expr), 1)
		require.Len(t, tokensIn(t, s), 1)

		// Neither the password nor the callback is looked at any more (DECISIONS G4).
		seen := new(record[xmpp.CredentialsRequest])
		w, err = once(t, srv, s, asks(seen, "wrong"))
		require.NoError(t, err)
		require.Equal(t, []string{expr}, w.used())
		require.Empty(t, w.of("<request-token "))
		require.Empty(t, seen.list())

		// A password that somebody has typed is tried.
		c := offline(t, srv, "romeo", stores(s))
		require.ErrorIs(t, c.Login(t.Context(), "romeo", "wrong"), sasl.NotAuthorized)
		w = new(wire)
		c = offline(t, srv, "romeo", stores(s), w.hook)
		require.NoError(t, c.Login(t.Context(), "", xmpp.Secret(srv.Password("romeo"))))
		require.Equal(t, []string{scram}, w.used())
		srv.Drop("romeo")
		eventually(t, time.Minute, func() bool { return srv.Dialer().Dials() == 5 && c.State() == xmpp.Online })
		require.Equal(t, []string{scram, expr}, w.used(), "and then a token stands for it")
		require.NoError(t, c.Close())

		w, err = once(t, srv, s, func(cfg *xmpp.ConnectionConfiguration) { cfg.DisableFAST = true })
		require.NoError(t, err)
		require.Equal(t, []string{scram}, w.used())
		require.Empty(t, w.of("<request-token "))
	})
}

// A token is good also where nothing else that the server offers may be used.
func TestATokenIsEnough(t *testing.T) {
	for _, known := range []bool{true, false} {
		bubble(t, func(t *testing.T) {
			o := modern()
			o.Mechanisms = []string{"PLAIN"}
			srv, s := xmpptest.NewServer(t, o), xmpp.NewMemoryStore()
			_, err := once(t, srv, s, func(cfg *xmpp.ConnectionConfiguration) { cfg.Mechanisms = []string{"PLAIN"} })
			require.NoError(t, err)
			if !known {
				require.NoError(t, s.Delete(t.Context(), "romeo@localhost/features"))
			}
			mechanism := tokensIn(t, s)[0].Mechanism
			w, err := once(t, srv, s, func(cfg *xmpp.ConnectionConfiguration) { cfg.Password = "" })
			require.NoError(t, err)
			require.Equal(t, []string{mechanism}, w.used())
		})
	}
}

// Without a store of its own a connection has a device id and tokens for its own life.
func TestTokensWithoutAStore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, modern())
		w := new(wire)
		c := online(t, srv, "romeo", w.hook)
		srv.Drop("romeo")
		eventually(t, time.Minute, func() bool { return srv.Dialer().Dials() == 2 && c.State() == xmpp.Online })
		require.Equal(t, []string{scram, expr}, w.used())
	})
}

func TestTheDeviceIsTheStores(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, s := xmpptest.NewServer(t, modern()), xmpp.NewMemoryStore()
		device := func() string {
			_, err := once(t, srv, s)
			require.NoError(t, err)
			id, err := s.Get(t.Context(), "romeo@localhost/device")
			require.NoError(t, err)
			require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, string(id))
			return string(id)
		}
		first := device()
		require.Equal(t, first, device())
		for _, damaged := range []string{"", "x", strings.Repeat("x", 36), strings.ToUpper(first)} {
			require.NoError(t, s.Put(t.Context(), "romeo@localhost/device", []byte(damaged)))
			require.NotEqual(t, first, device())
		}
		require.NotEqual(t, device(), func() string { s = xmpp.NewMemoryStore(); return device() }())
	})
}

// TestHostileTokens: what a hostile server can't do to a token, each with its legitimate twin.
func TestHostileTokens(t *testing.T) {
	t.Run("S052 another domain, device or mechanism", func(t *testing.T) {
		for name, tt := range map[string]struct {
			change func(*stored)
			used   bool
		}{
			"as it is":          {func(*stored) {}, true},
			"another domain":    {func(s *stored) { s.Domain = "evil.example" }, false},
			"another device":    {func(s *stored) { s.Device = "00000000-0000-4000-8000-000000000000" }, false},
			"another mechanism": {func(s *stored) { s.Mechanism = "HT-SHA-256-UNIQ" }, false},
			"too old":           {func(s *stored) { s.Expiry = "1999-12-31T00:00:00Z" }, false},
			"damaged":           {func(s *stored) { s.Expiry = "soon" }, false},
			"nothing":           {func(s *stored) { s.Secret = "" }, false},
		} {
			t.Run(name, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					srv, s := xmpptest.NewServer(t, modern()), xmpp.NewMemoryStore()
					_, err := once(t, srv, s)
					require.NoError(t, err)
					all := tokensIn(t, s)
					tt.change(&all[0])
					data, err := json.Marshal(all)
					require.NoError(t, err)
					require.NoError(t, s.Put(t.Context(), tokens, data))
					w, err := once(t, srv, s)
					require.NoError(t, err)
					require.Equal(t, []string{map[bool]string{true: expr, false: scram}[tt.used]}, w.used())
				})
			})
		}
	})
	t.Run("S052 another account's server", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			o := modern()
			o.Domain = "other.example"
			srv, other, s := xmpptest.NewServer(t, modern()), xmpptest.NewServer(t, o), xmpp.NewMemoryStore()
			_, err := once(t, srv, s)
			require.NoError(t, err)
			w, err := once(t, other, s, func(cfg *xmpp.ConnectionConfiguration) { cfg.Address = jid.MustParse("romeo@other.example") })
			require.NoError(t, err)
			require.Equal(t, []string{scram}, w.used())
		})
	})
	t.Run("S052 only weaker mechanisms", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			o := modern()
			o.ChannelBinding, o.Mechanisms = []string{}, []string{"SCRAM-SHA-256"}
			strong, weak := xmpptest.NewServer(t, modern()), xmpptest.NewServer(t, o)
			s := xmpp.NewMemoryStore()
			_, err := once(t, strong, s)
			require.NoError(t, err)
			before := tokensIn(t, s)
			// The server is known to offer more, so the first attempt is made with the token, bound to this very channel; the server doesn't know it.
			w, err := once(t, weak, s)
			require.NoError(t, err)
			require.Equal(t, []string{expr, "SCRAM-SHA-256"}, w.used())
			require.Contains(t, tokensIn(t, s), before[0], "no mechanism of its own was refused")
			w, err = once(t, weak, s)
			require.NoError(t, err)
			require.NotContains(t, w.used(), expr, "what is offered is known now")
		})
	})
	t.Run("S052 no weaker than the login that earns it", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			srv, s := xmpptest.NewServer(t, modern()), xmpp.NewMemoryStore()
			onlyNone := func(mechanism string) func(c *xmpptest.ScriptConn) error {
				return func(c *xmpptest.ScriptConn) error {
					none := "<fast xmlns='urn:xmpp:fast:0'><mechanism>HT-SHA-256-NONE</mechanism></fast>"
					types := "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/></sasl-channel-binding></stream:features>"
					f := offer2("<mechanism>"+mechanism+"</mechanism>", none)
					if strings.HasSuffix(mechanism, "-PLUS") {
						f = strings.Replace(f, "</stream:features>", types, 1)
					}
					return errors.Join(c.Greet(), c.Send(f), second(c.Expect("authenticate")), c.ExpectEnd(""))
				}
			}
			for mechanism, asked := range map[string]int{"SCRAM-SHA-1-PLUS": 0, "SCRAM-SHA-1": 1} {
				srv.Script(onlyNone(mechanism))
				w := new(wire)
				c := offline(t, srv, "romeo", stores(s), w.hook)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				require.Error(t, c.Login(ctx, "", ""))
				cancel()
				require.Equal(t, []string{mechanism}, w.used())
				require.Len(t, w.of("<request-token ", "HT-SHA-256-NONE"), asked, mechanism)
				require.NoError(t, c.Close())
			}
		})
	})
	t.Run("S052 a certificate that nobody has verified", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			srv, s := xmpptest.NewServer(t, modern()), xmpp.NewMemoryStore()
			unverified := func(cfg *xmpp.ConnectionConfiguration) { cfg.Security = xmpp.SecurityUnverified }
			w, err := once(t, srv, s, unverified)
			require.NoError(t, err)
			require.Empty(t, w.of("<request-token "))
			_, err = once(t, srv, s)
			require.NoError(t, err)
			require.NotEmpty(t, tokensIn(t, s))
			w, err = once(t, srv, s, unverified)
			require.NoError(t, err)
			require.Equal(t, []string{scram}, w.used())
		})
	})
	t.Run("S054 a token that is refused", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			srv, s := xmpptest.NewServer(t, modern()), xmpp.NewMemoryStore()
			_, err := once(t, srv, s)
			require.NoError(t, err)
			old := tokensIn(t, s)[0]
			srv.RevokeTokens("romeo")
			dials := srv.Dialer().Dials()
			w, err := once(t, srv, s)
			require.NoError(t, err)
			require.Len(t, w.of("S: <failure ", "credentials-expired"), 1)
			require.Equal(t, []string{expr, scram}, w.used(), "one attempt more, on the same stream")
			require.Equal(t, dials+1, srv.Dialer().Dials())
			require.NotContains(t, tokensIn(t, s), old)
			require.Len(t, tokensIn(t, s), 1, "a new one")
			w, err = once(t, srv, s)
			require.NoError(t, err)
			require.Equal(t, []string{expr}, w.used())

			// Without a password that is the end, and a terminal one.
			srv.RevokeTokens("romeo")
			w, err = once(t, srv, s, func(cfg *xmpp.ConnectionConfiguration) { cfg.Password = "" })
			require.ErrorIs(t, err, sasl.CredentialsExpired)
			require.True(t, xmpp.Terminal(err))
			require.Equal(t, []string{expr}, w.used())
			require.Empty(t, tokensIn(t, s))

			// A wrong password is tried once.
			_, err = once(t, srv, s)
			require.NoError(t, err)
			srv.RevokeTokens("romeo")
			w, err = once(t, srv, s, func(cfg *xmpp.ConnectionConfiguration) { cfg.Password = "wrong" })
			require.ErrorIs(t, err, sasl.NotAuthorized)
			require.Equal(t, []string{expr, scram}, w.used())
		})
	})
	t.Run("S054 what is no reason to discard it, or to give up", func(t *testing.T) {
		for condition, attempts := range map[string][]string{"temporary-auth-failure": {expr}, "not-authorized": {expr, "SCRAM-SHA-1"}} {
			bubble(t, func(t *testing.T) {
				srv, s := xmpptest.NewServer(t, modern()), xmpp.NewMemoryStore()
				_, err := once(t, srv, s)
				require.NoError(t, err)
				srv.Script(func(c *xmpptest.ScriptConn) error {
					err := errors.Join(c.Greet(), c.Send(offer2(mechanisms2("SCRAM-SHA-1"), "<fast xmlns='urn:xmpp:fast:0'><mechanism>"+expr+"</mechanism></fast>")),
						second(c.Expect("authenticate")), c.Send("<failure xmlns='urn:xmpp:sasl:2'><"+condition+" xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>"))
					if len(attempts) > 1 {
						err = errors.Join(err, second(c.Expect("authenticate")))
					}
					c.Cut()
					return err
				})
				w, err := once(t, srv, s)
				require.Error(t, err)
				require.False(t, xmpp.Terminal(err), "%v", err)
				require.Equal(t, attempts, w.used())
				require.Len(t, tokensIn(t, s), 2-len(attempts))
			})
		}
	})
	t.Run("S054 the fallback is no weaker", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			plain := func(cfg *xmpp.ConnectionConfiguration) { cfg.Mechanisms = []string{"SCRAM-SHA-256", "PLAIN"} }
			o := modern()
			o.Mechanisms = []string{"PLAIN"}
			strong, weak := xmpptest.NewServer(t, modern()), xmpptest.NewServer(t, o)
			s := xmpp.NewMemoryStore()
			_, err := once(t, strong, s, plain)
			require.NoError(t, err)
			w, err := once(t, weak, s, plain)
			require.ErrorIs(t, err, sasl.ErrDowngrade)
			require.NotContains(t, w.used(), "PLAIN")
		})
	})
	t.Run("S055 a new one that never came", func(t *testing.T) {
		for _, lost := range []bool{true, false} {
			bubble(t, func(t *testing.T) {
				o := modern()
				o.RotateTokens = true
				srv, s := xmpptest.NewServer(t, o), xmpp.NewMemoryStore()
				_, err := once(t, srv, s)
				require.NoError(t, err)
				first := tokensIn(t, s)[0]
				w := new(wire)
				c := offline(t, srv, "romeo", stores(s), w.hook)
				require.NoError(t, c.Login(t.Context(), "", ""))
				require.NoError(t, c.Close())
				all := tokensIn(t, s)
				require.Len(t, all, 2)
				require.Equal(t, first, all[1], "the old one is kept until the new one was used")
				require.NotEqual(t, first.Secret, all[0].Secret)
				if lost { // as if the connection had broken before the new one came
					data, err := json.Marshal(all[1:])
					require.NoError(t, err)
					require.NoError(t, s.Put(t.Context(), tokens, data))
				}
				w, err = once(t, srv, s)
				require.NoError(t, err)
				require.Equal(t, []string{expr}, w.used())
				require.NotContains(t, tokensIn(t, s)[0].Secret, first.Secret)
			})
		}
	})
	t.Run("S055 a new one that the server has lost", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			srv, s := xmpptest.NewServer(t, modern()), xmpp.NewMemoryStore()
			_, err := once(t, srv, s)
			require.NoError(t, err)
			old := tokensIn(t, s)[0]
			newer := old
			newer.Secret = "another"
			data, err := json.Marshal([]stored{newer, old})
			require.NoError(t, err)
			require.NoError(t, s.Put(t.Context(), tokens, data))
			w, err := once(t, srv, s, func(cfg *xmpp.ConnectionConfiguration) { cfg.Password = "" })
			require.NoError(t, err)
			require.Equal(t, []string{expr, expr}, w.used())
			require.Equal(t, []stored{old}, tokensIn(t, s))
		})
	})
	t.Run("S055 cut anywhere", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			o := modern()
			o.RotateTokens = true
			srv, s := xmpptest.NewServer(t, o), xmpp.NewMemoryStore()
			_, err := once(t, srv, s)
			require.NoError(t, err)
			cut, whole := 0, 0
			for after := int64(1); after < 3000; after += 41 {
				dials := srv.Dialer().Dials()
				srv.Next(func(c *xmpptest.Conn) { c.SetFaults(xmpptest.Faults{CutAfterWrite: after}) })
				w, err := once(t, srv, s, func(cfg *xmpp.ConnectionConfiguration) { cfg.DisableReconnection = true })
				if err != nil || srv.Dialer().Dials() > dials+1 {
					cut++
				} else {
					whole++
				}
				require.NotContains(t, w.used(), scram)
				w, err = once(t, srv, s)
				require.NoError(t, err)
				require.Subset(t, []string{expr}, w.used(), "cut after %d bytes; the old one or the new one works", after)
				require.LessOrEqual(t, len(w.used()), 2)
			}
			require.Greater(t, cut, 40)
			require.Greater(t, whole, 5, "the cuts go beyond the login")
		})
	})
	t.Run("S055 stored before anything else", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			srv := xmpptest.NewServer(t, modern())
			s := &jealous{Store: xmpp.NewMemoryStore()}
			c := offline(t, srv, "romeo", stores(s))
			c.Use(xmpp.Extension{Name: "x", Required: true, Start: func(context.Context, *xmpp.Session) error {
				require.Len(t, tokensIn(t, s), 1)
				return errors.New("no")
			}})
			require.Error(t, c.Login(t.Context(), "", ""))
			w, err := once(t, srv, s)
			require.NoError(t, err)
			require.Equal(t, []string{expr}, w.used())

			// What can't be stored isn't used, and costs nothing but a report.
			s.refuse = "/fast"
			require.NoError(t, s.Delete(t.Context(), tokens))
			reported := new(record[error])
			for range 2 {
				w, err = once(t, srv, s, complaints(reported))
				require.NoError(t, err)
				require.Equal(t, []string{scram}, w.used())
			}
			require.Len(t, reported.list(), 2)
		})
	})
}

// A jealous store takes some keys' values no more.
type jealous struct {
	xmpp.Store
	refuse string
}

func (s *jealous) Put(ctx context.Context, key string, value []byte) error {
	if s.refuse != "" && strings.HasSuffix(key, s.refuse) {
		return errors.New("the disk is full")
	}
	return s.Store.Put(ctx, key, value)
}

// A device's id that the disk has damaged is made anew and stored, so that tokens are of use again.
func TestADamagedDeviceIsMadeAnew(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, s := xmpptest.NewServer(t, modern()), xmpp.NewMemoryStore()
		damaged := &damagedStore{Store: s, key: "romeo@localhost/device"}
		for range 2 {
			c := offline(t, srv, "romeo", stores(damaged))
			require.NoError(t, c.Login(t.Context(), "", ""))
			require.NoError(t, c.Close())
		}
		id, err := s.Get(t.Context(), damaged.key)
		require.NoError(t, err)
		require.Len(t, id, 36)
		require.Equal(t, 1, damaged.puts, "once, and then it is read")
	})
}

// A damagedStore has lost one value until it is put again.
type damagedStore struct {
	xmpp.Store
	key  string
	puts int
}

func (s *damagedStore) Get(ctx context.Context, key string) ([]byte, error) {
	if key == s.key && s.puts == 0 {
		return nil, xmpp.ErrStoreDamaged
	}
	return s.Store.Get(ctx, key)
}

func (s *damagedStore) Put(ctx context.Context, key string, value []byte) error {
	if key == s.key {
		s.puts++
	}
	return s.Store.Put(ctx, key, value)
}
