package csi_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// fill stalls the server and sends until the outbox is full.
func (w *world) fill(t *testing.T) {
	for _, c := range w.srv.Connections("bot") {
		c.SetFaults(xmpptest.Faults{StallAfterRead: 1})
	}
	for full := 0; full < 2; {
		m := &stanza.Message{To: w.srv.Address("bot"), Type: stanza.MessageChat, Body: "x"}
		if w.bot.TrySend(t.Context(), m) == nil {
			full = 0
			continue
		}
		full++ // what is there may still be on its way to the connection
		synctest.Wait()
	}
}

// Who waits for room in the outbox doesn't hold up the next session, which tells what was said last.
func TestTheNextSessionDoesNotWait(t *testing.T) {
	for name, managed := range map[string]bool{"new": false, "resumed": true} {
		for _, said := range []int{0, 1, 5} {
			t.Run(fmt.Sprint(name, ", said ", said), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, nil, managed)
					require.NoError(t, w.bot.Login(t.Context(), "", ""))
					w.fill(t)
					done := make(chan error, said)
					for range said {
						go func() { done <- w.state.Inactive(t.Context()) }()
					}
					synctest.Wait()
					begin := time.Now()
					w.again()
					require.Less(t, time.Since(begin), 20*time.Second) // the pause before it is dialled is up to ten
					for range said {
						require.NoError(t, <-done)
					}
					want := "inactive"
					if said == 0 {
						want = ""
					}
					require.Equal(t, want, w.take())
					require.NoError(t, w.state.Active(t.Context()))
					if said > 0 {
						want = "active"
					}
					require.Equal(t, want, w.take())
					require.Equal(t, xmpp.Online, w.bot.State())
				})
			})
		}
	}
}
