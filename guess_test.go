package xmpp_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// What was remembered of a server may be wrong: that costs time, and never the login.
func TestAWrongGuessCostsTime(t *testing.T) {
	none := func(c *xmpp.ConnectionConfiguration) { c.DisableFAST = true }
	only := func(mechanisms ...string) func() *xmpptest.Options {
		return func() *xmpptest.Options {
			o := modern()
			o.Mechanisms = mechanisms
			return o
		}
	}
	unbound := func() *xmpptest.Options {
		o := only("SCRAM-SHA-256", "SCRAM-SHA-1")()
		o.ChannelBinding = []string{}
		return o
	}
	endPoint := func() *xmpptest.Options {
		o := modern()
		o.ChannelBinding = []string{"tls-server-end-point"}
		return o
	}
	for name, tt := range map[string]struct {
		then, now func() *xmpptest.Options
		change    with
		dials     int
		rounds    int64 // until bound, on direct TLS, with Bind 2
	}{
		"right, by password":            {modern, modern, none, 1, 3},
		"a mechanism is new":            {only("SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"), modern, none, 1, 3},
		"the mechanism is gone":         {modern, only("SCRAM-SHA-1-PLUS"), none, 1, 4},
		"channel binding is gone":       {modern, unbound, none, 1, 4},
		"channel binding is new":        {unbound, modern, none, 1, 4},
		"a better binding is new":       {endPoint, modern, none, 1, 5}, // the server goes along, and has to be stopped
		"tokens are gone":               {modern, func() *xmpptest.Options { return &xmpptest.Options{Bind2: true} }, nil, 1, 4},
		"the token is not known":        {modern, modern, nil, 1, 4},
		"Bind 2 is gone":                {modern, func() *xmpptest.Options { return &xmpptest.Options{SASL2: true} }, none, 1, 4},
		"Bind 2 is new":                 {func() *xmpptest.Options { return &xmpptest.Options{SASL2: true} }, modern, none, 1, 4},
		"SASL2 is gone, and ends it":    {modern, func() *xmpptest.Options { return nil }, none, 2, 6},
		"SASL2 is gone, with its token": {modern, func() *xmpptest.Options { return nil }, nil, 2, 6},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := xmpp.NewMemoryStore()
				login := func(o *xmpptest.Options) (*stopwatch, int) {
					srv, clock := xmpptest.NewServer(t, o), new(stopwatch)
					c := offline(t, srv, "romeo", stores(s), func(cfg *xmpp.ConnectionConfiguration) {
						cfg.Port = 5223
						if tt.change != nil {
							tt.change(cfg)
						}
						clock.watch(cfg)
					})
					c.Use(catches())
					require.NoError(t, c.Login(t.Context(), "", ""))
					require.NoError(t, c.Close())
					time.Sleep(time.Second) // virtual
					return clock, srv.Dialer().Dials()
				}
				login(tt.then())
				clock, dials := login(tt.now())
				require.Equal(t, tt.dials, dials)
				require.Equal(t, tt.rounds, clock.bound.Load())
				login(tt.now())
			})
		})
	}
}

// What was asked for on a guess, and the server can't do any more, was not done.
func TestAGuessThatWasInlined(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, s := xmpptest.NewServer(t, modern()), xmpp.NewMemoryStore()
		login := func() (session *xmpp.Session) {
			c := offline(t, srv, "romeo", stores(s))
			x := catches()
			x.Inline = func() map[string]stanza.Element {
				return map[string]stanza.Element{
					"urn:xmpp:carbons:2": must(stanza.Parse("<enable xmlns='urn:xmpp:carbons:2'/>")),
					"urn:x":              must(stanza.Parse("<go xmlns='urn:x'/>")),
				}
			}
			x.Start = func(_ context.Context, s *xmpp.Session) error { session = s; return nil }
			c.Use(x)
			require.NoError(t, c.Login(t.Context(), "", ""))
			require.NoError(t, c.Close())
			settle()
			return session
		}
		login()
		const key = "romeo@localhost/features"
		known, err := s.Get(t.Context(), key)
		require.NoError(t, err)
		require.Contains(t, string(known), "urn:xmpp:csi:0")
		require.NoError(t, s.Put(t.Context(), key, []byte(strings.ReplaceAll(string(known), "urn:xmpp:csi:0", "urn:x"))))
		session := login()
		require.True(t, session.Inlined("urn:xmpp:carbons:2"))
		require.False(t, session.Inlined("urn:x"))
	})
}

// A server that was known to bind in a way that we can't, and now can be bound, is.
func TestAGuessIsNoExcuseForLess(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, s := xmpptest.NewServer(t, modern()), xmpp.NewMemoryStore()
		off := func(c *xmpp.ConnectionConfiguration) { c.DisableFAST = true }
		_, err := once(t, srv, s, off)
		require.NoError(t, err)
		const key = "romeo@localhost/features"
		known, err := s.Get(t.Context(), key)
		require.NoError(t, err)
		foreign := strings.NewReplacer("'tls-exporter'", "'x'", "'tls-server-end-point'", "'y'").Replace(string(known))
		require.NotEqual(t, string(known), foreign)
		require.NoError(t, s.Put(t.Context(), key, []byte(foreign)))
		w, err := once(t, srv, s, off)
		require.NoError(t, err)
		require.Equal(t, []string{"SCRAM-SHA-512", scram}, w.used())
	})
}

// What is remembered is only read where it can be, and a broken memory costs nothing but time.
func TestABrokenMemory(t *testing.T) {
	for _, damaged := range []string{"", "x", "{}", `{"before":"<a>","after":"<b/>"}`, `{"before":"<stream:features/>"}`, strings.Repeat("[", 1000)} {
		bubble(t, func(t *testing.T) {
			srv, s := xmpptest.NewServer(t, modern()), xmpp.NewMemoryStore()
			require.NoError(t, s.Put(t.Context(), "romeo@localhost/features", []byte(damaged)))
			for range 2 {
				_, err := once(t, srv, s)
				require.NoError(t, err)
			}
		})
	}
}

// A user is not asked for a password before the server has said a word.
func TestNobodyIsAskedForAGuess(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, s := xmpptest.NewServer(t, modern()), xmpp.NewMemoryStore()
		off := func(c *xmpp.ConnectionConfiguration) { c.DisableFAST = true }
		_, err := once(t, srv, s, off)
		require.NoError(t, err)
		w := new(wire)
		asked := 0
		c := offline(t, srv, "romeo", stores(s), off, w.hook, asks(new(record[xmpp.CredentialsRequest]), xmpp.Secret(srv.Password("romeo"))),
			func(c *xmpp.ConnectionConfiguration) { c.Password = "an old one" })
		require.NoError(t, c.Login(t.Context(), "", ""))
		lines := w.list()
		for i, line := range lines {
			if strings.HasPrefix(line, "C: <authenticate ") {
				asked = i
			}
		}
		require.Contains(t, lines[asked-1], "S: <features ")
		require.Len(t, w.used(), 1)
	})
}

// A stream that ends over a guess before the features have come is begun again without it.
func TestAServerThatHatesGuesses(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv, s := xmpptest.NewServer(t, modern()), xmpp.NewMemoryStore()
		_, err := once(t, srv, s)
		require.NoError(t, err)
		srv.Script(func(c *xmpptest.ScriptConn) error {
			if err := c.Greet(); err != nil {
				return err
			}
			if _, err := c.Expect("authenticate"); err != nil {
				return err
			}
			return c.Send("<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>")
		})
		dials := srv.Dialer().Dials()
		w, err := once(t, srv, s)
		require.NoError(t, err)
		require.Equal(t, dials+2, srv.Dialer().Dials())
		require.Equal(t, []string{expr, expr}, w.used())
	})
}
