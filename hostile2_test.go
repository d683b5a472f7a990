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

// challenged2 makes the server's first message of a SCRAM exchange in SASL2 from the client's nonce.
func challenged2(f func(nonce string) string) trap {
	return func(c *xmpptest.ScriptConn) (string, error) {
		err := errors.Join(c.Greet(), c.Send(offer2(mechanisms2("SCRAM-SHA-1", "PLAIN"), "")))
		auth, e := c.Expect("authenticate")
		first, _ := base64.StdEncoding.DecodeString(auth.Child("urn:xmpp:sasl:2", "initial-response").Text())
		_, nonce, _ := strings.Cut(string(first), "r=")
		return f(nonce), errors.Join(err, e)
	}
}

func always2(answer string) trap { return challenged2(func(string) string { return answer }) }

// proven2 has got the client's proof.
func proven2(end string) trap {
	return func(c *xmpptest.ScriptConn) (string, error) {
		first, err := challenged2(func(nonce string) string {
			return sasl2Element("challenge", "r="+nonce+"SERVER,s=c2FsdA==,i=4096")
		})(c)
		return end, errors.Join(err, c.Send(first), second(c.Expect("response")))
	}
}

const types2 = "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/></sasl-channel-binding>"

// ambushes2 are the rows of TestHostile that are about SASL2.
var ambushes2 = map[string]ambush{
	"S035 -PLUS without types by SASL2": {secured(offer2(mechanisms2("SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"), "")), "", sasl.ErrDowngrade},
	"S035 types without -PLUS by SASL2": {secured(strings.Replace(offer2(mechanisms2("SCRAM-SHA-1"), ""), "</stream:features>", types2+"</stream:features>", 1)), "", sasl.ErrDowngrade},
	"S043 SASL2 success at once":        {always2(success2("romeo@localhost", "")), "", sasl.ErrServerSignature},
	"S043 SASL2 success, early data":    {always2(signed2("v=rmF9pqV8S7suAoZWja4dJRkFsKQ=")), "", sasl.ErrServerSignature},
	"S043 SASL2 success without data":   {proven2(success2("romeo@localhost", "")), "", sasl.ErrServerSignature},
	"S043 SASL2 wrong signature":        {proven2(signed2("v=rmF9pqV8S7suAoZWja4dJRkFsKQ=")), "", sasl.ErrServerSignature},
	"S043 SASL2 resumed and bound too":  {proven2(success2("romeo@localhost/x", "<bound xmlns='urn:xmpp:bind:0'/><resumed xmlns='urn:xmpp:sm:3' previd='1' h='0'/>")), "", sasl.ErrServerSignature},
	"S043 SASL1 success in SASL2":       {proven2(saslElement("success", "v=x")), "in the middle", nil},
	"S050 SASL2 a message":              {always2("<message><body>x</body></message>"), "in the middle", nil},
	"S050 SASL2 a request":              {proven2("<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>"), "in the middle", nil},
	"S050 SASL2 features again":         {proven2(offer("PLAIN")), "in the middle", nil},
	"S050 SASL2 blanks":                 {proven2(" \n" + signed2("v=x")), "white space", nil},
	"S050 SASL2 text":                   {proven2("hello"), "", nil},
	"S057 a second factor":              {proven2("<continue xmlns='urn:xmpp:sasl:2'><additional-data>dj14</additional-data><tasks><task>TOTP</task></tasks></continue>"), "TOTP", xmpp.ErrTaskUnsupported},
	"S058 an upgrade":                   {proven2("<continue xmlns='urn:xmpp:sasl:2'><tasks><task>UPGR-SCRAM-SHA-256</task></tasks></continue>"), "UPGR", xmpp.ErrTaskUnsupported},
	"S042 SASL2 i=2147483647":           {challenged2(func(n string) string { return sasl2Element("challenge", "r="+n+"S,s=c2FsdA==,i=2147483647") }), "authenticate", nil},
	"SASL2 endless challenges":          {proven2(strings.Repeat(sasl2Element("challenge", ""), 20)), "authenticate", nil},
	"SASL2 base64 that is none":         {always2("<challenge xmlns='urn:xmpp:sasl:2'>%%%</challenge>"), "base64", nil},
	"SASL2 only what nobody asked for":  {secured(offer2(mechanisms2("ANONYMOUS", "EXTERNAL", "PLAIN"), "")), "", sasl.ErrNoMechanism},
}

// What ends well where the rows above end badly.
func TestHostileTwins(t *testing.T) {
	plain := func(cfg *xmpp.ConnectionConfiguration) { cfg.Mechanisms = []string{"PLAIN"} }
	for name, tt := range map[string]struct {
		success string
		good    bool
	}{
		"S048 who it is":                {success2("romeo@localhost", ""), true},
		"S048 with a resource":          {success2("romeo@localhost/x", ""), true},
		"S048 in other letters":         {success2("ROMEO@LOCALHOST", ""), true},
		"S048 somebody else":            {success2("mallory@localhost", ""), false},
		"S048 of another domain":        {success2("romeo@evil.example", ""), false},
		"S048 the domain":               {success2("localhost", ""), false},
		"S048 nobody":                   {"<success xmlns='urn:xmpp:sasl:2'/>", false},
		"S048 no address":               {success2("@@", ""), false},
		"S050 blanks in front of it":    {"\n" + success2("romeo@localhost", ""), true},
		"S043 something nobody asks":    {success2("romeo@localhost", "<x xmlns='urn:x'/>"), true},
		"R32 failures that don't count": {success2("romeo@localhost", "<failed xmlns='urn:xmpp:bind:0'/>"), true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, nil)
				srv.Script(func(s *xmpptest.ScriptConn) error {
					err := errors.Join(s.Greet(), s.Send(offer2(mechanisms2("PLAIN"), "")), second(s.Expect("authenticate")), s.Send(tt.success))
					if err != nil || !tt.good {
						return errors.Join(err, s.ExpectEnd(""))
					}
					bind, err := s.Expect("xmpp-bind")
					return errors.Join(err, s.Send("<stream:features/><iq type='result' id='"+bind.Attr("id")+"'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>romeo@localhost/x</jid></bind></iq>"), s.ExpectEnd(""))
				})
				c := offline(t, srv, "romeo", plain, func(cfg *xmpp.ConnectionConfiguration) { cfg.DisableRoster, cfg.DisablePresence = true, true })
				err := c.Login(t.Context(), "", "")
				require.Equal(t, tt.good, err == nil, "%v", err)
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
