package xmpptest_test

import (
	"errors"
	"testing"

	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
	"github.com/stretchr/testify/require"
)

func TestScriptPlaysTheServer(t *testing.T) {
	everywhere(t, xmpptest.Options{}, func(t *testing.T, srv *xmpptest.Server) {
		var log string
		script := srv.Script(func(c *xmpptest.ScriptConn) error {
			address, err := c.Login("romeo")
			if err != nil {
				return err
			}
			c.Send("<message from='mallory@localhost' to='" + address.String() + "'>")
			c.Send("<body>half</body></message>")
			m, err := c.Expect("message")
			require.Equal(t, "juliet@localhost", m.Attr("to"))
			if _, err := c.Await("<show>away</show>"); err != nil {
				return err
			}
			log = c.Log()
			return errors.Join(err, c.ExpectEnd(stanza.StreamPolicyViolation))
		})
		c := login(t, srv, "romeo", "orchard")
		c.expect("from='mallory@localhost'", "<body>half</body>")
		c.send("<message to='juliet@localhost'/><presence/><presence><show>away</show></presence>")
		c.send("<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>")
		require.NoError(t, script.Wait(t.Context()))
		require.Contains(t, log, "<auth xmlns=")
		require.Contains(t, log, "<show>away</show>")
		login(t, srv, "romeo", "orchard") // the script was for one connection
	})
}

func TestScriptByHand(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		script := srv.Script(func(c *xmpptest.ScriptConn) error {
			h, err := c.Header()
			if err != nil || h.Attr("to") != "localhost" {
				return errors.Join(err, errors.New("wrong header"))
			}
			c.SendHeader()
			if err := c.StartTLS(); err != nil {
				return err
			}
			if err := errors.Join(second(c.Header()), c.SendHeader()); err != nil {
				return err
			}
			if err := c.Authenticate(""); err != nil {
				return err
			}
			if _, err := c.Bind(); err != nil {
				return err
			}
			return c.Serve()
		})
		c := login(t, srv, "romeo", "orchard")
		c.sync()
		c.send("</stream:stream>")
		c.ended("")
		require.NoError(t, script.Wait(t.Context()))
	})
}

func second[T any](_ T, err error) error { return err }

// failures are what a script must notice.
func TestScriptNotices(t *testing.T) {
	tests := []struct {
		name, send, want string
		script           func(*xmpptest.ScriptConn) error
	}{
		{"another element", "<presence/>", "the client sent <presence", func(c *xmpptest.ScriptConn) error { return second(c.Expect("message")) }},
		{"an element at the end", "<presence/>", "the client sent <presence", func(c *xmpptest.ScriptConn) error { return c.ExpectEnd("") }},
		{"no end", "", "the client stays", func(c *xmpptest.ScriptConn) error { return c.ExpectEnd("") }},
		{"an end without the error", "</stream:stream>", `"", not "reset"`, func(c *xmpptest.ScriptConn) error { return c.ExpectEnd(stanza.StreamReset) }},
		{"nothing at all", "", "waiting for message", func(c *xmpptest.ScriptConn) error { return second(c.Await("message")) }},
		{"somebody else", "", "", func(c *xmpptest.ScriptConn) error { return nil }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				// Start, for a server of NewServer would fail this test.
				srv, err := xmpptest.Start(nil)
				require.NoError(t, err)
				defer srv.Close()
				script := srv.Script(func(c *xmpptest.ScriptConn) error {
					if _, err := c.Login("romeo"); err != nil {
						return err
					}
					return tt.script(c)
				})
				c := login(t, srv, "romeo", "orchard")
				c.send("%s", tt.send)
				err = script.Wait(t.Context())
				if tt.want == "" {
					require.NoError(t, err)
					return
				}
				require.ErrorContains(t, err, tt.want)
			})
		})
	}
}

func TestScriptAll(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		srv.ScriptAll(func(c *xmpptest.ScriptConn) error { return c.Send("no XMPP") })
		for range 3 {
			c := dial(t, srv, srv.Addr())
			buf := make([]byte, 7)
			_, err := c.conn.Read(buf)
			require.NoError(t, err)
			require.Equal(t, "no XMPP", string(buf))
			c.conn.Close()
		}
		srv.ScriptAll(nil)
		login(t, srv, "romeo", "orchard")
		require.Equal(t, 4, srv.Dialer().Dials())
	})
}
