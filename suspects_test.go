package xmpp_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// A server that never acknowledges does not hold up what stands behind a suspect.
func TestASuspectAndAMuteServer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{NoArchive: true, StreamManagement: xmpptest.StreamManagement{Mute: true}})
		kicked := false
		srv.Intercept(func(c *xmpptest.Conn, e stanza.Element) []stanza.Element {
			if strings.Contains(e.String(), "first") && !kicked {
				kicked = true
				c.Kick(stanza.StreamPolicyViolation)
				return nil
			}
			return []stanza.Element{e}
		})
		juliet := online(t, srv, "juliet")
		got := texts(juliet)
		c := online(t, srv, "romeo")
		settle()
		for _, s := range []string{"first", "second"} {
			require.NoError(t, c.Send(t.Context(), &stanza.Message{To: juliet.User(), Type: stanza.MessageChat, Body: s}))
		}
		for range 60 { // an hour in which the server speaks
			for range 2 {
				pass(30 * time.Second)
				raw(srv, "romeo", "<presence from='juliet@localhost/x'/>")
			}
		}
		require.Contains(t, got.list(), "second")
	})
}

// Where nobody will reconnect the server is not asked to keep the session.
func TestNoSessionIsLeftBehind(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		online(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) { cfg.DisableReconnection = true })
		settle()
		srv.Drop("romeo")
		pass(10 * time.Second)
		require.Empty(t, srv.Sessions("romeo"))
	})
}
