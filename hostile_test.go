package xmpp_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

func sasl2Element(name, data string) string {
	return "<" + name + " xmlns='urn:xmpp:sasl:2'>" + base64.StdEncoding.EncodeToString([]byte(data)) + "</" + name + ">"
}

func mechanisms2(names ...string) string {
	return "<mechanism>" + strings.Join(names, "</mechanism><mechanism>") + "</mechanism>"
}

// signed2 is a success with this as additional data.
func signed2(data string) string {
	return strings.Replace(success2("romeo@localhost", ""), "'>", "'><additional-data>"+base64.StdEncoding.EncodeToString([]byte(data))+"</additional-data>", 1)
}

// What looks odd behind an authentication and is none of our business (R32); what must not be believed is in xmpptest/hostile.
func TestHostileTwins(t *testing.T) {
	plain := func(cfg *xmpp.ConnectionConfiguration) { cfg.Mechanisms = []string{"PLAIN"} }
	for name, success := range map[string]string{
		"S050 blanks in front of it":    "\n" + success2("romeo@localhost", ""),
		"S043 something nobody asks":    success2("romeo@localhost", "<x xmlns='urn:x'/>"),
		"R32 failures that don't count": success2("romeo@localhost", "<failed xmlns='urn:xmpp:bind:0'/>"),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, nil)
				srv.Script(func(s *xmpptest.ScriptConn) error {
					err := errors.Join(s.Greet(), s.Send(offer2(mechanisms2("PLAIN"), "")), second(s.Expect("authenticate")), s.Send(success))
					bind, bad := s.Expect("xmpp-bind")
					return errors.Join(err, bad, s.Send("<stream:features/><iq type='result' id='"+bind.Attr("id")+"'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>romeo@localhost/x</jid></bind></iq>"), s.ExpectEnd(""))
				})
				c := offline(t, srv, "romeo", plain, func(cfg *xmpp.ConnectionConfiguration) { cfg.DisableRoster, cfg.DisablePresence = true, true })
				require.NoError(t, c.Login(t.Context(), "", ""))
				require.NoError(t, c.Close())
			})
		})
	}
}

// A second factor does not go away by itself.
func TestATaskIsTerminal(t *testing.T) {
	require.True(t, xmpp.Terminal(fmt.Errorf("x: %w", xmpp.ErrTaskUnsupported)))
}

// S031: only the list of the profile in use counts, whatever the other one offers; and what was remembered of a server is no excuse.
func TestHostileDowngradeWithSASL2(t *testing.T) {
	both := strings.Replace(offer("SCRAM-SHA-1"), "</stream:features>", "", 1) + strings.TrimPrefix(offer2(mechanisms2("PLAIN"), ""), "<stream:features>")
	plain := func(cfg *xmpp.ConnectionConfiguration) {
		cfg.Mechanisms = []string{"SCRAM-SHA-1", "SCRAM-SHA-512", "PLAIN"}
	}
	for _, known := range []bool{false, true} {
		t.Run(fmt.Sprint("remembered: ", known), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv, s := xmpptest.NewServer(t, &xmpptest.Options{SASL2: true, ChannelBinding: []string{}}), xmpp.NewMemoryStore()
				w, err := once(t, srv, s, plain)
				require.NoError(t, err)
				require.Equal(t, []string{"SCRAM-SHA-512"}, w.used())
				if !known {
					require.NoError(t, s.Delete(t.Context(), "romeo@localhost/features"))
				}
				var log string
				srv.Script(func(c *xmpptest.ScriptConn) error {
					err := errors.Join(c.Greet(), c.Send(both))
					_ = c.ExpectEnd("")
					log = c.Log()
					return err
				})
				w, err = once(t, srv, s, plain)
				require.ErrorIs(t, err, sasl.ErrDowngrade)
				require.True(t, xmpp.Terminal(err))
				require.Len(t, w.used(), btoi(known), "the attempt that left with the header gave nothing away")
				require.NotContains(t, log, "<response")
				require.NotContains(t, log, base64.StdEncoding.EncodeToString([]byte("\x00romeo\x00"+srv.Password("romeo"))))
			})
		})
	}
}

// S053: a server that doesn't know the token is not believed, and nothing more is said to it. The twin is TestATokenStandsForThePassword.
func TestHostileResponder(t *testing.T) {
	for name, success := range map[string]string{
		"S053 nothing":                  success2("romeo@localhost", ""),
		"S053 empty":                    signed2(""),
		"S053 wrong":                    signed2(strings.Repeat("x", 32)),
		"S053 a new token and a bind":   strings.Replace(signed2(strings.Repeat("x", 32)), "</success>", "<token xmlns='urn:xmpp:fast:0' token='evil' expiry='2099-01-01T00:00:00Z'/><bound xmlns='urn:xmpp:bind:0'/></success>", 1),
		"S052 a challenge for password": sasl2Element("challenge", "password?"),
	} {
		for _, known := range []bool{true, false} {
			t.Run(fmt.Sprint(name, known), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					srv, s := xmpptest.NewServer(t, modern()), xmpp.NewMemoryStore()
					_, err := once(t, srv, s)
					require.NoError(t, err)
					before := tokensIn(t, s)
					if !known {
						require.NoError(t, s.Delete(t.Context(), "romeo@localhost/features"))
					}
					var after string
					script := srv.Script(func(c *xmpptest.ScriptConn) error {
						err := errors.Join(c.Greet(), c.Send(offer2(mechanisms2("SCRAM-SHA-1"), "<fast xmlns='urn:xmpp:fast:0'><mechanism>"+expr+"</mechanism></fast>")), second(c.Expect("authenticate")))
						said := len(c.Log())
						err = errors.Join(err, c.Send(success))
						_ = c.ExpectEnd("")
						after = c.Log()[said:]
						return err
					})
					w, err := once(t, srv, s, func(cfg *xmpp.ConnectionConfiguration) { cfg.DisableReconnection = true })
					require.Error(t, err)
					if !strings.Contains(success, "<challenge") {
						require.ErrorIs(t, err, sasl.ErrServerSignature)
					}
					require.NoError(t, script.Wait(t.Context()))
					require.Empty(t, strings.ReplaceAll(after, "</stream:stream>", ""), "nothing is sent after that")
					require.Equal(t, []string{expr}, w.used())
					require.Equal(t, before, tokensIn(t, s), "nothing that it said is stored")
				})
			})
		}
	}
}

// pages collect what is printed.
type pages struct{ record[string] }

func (p *pages) Write(b []byte) (int, error) {
	p.add(string(b))
	return len(b), nil
}

// S060: no secret of the modern login is in traces, errors, logs or what prints itself.
func TestHostileSecretsAreKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := modern()
		o.Accounts = map[string]string{"romeo": "c4n4ry"}
		srv, s := xmpptest.NewServer(t, o), xmpp.NewMemoryStore()
		out := new(pages)
		log := func(cfg *xmpp.ConnectionConfiguration) {
			cfg.Logger = slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		}
		var secrets []string
		note := func(secret string) {
			require.NotEmpty(t, secret)
			secrets = append(secrets, secret, base64.StdEncoding.EncodeToString([]byte(secret)), fmt.Sprintf("%x", secret))
		}
		note("c4n4ry")
		for range 3 {
			w := new(wire)
			reported := new(record[error])
			c := offline(t, srv, "romeo", stores(s), w.hook, log, complaints(reported))
			c.Use(catches())
			require.NoError(t, c.Login(t.Context(), "", ""))
			fmt.Fprintf(out, "%s %v %+v", strings.Join(w.list(), "\n"), reported.list(), c)
			for _, token := range tokensIn(t, s) {
				note(token.Secret)
				note(token.Device)
			}
			srv.Drop("romeo")
			eventually(t, time.Minute, func() bool { return c.State() == xmpp.Reconnecting })
			eventually(t, time.Minute, func() bool { return c.State() == xmpp.Online })
			fmt.Fprint(out, strings.Join(w.list(), "\n"))
			require.NoError(t, c.Close())
			settle()
			srv.RevokeTokens("romeo") // the next login sees a refusal
		}
		text := strings.Join(out.list(), "")
		for _, e := range []string{"level=DEBUG", "<authenticate ", "<success ", "<resumed ", "<failure "} {
			require.Contains(t, text, e)
		}
		for _, secret := range secrets {
			require.NotContains(t, text, secret)
		}
	})
}

// Bind 2 as servers answer it: what was asked for and isn't refused is done, what they can't do is asked for again.
func TestInlined(t *testing.T) {
	can := "<bind xmlns='urn:xmpp:bind:0'><inline><feature var='urn:x'/><feature var='urn:xmpp:sm:3'/><feature var='urn:xmpp:sm:3'/></inline></bind>"
	for name, tt := range map[string]struct {
		inline, bound string
		want          bool
	}{
		"nothing is said about it": {can, "", true},
		"it is confirmed":          {can, "<enabled xmlns='urn:x'/><metadata xmlns='urn:xmpp:mam:2'/>", true},
		"it is refused":            {can, "<failed xmlns='urn:x'/>", false},
		"it is not on the list":    {"<bind xmlns='urn:xmpp:bind:0'/>", "<enabled xmlns='urn:x'/>", false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, nil)
				sent := ""
				srv.Script(func(s *xmpptest.ScriptConn) error {
					err := errors.Join(s.Greet(), s.Send(offer2(mechanisms2("PLAIN"), tt.inline)))
					auth, bad := s.Expect("authenticate")
					sent = auth.Child("urn:xmpp:bind:0", "bind").String()
					return errors.Join(err, bad, s.Send(success2("romeo@localhost/x", "<bound xmlns='urn:xmpp:bind:0'>"+tt.bound+"</bound>")), s.ExpectEnd(""))
				})
				c := offline(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) {
					cfg.Mechanisms, cfg.Resource = []string{"PLAIN"}, "tag"
					cfg.DisableRoster, cfg.DisablePresence = true, true
				})
				var got *xmpp.Session
				x := catches()
				x.Inline = func() map[string]stanza.Element {
					return map[string]stanza.Element{"urn:x": must(stanza.Parse("<go xmlns='urn:x'/>"))}
				}
				x.Start = func(_ context.Context, s *xmpp.Session) error { got = s; return nil }
				c.Use(x)
				require.NoError(t, c.Login(t.Context(), "", ""))
				require.Equal(t, tt.want, got.Inlined("urn:x"))
				require.False(t, got.Inlined("urn:xmpp:mam:2"), "nobody asked for it")
				require.Equal(t, "bound", got.Bound.Local())
				require.Contains(t, sent, "<tag>tag</tag>")
				require.Equal(t, strings.Contains(tt.inline, "urn:x'"), strings.Contains(sent, "<go xmlns="))
				require.Equal(t, strings.Contains(tt.inline, "urn:xmpp:sm:3"), strings.Contains(sent, "<enable xmlns="))
				require.NoError(t, c.Close())
			})
		})
	}
}
