package xmpp_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// A cutter dials connections that break behind a random number of bytes, as often as it has cuts.
type cutter struct {
	xmpp.Dialer
	mean int // bytes between cuts
	mu   sync.Mutex
	rng  *rand.Rand
	cuts int
}

var errCable = errors.New("the cable was cut")

func (d *cutter) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.Dialer.DialContext(ctx, network, address)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil || d.cuts == 0 {
		return conn, err
	}
	d.cuts--
	c := &cable{Conn: conn, left: 2000 + d.rng.IntN(2*d.mean)}
	if d.rng.IntN(2) == 0 {
		c.sinks = d.rng.IntN(4000) // else all that was written arrives
	}
	return c, nil
}

func (d *cutter) left() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cuts
}

// A cable breaks behind so many bytes of both directions, in the middle of whatever is under way. What was written within the
// last ones never arrives, as it happens to what a kernel has taken.
type cable struct {
	net.Conn
	mu          sync.Mutex
	left, sinks int
}

// spend returns how many of n bytes go through, and how many of those arrive.
func (c *cable) spend(n int) (pass, arrive int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n < c.left {
		pass = n
	} else {
		pass, err = c.left, errCable
	}
	arrive = max(0, min(pass, c.left-c.sinks))
	c.left -= pass
	return pass, arrive, err
}

func (c *cable) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	n, _, cut := c.spend(n)
	if cut != nil {
		_ = c.Conn.Close()
		return n, cut
	}
	return n, err
}

func (c *cable) Write(p []byte) (int, error) {
	n, arrive, cut := c.spend(len(p))
	if arrive > 0 {
		if k, err := c.Conn.Write(p[:arrive]); err != nil {
			return k, err
		}
	}
	if cut != nil {
		_ = c.Conn.Close()
	}
	return n, cut
}

// setting is a number that the environment may raise.
func setting(t *testing.T, name string, usual int) int {
	text := os.Getenv(name)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, name)
	return n
}

// TestNothingIsLostOrDoubled is R01: messages both ways over connections that break at random places. `make soak` runs more seeds.
func TestNothingIsLostOrDoubled(t *testing.T) {
	messages, cuts := setting(t, "XMPP_SOAK_MESSAGES", 10_000), setting(t, "XMPP_SOAK_CUTS", 200)
	seeds := setting(t, "XMPP_SOAK_SEEDS", 5)
	var resumptions atomic.Int64
	t.Run("seed", func(t *testing.T) {
		for seed := range seeds {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) { resumptions.Add(lossless(t, uint64(seed), messages, cuts)) })
			})
		}
	})
	figure(t, "R01", "%d messages each way and %d cuts at each end, %d seeds, %d resumptions: 0 lost, 0 doubled, order kept, counters equal", messages, cuts, seeds, resumptions.Load())
}

func lossless(t *testing.T, seed uint64, messages, cuts int) (resumptions int64) {
	srv := xmpptest.NewServer(t, nil)
	var ends [2]*xmpp.Connection
	var cutters [2]*cutter
	var got [2]<-chan *stanza.Message
	var resumed, reset record[xmpp.StateChange]
	for i, user := range []string{"romeo", "juliet"} {
		// A message costs about 450 bytes, both ways together.
		d := &cutter{Dialer: srv.Dialer(), cuts: cuts, mean: 350 * messages / cuts, rng: rand.New(rand.NewPCG(seed, uint64(i)))}
		c := managed(t, srv, user, func(cfg *xmpp.ConnectionConfiguration) { cfg.Dialer = d })
		c.OnState(func(s xmpp.StateChange) {
			switch {
			case s.Resumed:
				resumed.add(s)
			case s.Reset:
				reset.add(s)
			}
		})
		ends[i], cutters[i], got[i] = c, d, c.ChatManager().Messages(t.Context())
	}
	for i, c := range ends {
		to := ends[1-i].User().Bare()
		pace := rand.New(rand.NewPCG(seed, uint64(2+i)))
		go func() {
			for n, burst := 0, 0; n < messages; burst-- {
				if burst == 0 {
					burst = 1 + pace.IntN(20)
					// While it is away less must gather than the next connection carries, or it gets nowhere.
					select {
					case <-time.After(time.Duration(burst) * 2 * time.Second): // virtual
					case <-t.Context().Done():
						return
					}
				}
				if err := c.Send(t.Context(), &stanza.Message{To: to, Type: stanza.MessageChat, Body: fmt.Sprint(n)}); err != nil {
					t.Error(err)
					return
				}
				n++
			}
		}()
	}
	var wg sync.WaitGroup
	for i := range ends {
		wg.Go(func() {
			for n := range messages {
				select {
				case m := <-got[i]:
					if m.Body != fmt.Sprint(n) {
						t.Errorf("end %d receives %s, not %d", i, m.Body, n)
						return
					}
				case <-time.After(time.Hour):
					t.Errorf("end %d waits for message %d: %+v", i, n, ends[1-i].Stats())
					return
				}
			}
		})
	}
	wg.Wait()
	for i, c := range ends {
		balanced(t, srv, c, messages)
		select {
		case m := <-got[i]:
			t.Errorf("end %d receives one more: %v", i, m)
		default:
		}
		require.Less(t, cutters[i].left(), cuts/10, "there was enough to cut")
	}
	require.Greater(t, len(resumed.list()), cuts)
	t.Logf("%d messages each way, %d resumptions, %d new sessions: 0 lost, 0 doubled", messages, len(resumed.list()), len(reset.list()))
	return int64(len(resumed.list()))
}

// balanced looks whether the client and the server count the same when nothing is under way any more.
func balanced(t *testing.T, srv *xmpptest.Server, c *xmpp.Connection, sent int) {
	t.Helper()
	pass(10 * time.Minute) // whatever would still come
	require.Equal(t, xmpp.Online, c.State())
	stats := c.Stats()
	require.Zero(t, stats.Outbox+stats.Unacked+stats.Waiting, "%+v", stats)
	require.EqualValues(t, sent, stats.Acked)
	raw(srv, c.User().Local(), "<r xmlns='urn:xmpp:sm:3'/>")
	settle()
	sessions := srv.Sessions(c.User().Local())
	require.Len(t, sessions, 1, "nothing waits to be resumed")
	require.Equal(t, sessions[0].Sent, sessions[0].Acked, "the client counts what the server counts")
}
