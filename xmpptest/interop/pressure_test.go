package interop_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
)

// The bounds on what was received and not handled: past the soft one the reader pauses unless a request of ours is
// outstanding, past the hard one always.
const (
	softBound = 256
	hardBound = 4096
	behind    = 2 * softBound      // enough to reach the soft bound
	torrent   = hardBound + 3*1000 // enough to go past the hard one
	trickle   = hardBound + 500    // likewise, for a server that would not keep more
)

const (
	waitLimit = 20 * time.Second
	pollEvery = 5 * time.Millisecond
	// still is how long a number has to stay where it is.
	still = 300 * time.Millisecond
)

// A flood against a handler that does not come to an end: reading stops at the soft bound; with a request of ours under way
// it goes on to the hard bound and stops there; then everything comes, once and in order.
func flood(w *world) {
	a, b := w.connection(w.user()), w.connection(w.user())
	stop := make(chan struct{})
	a.Handle(add(stop))
	torrent := torrent
	if w.keeps > 0 {
		torrent = trickle
	}
	gate, bodies := make(chan struct{}), make(chan string, torrent+1)
	var most atomic.Int64
	b.ChatManager().OnMessage(func(ctx context.Context, _ *xmpp.Chat, m *stanza.Message) {
		select {
		case <-gate:
		case <-ctx.Done():
		}
		bodies <- m.Body
	})
	require.NoError(w, a.Login(w.ctx, "", ""))
	require.NoError(w, b.Login(w.ctx, "", ""))
	w.unarchived(a, b)
	watching, watched := context.WithCancel(w.ctx)
	defer watched()
	go func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				most.Store(max(most.Load(), int64(b.Stats().Waiting)))
			case <-watching.Done():
				return
			}
		}
	}()

	sent := make(chan error, 1)
	chat := a.ChatManager().CreateChat(b.User())
	begin := time.Now()
	go func() {
		for i := range torrent {
			if err := chat.SendMessage(w.ctx, fmt.Sprint("drop ", i)); err != nil {
				sent <- fmt.Errorf("drop %d: %w", i, err)
				return
			}
		}
		sent <- nil
	}()
	await(w, "the soft bound", func() bool { return b.Stats().Waiting >= softBound })
	staysAt(w, b, softBound)

	asked := make(chan error, 1)
	go func() { asked <- b.Get(w.ctx, a.User(), sum{Order: "never"}, nil) }()
	await(w, "the hard bound", func() bool { return b.Stats().Waiting >= hardBound })
	staysAt(w, b, hardBound)
	held := time.Since(begin)

	close(stop)
	close(gate)
	for i := range torrent {
		require.Equal(w, fmt.Sprint("drop ", i), next(w, "a drop", bodies))
	}
	require.NoError(w, next(w, "the sender's end", sent))
	require.ErrorIs(w, next(w, "the answer", asked), stanza.ResourceConstraint)
	await(w, "nothing waiting", func() bool { return b.Stats().Waiting == 0 })
	require.LessOrEqual(w, most.Load(), int64(hardBound))
	require.Empty(w, bodies)
	w.Logf("%d messages: held for %v, through after %v", torrent, held.Round(time.Millisecond), time.Since(begin).Round(time.Millisecond))
}

// staysAt looks for a while whether so many stanzas wait and no more.
func staysAt(w *world, c *xmpp.Connection, bound int) {
	w.Helper()
	end := time.NewTimer(still)
	defer end.Stop()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		require.Equal(w, bound, c.Stats().Waiting)
		select {
		case <-tick.C:
		case <-end.C:
			return
		}
	}
}
