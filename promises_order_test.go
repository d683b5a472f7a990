package xmpp_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// TestOrderOfManySenders is R10: goroutines that send over one connection which breaks again and again each find their own order at the server, whatever was sent
// again meanwhile; and the one who hears them all, over such a connection too, hears them in the server's order.
func TestOrderOfManySenders(t *testing.T) {
	const senders = 64
	messages, cuts := setting(t, "XMPP_SOAK_EACH", 250), 50
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, fast(xmpptest.Options{NoArchive: true}))
		arrived := new(record[string])
		srv.Intercept(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element {
			if e.Local() == "message" {
				arrived.add(e.Child(stanza.NS, "body").Text())
			}
			return []stanza.Element{e}
		})
		var ends [2]*xmpp.Connection
		var cutters [2]*cutter
		for i, user := range []string{"romeo", "juliet"} {
			cutters[i] = &cutter{Dialer: srv.Dialer(), cuts: cuts, mean: 120 * senders * messages / cuts, rng: rand.New(rand.NewPCG(10, uint64(i)))}
			ends[i] = managed(t, srv, user, inTheClear(srv), func(cfg *xmpp.ConnectionConfiguration) { cfg.Dialer = cutters[i] })
		}
		heard := texts(ends[1])
		for sender := range senders {
			pace := rand.New(rand.NewPCG(11, uint64(sender)))
			go func() {
				for n := range messages {
					if n%16 == 0 {
						time.Sleep(time.Duration(pace.IntN(60)) * time.Second) // virtual
					}
					if err := ends[0].Send(t.Context(), text(fmt.Sprintf("%d %d", sender, n))); err != nil {
						t.Error(err)
						return
					}
				}
			}()
		}
		began := time.Now()
		for len(heard.list()) < senders*messages && !t.Failed() {
			require.Less(t, time.Since(began), 24*time.Hour, "%+v", ends[0].Stats())
			pass(time.Minute)
		}
		pass(10 * time.Minute)
		var next [senders]int
		for _, s := range arrived.list() {
			var sender, n int
			_, err := fmt.Sscan(s, &sender, &n)
			require.NoError(t, err)
			require.Equal(t, next[sender], n, "of sender %d", sender)
			next[sender]++
		}
		require.True(t, slices.Equal(arrived.list(), heard.list()), "what was heard is what the server got, in its order")
		require.Len(t, heard.list(), senders*messages)
		done := 2*cuts - cutters[0].left() - cutters[1].left()
		require.Greater(t, done, cuts)
		figure(t, "R10", "%d senders of %d messages each, %d broken connections: each sender's order kept at the server, and the server's at the handler", senders, messages, done)
	})
}
