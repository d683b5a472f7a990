package xmpp_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/xmpptest"
)

// A server that falls silent at whatever byte of the negotiation is left after ConnectTimeout, though the caller's context has no end.
func TestConnectTimeoutCoversEachPart(t *testing.T) {
	for _, sasl2 := range []bool{true, false} {
		bubble(t, func(t *testing.T) {
			srv := xmpptest.NewServer(t, nil)
			patient := func(cfg *xmpp.ConnectionConfiguration) {
				cfg.ConnectTimeout, cfg.DisableSASL2, cfg.RequestTimeout = time.Second, !sasl2, time.Second
			}
			silent := 0
			for after := int64(1); ; after += 100 {
				srv.Next(func(c *xmpptest.Conn) { c.SetFaults(xmpptest.Faults{StallAfterWrite: after, Wire: true}) })
				c := offline(t, srv, "romeo", patient)
				began := time.Now()
				err := c.Login(t.Context(), "", "")
				require.Less(t, time.Since(began), 5*time.Second)
				if err == nil {
					break // it was after the login
				}
				require.ErrorIs(t, err, xmpp.ErrTimeout, "silent after %d bytes", after)
				require.NoError(t, c.Close())
				silent++
			}
			require.Greater(t, silent, 20)
		})
	}
}

// ConnectTimeout is for each part and not for all of them.
func TestEachPartHasItsTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		var theirs *xmpptest.Conn
		srv.Next(func(c *xmpptest.Conn) { theirs = c })
		const limit = 4 * time.Second
		c := offline(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) {
			cfg.ConnectTimeout, cfg.DisableRoster, cfg.DisablePresence = limit, true, true // nothing but the negotiation takes time
		})
		require.NoError(t, c.Connect(t.Context()))
		theirs.SetFaults(xmpptest.Faults{Delay: time.Second})
		began := time.Now()
		require.NoError(t, c.Login(t.Context(), "", ""))
		require.Greater(t, time.Since(began), limit)
	})
}
