package xmpp_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// TestTheServersQueue is R15 for the server's side: who never asks is told all the same what was handled, long before it would give the session up.
func TestTheServersQueue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const burst = 40
		stanzas := setting(t, "XMPP_SOAK_STANZAS", 20_000)
		srv := xmpptest.NewServer(t, fast(xmpptest.Options{StreamManagement: xmpptest.StreamManagement{AskEvery: -1}, NoArchive: true}))
		c := managed(t, srv, "romeo", inTheClear(srv))
		heard := 0
		c.OnMessage(func(context.Context, *stanza.Message) { heard++ })
		data := flood(burst, 10)
		for range stanzas / burst {
			raw(srv, "romeo", data)
			settle()
		}
		require.Equal(t, stanzas, heard)
		session := srv.Sessions("romeo")[0]
		require.LessOrEqual(t, session.Most, 150)
		figure(t, "R15", "%d stanzas in, no <r/> from the server: at most %d in its queue", stanzas, session.Most)
	})
}

// TestOurQueue is R15 for ours: the server is asked for its count after 25 stanzas or a second after the last, and if it never answers no more than 1 024
// stanzas are under way.
func TestOurQueue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, fast(xmpptest.Options{StreamManagement: xmpptest.StreamManagement{AskEvery: -1}, NoArchive: true}))
		var stanzas, since, most atomic.Int64
		var asked atomic.Int64 // when, in nanoseconds
		c := managed(t, srv, "romeo", inTheClear(srv), func(cfg *xmpp.ConnectionConfiguration) {
			cfg.Trace = func(e xmpp.TraceEvent) {
				switch s := string(e.Data); {
				case !e.Out:
				case strings.HasPrefix(s, "<message "):
					stanzas.Add(1)
					most.Store(max(most.Load(), since.Add(1)))
				case strings.HasPrefix(s, "<r "):
					since.Store(0)
					asked.Store(time.Now().UnixNano())
				}
			}
		})
		pass(time.Minute)
		at := time.Now()
		require.NoError(t, c.Send(t.Context(), text("one")))
		pass(10 * time.Second)
		require.Equal(t, time.Second, time.Unix(0, asked.Load()).Sub(at), "after the last one")
		for n := range 1000 {
			require.NoError(t, c.Send(t.Context(), text(fmt.Sprint(n))))
		}
		pass(10 * time.Second)
		require.LessOrEqual(t, most.Load(), int64(25))
		require.Zero(t, c.Stats().Unacked)

		srv.SetStreamManagement(xmpptest.StreamManagement{AskEvery: -1, Mute: true})
		stanzas.Store(0)
		taken := 0
		for c.TrySend(t.Context(), text("x")) == nil {
			taken++
			settle()
		}
		require.LessOrEqual(t, stanzas.Load(), int64(1024))
		require.LessOrEqual(t, c.Stats().Unacked, 1024)
		require.LessOrEqual(t, taken, 2048)
		figure(t, "R15", "<r/> after at most %d stanzas or 1 s; a server that never answers: %d in flight, %d accepted, then TrySend refuses", most.Load(), stanzas.Load(), taken)
	})
}

// TestASlowConsumer is R16: a handler that takes minutes for a stanza holds the server back, visibly, and costs neither the connection nor a message nor the order. The server
// hears every 10 s that somebody is there.
func TestASlowConsumer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const stanzas, stuck = 3000, 10 * time.Minute
		srv := xmpptest.NewServer(t, fast(xmpptest.Options{StreamManagement: xmpptest.StreamManagement{AskEvery: -1}, BufferSize: 8 << 10, NoArchive: true}))
		said := new(record[time.Time])
		var c *xmpp.Connection
		c = managed(t, srv, "romeo", inTheClear(srv), func(cfg *xmpp.ConnectionConfiguration) {
			cfg.Trace = func(e xmpp.TraceEvent) {
				if e.Out && strings.HasPrefix(string(e.Data), "<a ") {
					said.add(time.Now())
				}
			}
		})
		slow := new(record[time.Time])
		c.OnSlowConsumer(func(xmpp.SlowConsumer) { slow.add(time.Now()) })
		got := new(record[string])
		c.OnMessage(func(_ context.Context, m *stanza.Message) {
			if got.add(number(m.Body)); len(got.list()) == 100 {
				time.Sleep(stuck) // virtual
			}
		})
		settle()
		raw(srv, "romeo", flood(stanzas, 100))
		settle()
		began, before := time.Now(), len(said.list())
		require.InDelta(t, 256, c.Stats().Waiting, 1, "the soft bound")
		pass(stuck - time.Second)
		require.Equal(t, xmpp.Online, c.State(), "while it does not read, silence means nothing")
		require.Equal(t, 1, srv.Dialer().Dials())
		require.NotEmpty(t, slow.list())
		require.Equal(t, 5*time.Second, slow.list()[0].Sub(began))
		during := len(said.list()) - before
		require.InDelta(t, stuck/(10*time.Second), during, 2, "an <a/> every 10 s")
		pass(time.Minute)
		require.Equal(t, numbers(stanzas), got.list())
		countsAgree(t, srv, c, "afterwards")
		figure(t, "R16", "a handler stands for %v before %d stanzas: event after 5 s, %d unasked <a/>, 256 stanzas held, connection kept, 0 lost, order kept", stuck, stanzas, during)
	})
}

// numbers are the texts that a flood of n brings.
func numbers(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

// TestAPeerThatStopsReading is R21: a write that nobody takes ends the connection, not the program, and nothing of it is lost.
func TestAPeerThatStopsReading(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, fast(xmpptest.Options{BufferSize: 4 << 10, NoArchive: true}))
		got := texts(managed(t, srv, "juliet", inTheClear(srv)))
		c := managed(t, srv, "romeo", inTheClear(srv), func(cfg *xmpp.ConnectionConfiguration) { cfg.Silence = -1 }) // the write alone is to find it
		settle()
		srv.Connections("romeo")[0].Stall(true, false) // it goes on writing
		for n := range 100 {
			require.NoError(t, c.Send(t.Context(), text(fmt.Sprintf("%d %s", n, strings.Repeat("x", 1000)))))
		}
		settle()
		began := time.Now()
		eventually(t, time.Hour, func() bool { return c.State() == xmpp.Reconnecting })
		found := time.Since(began)
		require.LessOrEqual(t, found, 31*time.Second)
		eventually(t, time.Minute, func() bool { return len(got.list()) == 100 })
		for n, s := range got.list() {
			require.Equal(t, fmt.Sprint(n), number(s))
		}
		figure(t, "R21", "a peer that stops reading is given up after %v; the 100 messages of then arrive by the next connection", found)
	})
}
