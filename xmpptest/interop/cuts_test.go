package interop_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

const (
	cutMessages = 2000 // each way
	cutTimes    = 50   // each end
	cutWindow   = 100  // messages under way
)

// Messages both ways while the connections of both ends break at random bytes: nothing is lost, nothing comes twice, and the order is
// kept.
func cuts(w *world) {
	var ends [2]*xmpp.Connection
	var resumed, reset atomic.Int64
	var proxies [2]*proxy
	users := [2]jid.JID{w.user(), w.user()}
	for i := range ends {
		rng, left := rand.New(rand.NewPCG(1, uint64(i))), cutTimes
		proxies[i] = w.proxy(w.startTLS)
		proxies[i].lasting(func() int64 {
			if left--; left < 0 {
				return 1 << 40
			}
			return 8000 + rng.Int64N(30_000)
		})
		ends[i] = w.connection(users[i], through(proxies[i]), func(cfg *xmpp.ConnectionConfiguration) {
			cfg.OnError = func(err error) {
				if !w.Failed() {
					w.Logf("end %d: %v", i, err)
				}
			}
		})
		ends[i].OnState(func(s xmpp.StateChange) {
			switch {
			case s.Resumed:
				resumed.Add(1)
			case s.State == xmpp.Online && s.Reset:
				reset.Add(1)
			}
		})
	}
	var got [2]<-chan *stanza.Message
	for i, c := range ends {
		got[i] = c.ChatManager().Messages(w.ctx)
		for c.Login(w.ctx, "", "") != nil {
			require.NoError(w, w.ctx.Err())
		}
	}
	for _, c := range ends {
		for c.Set(w.ctx, jid.JID{}, mamPrefs{Default: "never"}, nil) != nil && w.name != inProcessName {
			require.NoError(w, w.ctx.Err())
		}
	}
	begin := time.Now()
	go w.hint(ends[:])
	done := make(chan error, 4)
	var courses [2]course
	for i, c := range ends {
		go func() { done <- courses[i].run(w.ctx, c, users[1-i]) }()
		go func() { done <- courses[i].take(w.ctx, got[1-i]) }()
	}
	for range cap(done) {
		if err := <-done; err != nil {
			w.Fail()
			for i, c := range ends {
				w.Logf("end %d: %v %+v", i, c.State(), c.Stats())
			}
			w.Log(err)
			w.close()
			w.FailNow()
		}
	}
	settle(w, ends[0])
	settle(w, ends[1])
	doubled, late := courses[0].doubled.Load()+courses[1].doubled.Load(), courses[0].late.Load()+courses[1].late.Load()
	w.Logf("%d messages each way, %d cuts, %d resumptions, %d new sessions, %v: 0 lost, %d doubled, %d out of order", cutMessages,
		proxies[0].cuts.Load()+proxies[1].cuts.Load(), resumed.Load(), reset.Load(), time.Since(begin).Round(time.Millisecond), doubled, late)
	require.Zero(w, doubled)
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

// take receives until everything has come.
func (k *course) take(ctx context.Context, c <-chan *stanza.Message) error {
	last := -1
	for k.count.Load() < cutMessages {
		select {
		case m, ok := <-c:
			if !ok {
				return errors.New("the channel ended")
			}
			var i int
			if _, err := fmt.Sscanf(m.Body, bulkBody(0)[:len(bulkBody(0))-1]+"%d", &i); err != nil || i < 0 || i >= cutMessages {
				return fmt.Errorf("%q: %w", m.Body, err)
			}
			if k.got[i].Add(1) > 1 {
				k.doubled.Add(1)
				continue
			}
			k.count.Add(1)
			if i < last {
				k.late.Add(1)
			}
			last = max(last, i)
		case <-ctx.Done():
			return fmt.Errorf("%d messages came: %w", k.count.Load(), context.Cause(ctx))
		}
	}
	return nil
}
