package mam_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/xep/mam"
	"github.com/gosmack/xmpp/xmpptest"
)

// R13: offline for 5000 messages, pages of 50, the connection cut 20 times while they are fetched, and
// others talking meanwhile. Every message is heard, and none twice, whether sessions are resumed or not and
// whether the process lives on or not.
func TestNoGap(t *testing.T) {
	const missed, cuts, during = 5000, 20, 500
	for name, test := range map[string]struct{ managed, restart bool }{
		"new sessions": {false, false}, "managed sessions": {true, false}, "new processes": {false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, w *world) {
				rng := rand.New(rand.NewPCG(1, uint64(len(name))))
				options, store := &mam.Options{Sync: true, PageSize: 50}, xmpp.NewMemoryStore()
				w.login(options, kept(store))
				w.say("first")
				w.close()
				w.say(numbers(1, missed)...)
				w.asked()
				begin := time.Now()

				var broken atomic.Int64 // connections that break somewhere in their pages
				for range cuts {
					after := 10_000 + rng.Int64N(150_000)
					w.srv.Next(func(c *xmpptest.Conn) {
						broken.Add(1)
						c.SetFaults(xmpptest.Faults{CutAfterWrite: after})
					})
				}
				// One bot after another, or one that comes again; juliet goes on talking.
				start := func() {
					w.connect(options, func(cfg *xmpp.ConnectionConfiguration) { cfg.Store, cfg.DisableStreamManagement = store, !test.managed })
					for w.bot.Login(t.Context(), "", "") != nil {
					}
				}
				start()
				said := missed
				for broken.Load() < cuts || said < missed+during || w.bot.State() != xmpp.Online {
					if said < missed+during {
						said++
						w.say(fmt.Sprint(said))
					}
					pass(time.Duration(rng.IntN(1000)) * time.Millisecond)
					if test.restart && w.bot.State() != xmpp.Online {
						w.close()
						start()
					}
					require.Less(t, time.Since(begin), 24*time.Hour)
				}
				pass(10 * time.Minute)

				pages := w.asked()
				heard := strings.Fields(strings.ReplaceAll(w.take(&w.heard), "*", ""))
				want := append([]string{"first"}, numbers(1, said)...)
				slices.Sort(heard)
				slices.Sort(want)
				t.Logf("R13: %d messages missed, %d cuts meanwhile, %d pages: each once", len(heard), broken.Load(), pages)
				require.Greater(t, pages, missed/50)
				require.Equal(t, len(want), len(heard))
				require.Equal(t, want, heard)

				// The place is at the end, and stored.
				pass(2 * time.Second)
				w.close()
				w.login(options, kept(store))
				pass(time.Minute)
				require.Empty(t, w.take(&w.heard))
				synctest.Wait()
			})
		})
	}
}
