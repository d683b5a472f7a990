package xmpp_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// A meter counts what goes over its dialer's connections.
type meter struct {
	xmpp.Dialer
	up, down, wakes atomic.Int64 // bytes; reads that ended 10 s of silence or more
}

type metered struct {
	net.Conn
	m    *meter
	last time.Time // of a read or before it; owned by the reader
}

func (m *meter) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := m.Dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &metered{conn, m, time.Now()}, nil
}

func (c *metered) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.m.down.Add(int64(n))
	now := time.Now()
	if now.Sub(c.last) >= 10*time.Second {
		c.m.wakes.Add(1)
	}
	c.last = now
	return n, err
}

func (c *metered) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.m.up.Add(int64(n))
	return n, err
}

// TestIdleForADay idles while the network dies every hour, in silence, with an end and with a reset in turn. Whoever is online
// hears: a message that is sent at once arrives within the time in which a dead connection is found and replaced.
func TestIdleForADay(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const found = 60*time.Second + 15*time.Second // RFC 6120 gives no number; ours are Silence and the answer's limit
		const back = 2 * time.Second                  // the first try of who may resume
		srv := xmpptest.NewServer(t, nil)
		m := &meter{Dialer: srv.Dialer()}
		c := managed(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) { cfg.Dialer = m })
		got := c.ChatManager().Messages(t.Context())
		juliet := managed(t, srv, "juliet")
		worst := time.Duration(0)
		for hour := range 24 {
			m.up.Store(0)
			m.down.Store(0)
			m.wakes.Store(0)
			time.Sleep(time.Hour) // virtual
			require.Equal(t, xmpp.Online, c.State())
			up, down, wakes := m.up.Load(), m.down.Load(), m.wakes.Load()
			conn := srv.Connections("romeo")[0]
			deaths := []string{"silence", "end", "reset"}
			switch deaths[hour%3] {
			case "silence":
				conn.Stall(true, true)
			case "end":
				conn.Cut()
			case "reset":
				conn.SetFaults(xmpptest.Faults{Wire: true, CutAfterWrite: 1}) // in the middle of a record
			}
			began := time.Now()
			require.NoError(t, juliet.Send(t.Context(), &stanza.Message{To: srv.Address("romeo"), Type: stanza.MessageChat, Body: fmt.Sprint(hour)}))
			select {
			case msg := <-got:
				require.Equal(t, fmt.Sprint(hour), msg.Body)
			case <-time.After(time.Hour):
				t.Fatalf("hour %d: %v and deaf after %s", hour, c.State(), deaths[hour%3])
			}
			took := time.Since(began)
			worst = max(worst, took)
			require.LessOrEqual(t, took, found+back+time.Second, deaths[hour%3])
			t.Logf("hour %2d: %4d bytes up, %4d down, %3d wakes; after %-7s a message took %v", hour, up, down, wakes, deaths[hour%3], took.Round(time.Millisecond))
		}
		t.Logf("slowest: %v", worst)
	})
}

// TestManyClientsAndARestart is R22: a server that comes back is not stormed. TLS is left out because a thousand handshakes under
// the race detector are what the time would go into; who waits how long does not depend on it.
func TestManyClientsAndARestart(t *testing.T) {
	const clients = 1000
	for _, down := range []time.Duration{0, 5 * time.Second} { // until it listens again
		bubble(t, func(t *testing.T) {
			srv := xmpptest.NewServer(t, &xmpptest.Options{Plaintext: true, Iterations: 1, Mechanisms: []string{"PLAIN"}})
			log := &dialLog{Dialer: srv.Dialer()}
			all := make([]*xmpp.Connection, clients)
			for i := range all {
				cfg := srv.Configuration(fmt.Sprint("user", i))
				cfg.Dialer = log // who may resume waits least
				cfg.Silence, cfg.DisableRoster = -1, true
				c, err := xmpp.NewConnection(cfg)
				require.NoError(t, err)
				defer c.Close()
				require.NoError(t, c.Login(t.Context(), "", ""))
				all[i] = c
			}
			time.Sleep(5 * time.Minute) // virtual
			log.reset()
			srv.Dialer().Refuse(-1)
			srv.Restart()
			time.Sleep(down) // virtual
			srv.Dialer().Refuse(0)
			time.Sleep(10 * time.Minute) // virtual
			for i, c := range all {
				require.Equal(t, xmpp.Online, c.State(), "client %d", i)
			}
			dials, busiest, first := log.list(), 0, 0
			for i := range dials {
				for dials[i].Sub(dials[first]) >= 100*time.Millisecond {
					first++
				}
				busiest = max(busiest, i-first+1)
			}
			figure(t, "R22", "%d clients, server down for %v: %.1f tries of each, at most %d of %d (%.1f %%) in 100 ms",
				clients, down, float64(len(dials))/clients, busiest, len(dials), 100*float64(busiest)/float64(len(dials)))
			require.LessOrEqual(t, busiest, len(dials)*8/100)
			require.LessOrEqual(t, len(dials), 20*clients)
		})
	}
}

// A dialLog remembers when it was asked.
type dialLog struct {
	xmpp.Dialer
	mu sync.Mutex
	at []time.Time
}

func (d *dialLog) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	d.mu.Lock()
	d.at = append(d.at, time.Now())
	d.mu.Unlock()
	return d.Dialer.DialContext(ctx, network, address)
}

func (d *dialLog) reset() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = nil
}

func (d *dialLog) list() []time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.at
}

// TestOfflineForAMillion is R14: whoever goes on sending while the network is gone gets an answer each time, and the memory stays.
func TestOfflineForAMillion(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const attempts, bound = 1_000_000, 8 << 20
		srv := xmpptest.NewServer(t, nil)
		juliet, c := managed(t, srv, "juliet"), managed(t, srv, "romeo")
		got := texts(juliet)
		srv.Dialer().Refuse(-1)
		srv.Drop("romeo")
		settle()
		m := &stanza.Message{To: srv.Address("juliet"), Type: stanza.MessageChat}
		before := heap()
		var accepted []int
		var acks []*xmpp.Ack
		most, refused := uint64(0), 0
		for n := range attempts {
			m.Body = fmt.Sprint(n)
			if n < 2000 { // together more than the outbox takes
				m.Body += strings.Repeat(" ", 10_000)
			}
			var err error
			if n%1000 == 0 { // each waits for its context in full
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				var ack *xmpp.Ack
				if ack, err = c.Submit(ctx, m); err == nil {
					acks = append(acks, ack)
				}
				cancel()
			} else {
				err = c.TrySend(t.Context(), m)
			}
			switch {
			case err == nil:
				accepted = append(accepted, n)
			case errors.Is(err, xmpp.ErrBufferFull), errors.Is(err, context.DeadlineExceeded):
				require.True(t, xmpp.SafeToRetry(err) || errors.Is(err, context.DeadlineExceeded))
				refused++
			default:
				t.Fatal(err)
			}
			if n%100_000 == 0 {
				most = max(most, heap())
			}
		}
		most = max(most, heap())
		require.Equal(t, attempts, len(accepted)+refused)
		require.InDelta(t, bound/10_000, len(accepted), 100)
		require.Less(t, most, before+bound*11/10)
		figure(t, "R14", "%d attempts while offline, %d accepted; the heap grew by %d kB at most", attempts, len(accepted), (int64(most)-int64(before))>>10)

		srv.Dialer().Refuse(0)
		eventually(t, 5*time.Minute, func() bool { return len(got.list()) == len(accepted) })
		for i, body := range got.list() {
			require.Equal(t, fmt.Sprint(accepted[i]), strings.TrimSpace(body))
		}
		for _, ack := range acks {
			require.NoError(t, ack.Wait(t.Context()))
		}
	})
}

// heap is what is in use after a collection.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
