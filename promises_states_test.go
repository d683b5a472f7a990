package xmpp_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// follows is the automaton of the states: what may come behind what.
var follows = map[xmpp.State][]xmpp.State{
	xmpp.Disconnected: {xmpp.Connecting, xmpp.Closed},
	xmpp.Connecting:   {xmpp.Connected, xmpp.Online, xmpp.Disconnected, xmpp.Closed},
	xmpp.Connected:    {xmpp.Connecting, xmpp.Online, xmpp.Disconnected, xmpp.Closed},
	xmpp.Online:       {xmpp.Reconnecting, xmpp.Closed},
	xmpp.Reconnecting: {xmpp.Online, xmpp.Closed},
	xmpp.Closed:       {},
}

// A witness looks at every event of a connection's life.
type witness struct {
	at     xmpp.State
	online int
	busy   atomic.Bool
	story  []string
	wrong  error
}

func (w *witness) see(s xmpp.StateChange) {
	if w.busy.Swap(true) {
		w.wrong = errors.New("two events at once")
	}
	time.Sleep(time.Millisecond) // the next one waits
	name := s.State.String()
	bad := true
	for _, next := range follows[w.at] {
		bad = bad && next != s.State
	}
	switch s.State {
	case xmpp.Online:
		// The first is neither; every later one is one of the two.
		if w.online++; s.Err != nil || s.Resumed && s.Reset || (w.online > 1) != (s.Resumed || s.Reset) {
			bad = true
		}
	case xmpp.Reconnecting, xmpp.Closed:
		bad = bad || s.Err == nil
	}
	w.story = append(w.story, fmt.Sprintf("%s resumed=%v reset=%v %v", name, s.Resumed, s.Reset, s.Err))
	if bad && w.wrong == nil {
		w.wrong = errors.New("what comes behind what")
	}
	w.at = s.State
	w.busy.Store(false)
}

// TestAThousandLives is R23 and R24: connections to which anything happens, in random order. Each tells its states one at a time and as the automaton has them, ends for a reason
// that is terminal or that somebody asked for, and goes on otherwise.
func TestAThousandLives(t *testing.T) {
	lives := setting(t, "XMPP_SOAK_LIVES", 500)
	const batch = 50
	var events, terminal, resumed, reset atomic.Int64
	t.Run("lives", func(t *testing.T) {
		for first := 0; first < lives; first += batch {
			t.Run(fmt.Sprint(first), func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) {
					srv := xmpptest.NewServer(t, fast(xmpptest.Options{NoArchive: true}))
					for n := first; n < first+batch && !t.Failed(); n++ {
						w := live(t, srv, fmt.Sprint("user", n), rand.New(rand.NewPCG(24, uint64(n))))
						require.NoError(t, w.wrong, "life %d: %s", n, strings.Join(w.story, "\n"))
						all := strings.Join(w.story, "\n")
						events.Add(int64(len(w.story)))
						resumed.Add(int64(strings.Count(all, "resumed=true")))
						reset.Add(int64(strings.Count(all, "reset=true")))
						if !strings.Contains(w.story[len(w.story)-1], xmpp.ErrClosed.Error()) {
							terminal.Add(1)
						}
					}
				})
			})
		}
	})
	require.Positive(t, terminal.Load())
	require.Positive(t, reset.Load())
	require.Positive(t, resumed.Load())
	figure(t, "R23", "%d random lives: %d ended by themselves, all for a cause that is terminal; no other cause ended one", lives, terminal.Load())
	figure(t, "R24", "%d random lives, %d events, %d resumed, %d reset: one at a time, in the automaton's order, each with exactly one Closed at its end", lives, events.Load(), resumed.Load(), reset.Load())
}

// live lets up to twenty things happen to a connection, then ends it.
func live(t *testing.T, srv *xmpptest.Server, user string, rng *rand.Rand) *witness {
	c := offline(t, srv, user, inTheClear(srv), func(cfg *xmpp.ConnectionConfiguration) { cfg.DisableRoster = rng.IntN(2) == 0 })
	w := &witness{}
	c.OnState(w.see)
	final := false // somebody said something after which it has to end
	for range 1 + rng.IntN(20) {
		switch rng.IntN(12) {
		case 0, 1, 2:
			_ = c.Login(t.Context(), "", "")
		case 3:
			_ = c.Connect(t.Context())
		case 4, 5:
			srv.Drop(user)
		case 6:
			srv.Kick(user, []stanza.StreamCondition{stanza.StreamPolicyViolation, stanza.StreamHostUnknown, stanza.StreamReset, stanza.StreamSystemShutdown}[rng.IntN(4)])
		case 7:
			srv.Dialer().Refuse(rng.IntN(3))
		case 8:
			srv.Forget(user)
			srv.Drop(user)
		case 9:
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rng.IntN(1000)))
			_ = c.Login(ctx, "", "")
			cancel()
		case 10:
			cut := xmpptest.Faults{CutAfterWrite: 1 + rng.Int64N(2000)}
			srv.Next(func(conn *xmpptest.Conn) { conn.SetFaults(cut) })
		case 11:
			if rng.IntN(6) > 0 {
				break
			}
			switch rng.IntN(3) {
			case 0:
				if c.State() == xmpp.Online && len(srv.Connections(user)) > 0 {
					srv.Kick(user, stanza.StreamConflict)
					final = true
				}
			case 1:
				_ = srv.AddAccount(user, "another")
				srv.Drop(user)
				final = final || c.State() == xmpp.Online || c.State() == xmpp.Reconnecting
			case 2:
				go c.Shutdown(t.Context())
				final = true
			}
		}
		pass(time.Duration(rng.IntN(100)) * 100 * time.Millisecond)
		if c.State() == xmpp.Closed && !final {
			t.Errorf("closed because of %v: %s", c.Err(), strings.Join(w.story, "\n"))
		}
	}
	srv.Dialer().Refuse(0)
	pass(5 * time.Minute)
	switch err := c.Err(); {
	case final:
		require.Equal(t, xmpp.Closed, c.State(), strings.Join(w.story, "\n"))
		require.True(t, errors.Is(err, xmpp.ErrClosed) || errors.Is(err, xmpp.ErrReplaced) || errors.Is(err, sasl.NotAuthorized), "%v", err)
	case w.online > 0:
		require.Equal(t, xmpp.Online, c.State(), "it comes back: %s", strings.Join(w.story, "\n"))
	}
	require.NoError(t, c.Close())
	pass(time.Second)
	require.Equal(t, xmpp.Closed, w.at)
	return w
}
