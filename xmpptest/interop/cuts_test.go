package interop_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/mam"
)

const (
	cutMessages = 2000 // each way
	cutTimes    = 50   // each end
	cutWindow   = 100  // messages under way
	cutRestarts = 3
)

// cuts is a network that breaks: messages both ways while the connections of both ends break at random bytes. Nothing is lost and nothing
// comes twice.
func cuts(w *world) { w.broken(0, w.unarchived) }

// restarts is the same on a server that has all of it, and that is restarted meanwhile: what it forgot comes from the archive. What nobody can
// tell may come twice, and is told.
func restarts(w *world) { w.modern().broken(cutRestarts, nil) }

// broken lets two ends talk over a network that breaks, and restarts the server so many times.
func (w *world) broken(restarts int, prepare func(...*xmpp.Connection)) {
	var ends [2]*xmpp.Connection
	var resumed, reset, told atomic.Int64
	var proxies [2]*proxy
	var courses [2]course
	var archives [2]*mam.Archive
	users := [2]jid.JID{w.user(), w.user()}
	for i := range ends {
		rng, left := rand.New(rand.NewPCG(1, uint64(i))), cutTimes
		proxies[i] = w.proxy(w.startTLS)
		ends[i] = w.connection(users[i], through(proxies[i]), func(cfg *xmpp.ConnectionConfiguration) {
			cfg.OnError = func(err error) {
				if strings.Contains(err.Error(), "may arrive twice") {
					told.Add(1)
				}
			}
		})
		if restarts > 0 {
			archives[i] = mam.New(ends[i], &mam.Options{Sync: true})
		}
		ends[i].OnState(func(s xmpp.StateChange) {
			switch {
			case s.Resumed:
				resumed.Add(1)
			case s.State == xmpp.Online && s.Reset:
				reset.Add(1)
			}
		})
		ends[i].ChatManager().OnMessage(func(_ context.Context, _ *xmpp.Chat, m *stanza.Message) { courses[1-i].take(m) })
		require.NoError(w, ends[i].Login(w.ctx, "", ""))
		proxies[i].lasting(func() int64 {
			if left--; left < 0 {
				return 1 << 40
			}
			return 8000 + rng.Int64N(30_000)
		})
	}
	if prepare != nil {
		prepare(ends[:]...)
	}
	begin := time.Now()
	go w.hint(ends[:])
	done := make(chan error, 2)
	for i, c := range ends {
		proxies[i].cut()
		go func() { done <- courses[i].run(w.ctx, c, users[1-i]) }()
	}
	count := func() int64 { return courses[0].count.Load() + courses[1].count.Load() }
	for n := range int64(restarts) {
		for count() < (n+1)*2*cutMessages/int64(restarts+1) && w.ctx.Err() == nil {
			time.Sleep(5 * time.Millisecond) // a real server has real time
		}
		require.NoError(w, w.restart())
	}
	for range cap(done) {
		require.NoError(w, <-done)
	}
	lost := 0
	if !eventually(w, func() bool { return count() == 2*cutMessages }) {
		require.True(w, w.losesInRestart && restarts > 0, "messages are lost: %v, %v", courses[0].missing(), courses[1].missing())
		for i := range courses {
			lost += w.lostByServer(courses[i].missing(), archives[i], users[1-i], archives[1-i], users[i])
		}
	}
	settle(w, ends[0])
	settle(w, ends[1])
	doubled, late := courses[0].doubled.Load()+courses[1].doubled.Load(), courses[0].late.Load()+courses[1].late.Load()
	w.Logf("%s: %d messages each way, %d cuts, %d restarts, %d resumptions, %d new sessions in %v: %d lost by the server, 0 else, %d doubled (%d told), %d out of order", w.name, cutMessages,
		proxies[0].cuts.Load()+proxies[1].cuts.Load(), restarts, resumed.Load(), reset.Load(), time.Since(begin).Round(time.Millisecond), lost, doubled, told.Load(), late)
	require.LessOrEqual(w, doubled, told.Load())
	require.Positive(w, resumed.Load())
}

// lostByServer makes sure that messages are in their sender's archive, and so were the server's to deliver, and that the receiver's has not
// got them, where they would have been found.
func (w *world) lostByServer(missing []int, sent *mam.Archive, to jid.JID, received *mam.Archive, from jid.JID) int {
	w.Helper()
	bodies := func(a *mam.Archive, with jid.JID) map[string]bool {
		all := make(map[string]bool)
		for m, err := range a.Messages(w.ctx, mam.Query{With: with, PageSize: 200}) {
			require.NoError(w, err)
			if m.From.Bare() == from {
				all[m.Body] = true
			}
		}
		return all
	}
	had, has := bodies(sent, to), bodies(received, from)
	for _, i := range missing {
		require.True(w, had[bulkBody(i)], "message %d was never the server's", i)
		require.False(w, has[bulkBody(i)], "message %d is there and was not fetched", i)
	}
	return len(missing)
}

// hint keeps the ends from waiting longer than they need to, again and again.
func (w *world) hint(ends []*xmpp.Connection) {
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			for _, c := range ends {
				if c.State() == xmpp.Reconnecting {
					c.NetworkChanged()
				}
			}
		case <-w.ctx.Done():
			return
		}
	}
}

// A course is what one end receives of the other.
type course struct {
	got     [cutMessages]atomic.Int32
	count   atomic.Int64 // different ones
	doubled atomic.Int64
	late    atomic.Int64 // came behind a later one
	last    atomic.Int64
}

// run sends the messages, and never so many more than have arrived that a server would have to keep more of them than it does for a
// session that waits to be resumed.
func (k *course) run(ctx context.Context, from *xmpp.Connection, to jid.JID) error {
	for i := range cutMessages {
		for int64(i)-k.count.Load() >= cutWindow {
			select {
			case <-time.After(5 * time.Millisecond):
			case <-ctx.Done():
				return fmt.Errorf("message %d: %w", i, context.Cause(ctx))
			}
		}
		if err := from.Send(ctx, &stanza.Message{To: to, Type: stanza.MessageChat, Body: bulkBody(i)}); err != nil {
			return fmt.Errorf("message %d: %w", i, err)
		}
	}
	return nil
}

// missing are the messages that have not come.
func (k *course) missing() (all []int) {
	for i := range k.got {
		if k.got[i].Load() == 0 {
			all = append(all, i)
		}
	}
	return all
}

// take notes a message that has come.
func (k *course) take(m *stanza.Message) {
	var i int64
	if _, err := fmt.Sscanf(m.Body, strings.TrimSuffix(bulkBody(0), "0")+"%d", &i); err != nil || i < 0 || i >= cutMessages {
		return // and somebody waits for it
	}
	if k.got[i].Add(1) > 1 {
		k.doubled.Add(1)
		return
	}
	if i < k.last.Load() {
		k.late.Add(1)
	}
	k.last.Store(max(k.last.Load(), i)) // one callback at a time
	k.count.Add(1)
}
