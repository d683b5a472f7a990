package discover_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/internal/discover"
)

const ms = time.Millisecond

// result is what a race gave, and how long it took.
type result struct {
	session   *session
	endpoint  discover.Endpoint
	attempts  []discover.Attempt
	err       error
	took      time.Duration
	discarded int
}

// run races in a bubble, and checks what holds of every race: nothing is left of the losers.
func run(ctx context.Context, t *testing.T, n *network, r *resolver, endpoints ...discover.Endpoint) result {
	t.Helper()
	var res result
	var names discover.Resolver
	if r != nil {
		names = r
	}
	start := time.Now()
	res.session, res.endpoint, res.attempts, res.err = discover.Race(ctx, endpoints, names, n, n.secure, func(*session) { res.discarded++ })
	res.took = time.Since(start)
	want := int32(0)
	if res.err == nil {
		want = 1
		require.Equal(t, res.endpoint, res.session.endpoint)
		t.Cleanup(func() { res.session.conn.Close() })
	}
	require.Equal(t, want, n.open.Load(), "open connections")
	return res
}

func quiet(t *testing.T, n *network, r *resolver) {
	t.Helper()
	require.Zero(t, n.active.Load(), "dials and handshakes under way")
	if r != nil {
		require.Zero(t, r.active.Load(), "look-ups under way")
	}
}

// hosts makes endpoints h0, h1 … and their zones, one address each.
func hosts(count int) (*resolver, []discover.Endpoint) {
	r := &resolver{zones: map[string]zone{}}
	var list []discover.Endpoint
	for i := range count {
		name := fmt.Sprintf("h%d", i)
		r.zones["ip "+name] = zone{addrs: ips(fmt.Sprintf("192.0.2.%d", i))}
		list = append(list, endpoint(name, 5222, false))
	}
	return r, list
}

func TestRaceOrderAndStagger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hole := place{after: -1}
		r := &resolver{zones: map[string]zone{
			"ip a": {addrs: ips("2001:db8::1", "2001:db8::2", "::ffff:192.0.2.1", "192.0.2.1", "192.0.2.2")},
			"ip b": {addrs: ips("192.0.2.3")},
		}}
		n := &network{places: map[string]place{
			"[2001:db8::1]:5223": hole, "192.0.2.1:5223": hole, "192.0.2.3:5222": hole,
			"[2001:db8::2]:5223": hole, "192.0.2.2:5223": {after: 10 * ms},
		}}
		a, b := endpoint("a", 5223, true), endpoint("b", 5222, false)
		res := run(t.Context(), t, n, r, a, b)
		quiet(t, n, r)
		require.NoError(t, res.err)
		require.Equal(t, a, res.endpoint)
		require.Equal(t, []string{"[2001:db8::1]:5223", "192.0.2.1:5223", "192.0.2.3:5222", "[2001:db8::2]:5223", "192.0.2.2:5223"}, n.dialed)
		require.Equal(t, []time.Duration{0, 250 * ms, 500 * ms, 750 * ms, 1000 * ms}, n.times)
		require.Equal(t, 1010*ms, res.took)
		want := []discover.Attempt{
			{a, "[2001:db8::1]:5223", "connect", discover.ErrLost}, {a, "192.0.2.1:5223", "connect", discover.ErrLost},
			{b, "192.0.2.3:5222", "connect", discover.ErrLost}, {a, "[2001:db8::2]:5223", "connect", discover.ErrLost},
			{a, "192.0.2.2:5223", "", nil},
		}
		require.Equal(t, want, res.attempts)
	})
}

// TestRaceDeadHosts is R30.
func TestRaceDeadHosts(t *testing.T) {
	kinds := map[string]place{
		"black hole": {after: -1}, "refused": {err: errRefused}, "silent after connecting": {secure: -1},
		"bad handshake": {fault: errBoom},
	}
	for name, dead := range kinds {
		for k := range 5 {
			t.Run(fmt.Sprintf("%d of 5 %s", k, name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r, list := hosts(5)
					n := &network{places: map[string]place{}}
					for i := range 5 {
						n.places[fmt.Sprintf("192.0.2.%d:5222", i)] = place{after: 20 * ms, secure: 30 * ms}
						if i < k {
							n.places[fmt.Sprintf("192.0.2.%d:5222", i)] = dead
						}
					}
					res := run(t.Context(), t, n, r, list...)
					quiet(t, n, r)
					require.NoError(t, res.err)
					require.Equal(t, list[k], res.endpoint)
					require.LessOrEqual(t, res.took, time.Duration(k)*250*ms+50*ms)
					require.Len(t, res.attempts, k+1)
				})
			})
		}
	}
	t.Log("R30: up to 4 of 5 hosts dead, in four ways: connected 250 ms later for each, at most")
}

// stepped is a failure that names its own step.
type stepped struct{ error }

func (stepped) Step() string { return "TLS" }

func (s stepped) Unwrap() error { return s.error }

func TestRaceAllFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, list := hosts(4)
		r.zones["ip h0"] = zone{err: servFail}
		r.zones["ip h3"] = zone{}
		n := &network{places: map[string]place{"192.0.2.1:5222": {err: errRefused}, "192.0.2.2:5222": {fault: stepped{errBoom}}}}
		res := run(t.Context(), t, n, r, append(list, endpoint("ü\x00", 1, false))...)
		quiet(t, n, r)
		require.Zero(t, res.took, "a failure starts the next at once")
		require.Nil(t, res.session)
		require.Equal(t, discover.Endpoint{}, res.endpoint)
		require.ErrorIs(t, res.err, errRefused)
		require.ErrorIs(t, res.err, servFail)
		require.ErrorIs(t, res.err, errBoom)
		require.ErrorContains(t, res.err, "h1:5222 (STARTTLS) at 192.0.2.1:5222: connect: connection refused")
		var steps []string
		for _, a := range res.attempts {
			require.Error(t, a.Err)
			steps = append(steps, a.Step)
		}
		require.Equal(t, []string{"resolve", "connect", "TLS", "resolve", "resolve"}, steps)
	})
}

func TestRaceAttemptsAreBounded(t *testing.T) { // S020
	var many []string
	for i := range 5000 {
		many = append(many, fmt.Sprintf("10.0.%d.%d", i/256, i%256))
	}
	for name, count := range map[string]int{"one endpoint": 1, "forty endpoints": 40} {
		t.Run(name, func(t *testing.T) {
			r, list := hosts(count)
			for i := range count {
				r.zones[fmt.Sprintf("ip h%d", i)] = zone{addrs: ips(many...)}
			}
			n := new(network)
			res := run(t.Context(), t, n, r, list...)
			quiet(t, n, r)
			require.Error(t, res.err)
			require.Len(t, res.attempts, 16)
			require.Len(t, n.dialed, 16)
		})
	}
}

func TestRaceObeysContext(t *testing.T) { // S022, R19
	for step, c := range map[string]struct {
		z zone
		p place
	}{
		"resolve": {zone{after: -1}, place{}},
		"connect": {zone{addrs: ips("192.0.2.0")}, place{after: -1}},
		"secure":  {zone{addrs: ips("192.0.2.0")}, place{secure: -1}},
	} {
		t.Run(step, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &resolver{zones: map[string]zone{"ip h0": c.z}}
				n := &network{places: map[string]place{"192.0.2.0:5222": c.p}}
				ctx, cancel := context.WithTimeoutCause(t.Context(), 700*ms, errBoom)
				defer cancel()
				h0 := endpoint("h0", 5222, false)
				res := run(ctx, t, n, r, h0)
				quiet(t, n, r)
				require.ErrorIs(t, res.err, errBoom)
				require.Equal(t, 700*ms, res.took)
				require.Len(t, res.attempts, 1)
				require.Equal(t, step, res.attempts[0].Step)
				require.ErrorIs(t, res.attempts[0].Err, errBoom)
			})
		})
	}
	t.Run("ended before", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errBoom)
		n := new(network)
		res := run(ctx, t, n, nil, endpoint("h0", 5222, false))
		require.ErrorIs(t, res.err, errBoom)
		require.Empty(t, n.dialed)
	})
	t.Run("no endpoints", func(t *testing.T) {
		require.ErrorContains(t, run(t.Context(), t, new(network), nil).err, "no endpoint")
	})
}

func TestRaceLeavesTheDeafBehind(t *testing.T) {
	for name, ctxEnds := range map[string]bool{"lost": false, "context ended": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, list := hosts(2)
				n := &network{places: map[string]place{
					"192.0.2.0:5222": {after: time.Hour, deaf: true}, "192.0.2.1:5222": {},
				}}
				ctx, cancel := context.WithTimeoutCause(t.Context(), 500*ms, errBoom)
				defer cancel()
				want := discover.ErrLost
				if ctxEnds {
					list, want = list[:1], errBoom
				}
				res := run(ctx, t, n, r, list...)
				require.Equal(t, ctxEnds, res.err != nil)
				require.LessOrEqual(t, res.took, 750*ms)
				require.Equal(t, "connect", res.attempts[0].Step)
				require.ErrorIs(t, res.attempts[0].Err, want)
				require.Equal(t, int32(1), n.active.Load())
				time.Sleep(2 * time.Hour) // virtual
				synctest.Wait()
				quiet(t, n, r)
				if ctxEnds {
					require.Zero(t, n.secured.Load(), "what came late is not used")
				} else {
					require.Equal(t, int32(1), n.secured.Load())
					require.Equal(t, int32(1), n.open.Load(), "what came late is closed, the winner is not")
				}
			})
		})
	}
}

func TestRaceDiscardsASecondWinner(t *testing.T) {
	// Both are done at the same moment: which wins, and how far the other gets, is the scheduler's.
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			r, list := hosts(2)
			n := &network{places: map[string]place{
				"192.0.2.0:5222": {secure: 300 * ms}, "192.0.2.1:5222": {secure: 50 * ms},
			}}
			res := run(t.Context(), t, n, r, list...)
			quiet(t, n, r)
			require.NoError(t, res.err)
			require.Equal(t, 300*ms, res.took)
			require.Equal(t, 1, res.discarded)
			require.Len(t, res.attempts, 2)
			lost := 0
			for _, a := range res.attempts {
				if a.Err != nil {
					require.ErrorIs(t, a.Err, discover.ErrLost)
					require.Equal(t, "secure", a.Step)
					lost++
				}
			}
			require.Equal(t, 1, lost)
		})
	}
}

func TestRaceAddresses(t *testing.T) {
	for name, c := range map[string]struct{ addrs, dialed []string }{
		"the resolver's first family leads": {
			[]string{"192.0.2.1", "192.0.2.2", "2001:db8::1"},
			[]string{"192.0.2.1:1", "[2001:db8::1]:1", "192.0.2.2:1"},
		},
		"mapped is IPv4": {
			[]string{"::ffff:192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8::1"},
			[]string{"192.0.2.1:1", "[2001:db8::1]:1", "192.0.2.2:1"},
		},
		"each once": {[]string{"192.0.2.1", "192.0.2.1"}, []string{"192.0.2.1:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := &resolver{zones: map[string]zone{"ip h": {addrs: ips(c.addrs...)}}}
			n := new(network)
			require.ErrorIs(t, run(t.Context(), t, n, r, endpoint("h", 1, false)).err, errRefused)
			require.Equal(t, c.dialed, n.dialed)
		})
	}
}

func TestRaceWinnerOutlivesTheRace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, list := hosts(1)
		n := &network{places: map[string]place{"192.0.2.0:5222": {}}}
		ctx, cancel := context.WithCancel(t.Context())
		res := run(ctx, t, n, r, list...)
		cancel()
		synctest.Wait()
		require.NoError(t, res.err)
		require.Equal(t, int32(1), n.open.Load())
	})
}

func TestRaceSlowResolverHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, list := hosts(2)
		r.zones["ip h0"] = zone{after: -1}
		n := &network{places: map[string]place{"192.0.2.1:5222": {}}}
		res := run(t.Context(), t, n, r, list...)
		quiet(t, n, r)
		require.NoError(t, res.err)
		require.Equal(t, 250*ms, res.took)
		require.Equal(t, discover.Attempt{Endpoint: list[0], Step: "resolve", Err: discover.ErrLost}, res.attempts[0])
	})
}

func TestRaceNames(t *testing.T) {
	for name, c := range map[string]struct {
		host, dialed string
		resolver     *resolver
	}{
		"proxy":                 {"xmpp.example.org", "xmpp.example.org:5222", nil},
		"proxy, IDN":            {"bücher.example", "xn--bcher-kva.example:5222", nil},
		"proxy, IPv6":           {"[2001:db8::1]", "[2001:db8::1]:5222", nil},
		"IPv6 is not looked up": {"::1", "[::1]:5222", new(resolver)},
		"IDN":                   {"bücher.example", "192.0.2.1:5222", &resolver{zones: map[string]zone{"ip xn--bcher-kva.example": {addrs: ips("192.0.2.1")}}}},
	} {
		t.Run(name, func(t *testing.T) {
			n := &network{places: map[string]place{c.dialed: {}}}
			res := run(t.Context(), t, n, c.resolver, endpoint(c.host, 5222, false))
			require.NoError(t, res.err)
			require.Equal(t, []string{c.dialed}, n.dialed)
		})
	}
}

// TestRaceNilDialer connects really, and finds that the ready-made types fit.
func TestRaceNilDialer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	port := uint16(l.Addr().(*net.TCPAddr).Port)
	c, _, attempts, err := discover.Race(t.Context(), []discover.Endpoint{endpoint("127.0.0.1", port, false)}, net.DefaultResolver, nil,
		func(_ context.Context, c net.Conn, _ discover.Endpoint) (net.Conn, error) { return c, nil }, nil)
	require.NoError(t, err)
	require.Len(t, attempts, 1)
	require.NoError(t, c.Close())
	require.True(t, errors.Is(c.Close(), net.ErrClosed))
}
