package xmpp_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// A wire is what the trace hook tells, one element a line.
type wire struct{ record[string] }

func (w *wire) hook(cfg *xmpp.ConnectionConfiguration) {
	cfg.Trace = func(e xmpp.TraceEvent) {
		way := "S: "
		if e.Out {
			way = "C: "
		}
		w.add(way + string(e.Data))
	}
}

// of returns the lines with all of these texts.
func (w *wire) of(texts ...string) (found []string) {
	for _, line := range w.list() {
		all := true
		for _, text := range texts {
			all = all && strings.Contains(line, text)
		}
		if all {
			found = append(found, line)
		}
	}
	return found
}

// stores shares a store.
func stores(s xmpp.Store) with { return func(cfg *xmpp.ConnectionConfiguration) { cfg.Store = s } }

// catches is an extension that fetches from the archive what Bind 2 makes the server throw away.
func catches() xmpp.Extension {
	return xmpp.Extension{Name: "sync", CatchUp: func(context.Context) bool { return true }}
}

// modern is a server with everything.
func modern() *xmpptest.Options {
	return &xmpptest.Options{SASL2: true, Bind2: true, FAST: true, HashOffer: true}
}

// SASL2 where the server has it, RFC 6120 where it hasn't or must not be used; both end the same.
func TestSASL2IsUsedWhereItMay(t *testing.T) {
	sasl2 := &xmpptest.Options{SASL2: true}
	for name, tt := range map[string]struct {
		options *xmpptest.Options
		change  with
		want    bool
	}{
		"offered":          {sasl2, nil, true},
		"direct TLS":       {sasl2, func(c *xmpp.ConnectionConfiguration) { c.Port = 5223 }, true},
		"with Bind 2":      {modern(), nil, true},
		"not offered":      {nil, nil, false},
		"switched off":     {sasl2, func(c *xmpp.ConnectionConfiguration) { c.DisableSASL2 = true }, false},
		"S049 without TLS": {&xmpptest.Options{SASL2: true, Plaintext: true}, func(c *xmpp.ConnectionConfiguration) { c.Security = xmpp.SecurityPlaintext }, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, tt.options)
				w := new(wire)
				changes := []with{w.hook, func(c *xmpp.ConnectionConfiguration) { c.Resource = "orchard" }}
				if tt.change != nil {
					changes = append(changes, tt.change)
				}
				c := online(t, srv, "romeo", changes...)
				require.Equal(t, "romeo@localhost/orchard", c.User().String(), "without CatchUp there is no Bind 2")
				require.Equal(t, tt.want, len(w.of("C: <authenticate ")) == 1)
				require.Equal(t, !tt.want, len(w.of("C: <auth ")) == 1)
				require.NoError(t, c.Send(t.Context(), text("hello")))
			})
		})
	}
}

// Where nothing that SASL2 offers may be used, the list of RFC 6120 counts.
func TestSASL2OffersNothingOfUse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		srv.Script(func(s *xmpptest.ScriptConn) error {
			if err := s.Greet(); err != nil {
				return err
			}
			both := strings.Replace(offer("SCRAM-SHA-1"), "</stream:features>", "", 1) + strings.TrimPrefix(offer2(mechanisms2("X-UNHEARD-OF", "PLAIN"), ""), "<stream:features>")
			if err := s.Send(both); err != nil {
				return err
			}
			if _, err := s.Expect("auth"); err != nil {
				return err
			}
			return s.Send("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>")
		})
		w := new(wire)
		c := offline(t, srv, "romeo", w.hook)
		require.ErrorIs(t, c.Login(t.Context(), "", ""), sasl.NotAuthorized)
		require.Equal(t, []string{"SCRAM-SHA-1"}, w.used())
		require.Empty(t, w.of("<authenticate"))
	})
}

// TLS sessions live with the connection: the handshake of a reconnection is a resumed one.
func TestTLSIsResumedAcrossReconnections(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var resumed record[bool]
		o := modern()
		o.TLS = func(c *tls.Config) {
			c.VerifyConnection = func(cs tls.ConnectionState) error { resumed.add(cs.DidResume); return nil }
		}
		srv, s := xmpptest.NewServer(t, o), xmpp.NewMemoryStore()
		c := online(t, srv, "romeo", stores(s))
		srv.Drop("romeo")
		eventually(t, time.Minute, func() bool { return srv.Dialer().Dials() == 2 && c.State() == xmpp.Online })
		require.Equal(t, []bool{false, true}, resumed.list())
		require.NoError(t, c.Close())
		online(t, srv, "romeo", stores(s))
		require.Equal(t, []bool{false, true, false}, resumed.list(), "with no other one")
	})
}

// The credentials callback is asked as it is for RFC 6120: the second time on the same stream.
func TestSASL2AsksForCredentialsTwiceAtMost(t *testing.T) {
	for _, second := range []xmpp.Secret{"right", "wrong too"} {
		bubble(t, func(t *testing.T) {
			srv := xmpptest.NewServer(t, &xmpptest.Options{SASL2: true, Accounts: map[string]string{"romeo": "right"}})
			seen := new(record[xmpp.CredentialsRequest])
			w := new(wire)
			err := offline(t, srv, "romeo", w.hook, asks(seen, "wrong", second)).Login(t.Context(), "", "")
			require.Len(t, seen.list(), 2)
			require.Equal(t, sasl.NotAuthorized, seen.list()[1].Failure.Condition)
			require.Len(t, w.of("C: <authenticate "), 2)
			require.Equal(t, 1, srv.Dialer().Dials())
			if second == "right" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, sasl.NotAuthorized)
			require.True(t, xmpp.Terminal(err))
		})
	}
}

// A session that broke off is resumed within the authentication (XEP-0198 §9.2). Where the server has forgotten it, Bind 2 makes a new one in the
// same success, or without it a request does.
func TestInlineResumption(t *testing.T) {
	for _, bind2 := range []bool{true, false} {
		for _, forgotten := range []bool{false, true} {
			t.Run(fmt.Sprintf("Bind 2 %v, forgotten %v", bind2, forgotten), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					srv := xmpptest.NewServer(t, &xmpptest.Options{SASL2: true, Bind2: bind2})
					w := new(wire)
					c := offline(t, srv, "romeo", w.hook)
					if bind2 {
						c.Use(catches())
					}
					var online record[xmpp.StateChange]
					c.OnState(func(s xmpp.StateChange) {
						if s.State == xmpp.Online {
							online.add(s)
						}
					})
					require.NoError(t, c.Login(t.Context(), "", ""))
					user := c.User()
					juliet := managed(t, srv, "juliet")
					got := juliet.ChatManager().Messages(t.Context())
					heard := texts(c)
					require.NoError(t, juliet.Send(t.Context(), &stanza.Message{To: user, Type: stanza.MessageChat, Body: "once"}))
					settle()

					srv.Drop("romeo")
					if forgotten {
						srv.Forget("romeo")
					}
					ack, err := c.Submit(t.Context(), &stanza.Message{To: juliet.User(), Type: stanza.MessageChat, Body: "sent while away"})
					require.NoError(t, err)
					require.NoError(t, ack.Wait(t.Context()))
					require.Equal(t, "sent while away", (<-got).Body)
					eventually(t, time.Minute, func() bool { return len(online.list()) == 2 })
					require.Equal(t, !forgotten, online.list()[1].Resumed)
					require.Equal(t, !forgotten, c.User() == user)

					require.Equal(t, []string{"once"}, heard.list(), "both sides have counted it")
					if !forgotten {
						require.Zero(t, c.Stats().Doubled)
					}
					require.Len(t, w.of("C: <authenticate ", "<resume "), 1)
					require.Len(t, w.of("S: <success ", "<resumed "), btoi(!forgotten))
					require.Len(t, w.of("S: <success ", "<failed "), btoi(forgotten))
					require.Len(t, w.of("S: <success ", "<bound "), btoi(bind2)*(1+btoi(forgotten)))
					require.Len(t, w.of("C: <iq ", "xmpp-bind"), btoi(!bind2)*(1+btoi(forgotten)))
					require.NoError(t, c.Shutdown(t.Context()))
				})
			})
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// offer2 is the features of a server that has SASL2.
func offer2(mechanisms, inline string) string {
	return "<stream:features><authentication xmlns='urn:xmpp:sasl:2'>" + mechanisms + "<inline>" + inline + "</inline></authentication></stream:features>"
}

// success2 is a success of SASL2.
func success2(user, content string) string {
	return "<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>" + user + "</authorization-identifier>" + content + "</success>"
}

// What the server says after the success may come late, or for no reason: nothing waits for it, and nothing changes.
func TestFeaturesAfterTheSuccessAreNotWaitedFor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, modern())
		srv.Script(func(s *xmpptest.ScriptConn) error {
			if err := s.Greet(); err != nil {
				return err
			}
			if err := s.Send(offer2("<mechanism>PLAIN</mechanism>", "<bind xmlns='urn:xmpp:bind:0'/>")); err != nil {
				return err
			}
			if _, err := s.Expect("authenticate"); err != nil {
				return err
			}
			if err := s.Send(success2("romeo@localhost/x", "<bound xmlns='urn:xmpp:bind:0'/>")); err != nil {
				return err
			}
			roster, err := s.Expect("jabber:iq:roster") // no features were sent, and the session has begun
			if err != nil {
				return err
			}
			if err := s.Send("<iq type='result' id='" + roster.Attr("id") + "'><query xmlns='jabber:iq:roster'/></iq>"); err != nil {
				return err
			}
			if _, err := s.Expect("presence"); err != nil {
				return err
			}
			if err := s.Send("<stream:features><limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>12000</max-bytes></limits></stream:features>"); err != nil {
				return err
			}
			if err := s.Send("<message from='localhost'><body>limits</body></message>" + "<stream:features/>" + "<message from='localhost'><body>none</body></message>"); err != nil {
				return err
			}
			return s.ExpectEnd("")
		})
		c := offline(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) { cfg.Mechanisms = []string{"PLAIN"} })
		c.Use(catches())
		got := texts(c)
		require.NoError(t, c.Login(t.Context(), "", ""))
		settle()
		require.Equal(t, xmpp.Online, c.State())
		require.Equal(t, []string{"limits", "none"}, got.list())
		require.ErrorIs(t, c.Send(t.Context(), text(strings.Repeat("x", 12_000))), xmpp.ErrTooLarge, "the first ones are known, the second ones are nobody's (S023)")
	})
}
