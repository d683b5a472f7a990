package xmpptest_test

import (
	"crypto/tls"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
	"github.com/stretchr/testify/require"
)

// bubble runs a test in virtual time; it fails if a goroutine is left.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func TestLogin(t *testing.T) {
	everywhere(t, xmpptest.Options{}, func(t *testing.T, srv *xmpptest.Server) {
		c := login(t, srv, "romeo", "orchard")
		c.sync()
		require.Equal(t, "romeo@localhost/orchard", srv.Connections("romeo")[0].Address().String())
		c.send("</stream:stream>")
		c.ended("")
	})
}

func TestDirectTLS(t *testing.T) {
	everywhere(t, xmpptest.Options{}, func(t *testing.T, srv *xmpptest.Server) {
		c := dial(t, srv, srv.DirectTLSAddr())
		require.NoError(t, c.handshake(&tls.Config{NextProtos: []string{"xmpp-client"}}))
		require.Equal(t, "xmpp-client", c.tls.ConnectionState().NegotiatedProtocol)
		f := c.open()
		require.Contains(t, text(f), "SCRAM-SHA-256-PLUS")
		require.NotContains(t, text(f), "starttls")
	})
}

func TestDomains(t *testing.T) {
	for _, domain := range []string{"127.0.0.1", "im.example.org"} {
		t.Run(domain, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				c := login(t, xmpptest.NewServer(t, &xmpptest.Options{Domain: domain}), "romeo", "orchard")
				c.sync()
			})
		})
	}
}

func TestCertificates(t *testing.T) {
	kinds := map[string]xmpptest.CertificateKind{
		"other.example":           xmpptest.CertificateOtherName,
		"unknown authority":       xmpptest.CertificateSelfSigned,
		"expired or is not yet":   xmpptest.CertificateExpired,
		"":                        xmpptest.CertificateValid,
		"protocol version not su": xmpptest.CertificateValid,
	}
	for want, kind := range kinds {
		t.Run(want, func(t *testing.T) {
			everywhere(t, xmpptest.Options{Certificate: kind}, func(t *testing.T, srv *xmpptest.Server) {
				c := dial(t, srv, srv.DirectTLSAddr())
				config := &tls.Config{}
				if strings.HasPrefix(want, "protocol") {
					config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
				}
				err := c.handshake(config)
				if want == "" {
					require.NoError(t, err)
					return
				}
				require.ErrorContains(t, err, want)
			})
		})
	}
}

func TestStreamErrors(t *testing.T) {
	const open = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0' to='localhost'>"
	tests := []struct{ name, send, want string }{
		{"other host", strings.Replace(open, "localhost", "other.example", 1), "host-unknown"},
		{"no version", strings.Replace(open, "version='1.0'", "", 1), "unsupported-version"},
		{"no stream", "<stream xmlns='jabber:client'>", "invalid-namespace"},
		{"not XML", "<stream:stream <", "not-well-formed"},
		{"a comment", open + "<!-- -->", "restricted-xml"},
		{"no TLS", open + "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>", "policy-violation"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				c := dial(t, xmpptest.NewServer(t, nil), "localhost:5222")
				c.send("%s", tt.send)
				c.header()
				if strings.HasPrefix(tt.send, open) {
					c.expect("starttls")
				}
				c.ended(tt.want)
			})
		})
	}
}

func TestBoundStreamErrors(t *testing.T) {
	tests := []struct{ send, want string }{
		{"<message from='juliet@localhost'/>", "invalid-from"},
		{"<message xmlns='jabber:server'/>", "unsupported-stanza-type"},
		{"<r xmlns='urn:xmpp:sm:3'/>", "unsupported-stanza-type"},
		{"<message><x:a/></message>", "bad-namespace-prefix"},
		{"<message><body>" + strings.Repeat("x", 3000) + "</body></message>", "policy-violation"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, &xmpptest.Options{StanzaLimit: 3000})
				c := login(t, srv, "romeo", "orchard")
				c.send("%s", tt.send)
				c.ended(tt.want)
			})
		})
	}
}

func TestStanzaLimitIsAnnounced(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, f := secured(t, xmpptest.NewServer(t, &xmpptest.Options{StanzaLimit: 12345}))
		limits := f.Child("urn:xmpp:stream-limits:0", "limits")
		require.Equal(t, "12345", limits.Child("urn:xmpp:stream-limits:0", "max-bytes").Text())
	})
}

func TestPlaintext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := dial(t, xmpptest.NewServer(t, &xmpptest.Options{Plaintext: true}), "localhost:5222")
		f := c.open()
		require.NotContains(t, text(f), "starttls")
		require.NotContains(t, text(f), "PLUS")
		require.Contains(t, text(f), "<mechanism>PLAIN</mechanism>")
	})
}

func TestConflict(t *testing.T) {
	start := func(t *testing.T, policy xmpptest.ConflictPolicy) (older, newer *rawClient) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{Conflict: policy})
		older = login(t, srv, "romeo", "orchard")
		newer, _ = secured(t, srv)
		newer.plain("romeo", srv.Password("romeo"))
		newer.r.Restart()
		newer.open()
		return older, newer
	}
	t.Run("replace", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			older, newer := start(t, xmpptest.ConflictReplace)
			require.Contains(t, text(newer.bind("orchard")), "romeo@localhost/orchard")
			older.ended("conflict")
			newer.sync()
		})
	})
	t.Run("refuse", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			older, newer := start(t, xmpptest.ConflictRefuse)
			require.Contains(t, text(newer.bind("orchard")), "<conflict")
			require.Contains(t, text(newer.bind("balcony")), "romeo@localhost/balcony")
			older.sync()
		})
	})
	t.Run("rename", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			older, newer := start(t, xmpptest.ConflictRename)
			bound := text(newer.bind("orchard"))
			require.Contains(t, bound, "romeo@localhost/")
			require.NotContains(t, bound, "orchard")
			older.sync()
			newer.sync()
		})
	})
}

func TestDropAndKick(t *testing.T) {
	everywhere(t, xmpptest.Options{}, func(t *testing.T, srv *xmpptest.Server) {
		one, other := login(t, srv, "romeo", "a"), login(t, srv, "juliet", "b")
		srv.Drop("romeo")
		require.Empty(t, srv.Connections("romeo"))
		one.lost()
		srv.Kick("juliet", stanza.StreamSystemShutdown)
		other.ended("system-shutdown")
	})
}

func TestKickedClientThatStaysIsCut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := login(t, srv, "romeo", "a")
		srv.Kick("romeo", stanza.StreamReset)
		time.Sleep(time.Minute) // virtual
		_, err := fmt.Fprint(c.conn, "<presence/>")
		require.Error(t, err)
	})
}

func TestClientThatDoesNotReadIsCut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{QueueLimit: 1 << 20})
		online(t, srv, "juliet", "balcony") // reads no more
		romeo := login(t, srv, "romeo", "orchard")
		for range 500 { // half of the limit
			romeo.send("<message to='juliet@localhost/balcony' type='headline'><body>%01000d</body></message>", 0)
		}
		require.NotEmpty(t, srv.Connections("juliet"))
		for range 1000 {
			romeo.send("<message to='juliet@localhost/balcony' type='headline'><body>%01000d</body></message>", 0)
		}
		romeo.sync()
		synctest.Wait()
		require.Empty(t, srv.Connections("juliet"))
	})
}

// Outside of a bubble, which would see it itself: Close leaves no goroutine.
func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	srv, err := xmpptest.Start(&xmpptest.Options{Listen: true})
	require.NoError(t, err)
	for _, address := range []string{srv.Addr(), srv.DirectTLSAddr()} {
		dial(t, srv, address)
	}
	login(t, srv, "romeo", "orchard")
	srv.Script(func(c *xmpptest.ScriptConn) error { _, err := c.Header(); return err })
	dial(t, srv, srv.Addr())
	srv.Close()
	srv.Close()
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(end); {
		runtime.Gosched()
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), before)
	_, err = srv.Dialer().DialContext(t.Context(), "tcp", srv.Addr())
	require.Error(t, err)
}

func TestBadOptions(t *testing.T) {
	for want, o := range map[string]xmpptest.Options{
		"domain":          {Domain: "a b"},
		"account":         {Accounts: map[string]string{"a@b": "c"}},
		"mechanism":       {Mechanisms: []string{"CRAM-MD5"}},
		"channel binding": {ChannelBinding: []string{"tls-unique"}},
		"port":            {Listen: true, Address: "192.0.2.1:1"},
	} {
		t.Run(want, func(t *testing.T) {
			srv, err := xmpptest.Start(&o)
			require.ErrorContains(t, err, want)
			require.Nil(t, srv)
		})
	}
}
