package interop_test

import (
	"context"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/internal/latency"
	"github.com/gosmack/xmpp/internal/realserver"
	"github.com/gosmack/xmpp/xmpptest"
)

// modern is the same server with SASL2 and everything in it, started for this scenario.
func (w *world) modern() *world {
	w.Helper()
	m := &world{T: w.T, ctx: w.ctx}
	w.later(m.close)
	dir, err := os.MkdirTemp("", "xmpp-modern-")
	require.NoError(w, err)
	require.NoError(w, os.Chmod(dir, 0o711)) // the server's own user has to pass through
	m.later(func() { _ = os.RemoveAll(dir) })
	start := map[string]func(string, realserver.Options) (*realserver.Server, error){
		"Prosody": realserver.StartProsody, "ejabberd": realserver.StartEjabberd,
	}[w.name]
	if start == nil {
		s, stop, err := inProcessLike(xmpptest.Options{SASL2: true, Bind2: true, FAST: true})
		require.NoError(w, err)
		m.later(stop)
		m.server = s
		return m
	}
	s, err := start(dir, realserver.Options{SASL2: true})
	require.NoError(w, err)
	m.later(func() { require.NoError(w, s.Stop()) })
	m.server = real(s)
	m.restart = s.Restart
	return m
}

// A stopwatch counts the round trips of logins.
type stopwatch struct {
	latency.Dialer
	bound atomic.Int64 // round trips until then
}

// rtt is long against what a server needs to think.
const rtt = 100 * time.Millisecond

func (s *stopwatch) watch(cfg *xmpp.ConnectionConfiguration) {
	s.Below, s.RTT = new(net.Dialer), rtt
	cfg.Dialer = s
	cfg.Trace = func(e xmpp.TraceEvent) {
		text := string(e.Data)
		if !e.Out && (strings.Contains(text, "<bound ") || strings.Contains(text, "<resumed ") || strings.Contains(text, "<jid>")) {
			s.bound.Store(int64(s.Rounds()))
		}
	}
}

// A cost is what one login took: round trips until it was bound or resumed, and the time until it was online, in round trips.
type cost struct {
	bound  int64
	online float64
}

// roundTrips counts what logins cost after TCP, on a connection on which everything takes its time.
func roundTrips(w *world) {
	m := w.modern()
	rows := []struct {
		name  string
		at    *world
		bind2 bool
		most  [3]int64 // round trips on direct TLS: the first login, one that comes back, a session that is resumed
	}{
		{"RFC 6120", w, false, [3]int64{6, 6, 6}},
		{"SASL2, FAST, Bind 2", m, true, [3]int64{4, 2, 2}},
		{"SASL2, FAST", m, false, [3]int64{5, 3, 2}},
	}
	w.Logf("round trips until bound or resumed (time until online): first login, returning, resuming")
	for _, row := range rows {
		for _, direct := range []bool{true, false} {
			name, most := "direct TLS", row.most
			if !direct {
				name = "STARTTLS"
				for i := range most {
					most[i] += 2
				}
			}
			got := row.at.cheapest(most, func() [3]cost { return row.at.countRoundTrips(row.bind2, direct, row.at == w) })
			w.Logf("%-10s %-10s %-20s  %d (%.1f)  %d (%.1f)  %d (%.1f)", w.name, name, row.name,
				got[0].bound, got[0].online, got[1].bound, got[1].online, got[2].bound, got[2].online)
			for i := range most {
				require.LessOrEqual(w, got[i].bound, most[i], "%s, %s, %s", w.name, row.name, name)
			}
		}
	}
}

// cheapest measures again where too much came out: on a machine that is busy one flight looks like two.
func (w *world) cheapest(most [3]int64, measure func() [3]cost) (got [3]cost) {
	for range 3 {
		got = measure()
		if got[0].bound <= most[0] && got[1].bound <= most[1] && got[2].bound <= most[2] {
			break
		}
	}
	return got
}

// countRoundTrips logs in as who was never here, comes back with the same store, and resumes a session that broke off.
func (w *world) countRoundTrips(bind2, direct, old bool) (got [3]cost) {
	w.Helper()
	user, store := w.user(), xmpp.NewMemoryStore()
	login := func() (*xmpp.Connection, *stopwatch, *proxy) {
		s := new(stopwatch)
		port := w.startTLS
		if direct {
			port = w.directTLS
		}
		p := w.proxy(port)
		c := w.connection(user, through(p), kept(store), s.watch, func(cfg *xmpp.ConnectionConfiguration) {
			cfg.DisableSASL2 = old
			if direct {
				cfg.Security = xmpp.SecurityDirectTLS
			}
		})
		if bind2 {
			c.Use(xmpp.Extension{Name: "sync", CatchUp: func(context.Context) bool { return true }})
		}
		require.NoError(w, c.Login(w.ctx, "", ""))
		return c, s, p
	}
	c, s, _ := login()
	got[0] = cost{s.bound.Load(), s.Elapsed()}
	settle(w, c)
	require.NoError(w, c.Close())

	c, s, p := login()
	got[1] = cost{s.bound.Load(), s.Elapsed()}
	settle(w, c)
	states := c.States(w.ctx)
	p.cut()
	until(w, "the end of the session", states, func(s xmpp.StateChange) bool { return s.State == xmpp.Reconnecting })
	c.NetworkChanged()
	back := until(w, "the session again", states, func(s xmpp.StateChange) bool { return s.State == xmpp.Online })
	got[2] = cost{s.bound.Load(), s.Elapsed()}
	require.True(w, back.Resumed)
	settle(w, c)
	require.NoError(w, c.Close())
	return got
}
