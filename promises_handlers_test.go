package xmpp_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// TestHandlersMayDoAnything is R17: handlers request, wait, send, panic and close, a thousand times, with more messages behind each; none takes longer than 5 s.
func TestHandlersMayDoAnything(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const iterations = 1000
		srv := xmpptest.NewServer(t, fast(xmpptest.Options{NoArchive: true}))
		panics := new(record[any])
		juliet := managed(t, srv, "juliet", inTheClear(srv))
		juliet.Handle(xmpp.OnGet(func(context.Context, uptimeQuery, *stanza.IQ) (any, error) { return uptime{Seconds: 7}, nil }))
		c := managed(t, srv, "romeo", inTheClear(srv), func(cfg *xmpp.ConnectionConfiguration) {
			cfg.OnPanic = func(v any, _ []byte) { panics.add(v) }
		})
		heard, failed := new(record[string]), new(record[error])
		to := juliet.User()
		turn := -1
		c.OnMessage(func(ctx context.Context, m *stanza.Message) {
			turn++
			began := time.Now()
			defer func() { assert.LessOrEqual(t, time.Since(began), 5*time.Second) }()
			var err error
			switch turn % 6 {
			case 0: // a request whose answer is behind all the messages that wait
				err = c.Get(ctx, to, uptimeQuery{}, new(uptime))
			case 1:
				err = c.Send(ctx, text("x"))
			case 2:
				var ack *xmpp.Ack
				if ack, err = c.Submit(ctx, text("x")); err == nil {
					err = ack.Wait(ctx)
				}
			case 3:
				heard.add(m.Body)
				panic(turn)
			case 4:
				xmpp.Async(ctx)
				err = c.Get(ctx, to, uptimeQuery{}, new(uptime))
			case 5: // itself, at once: what is behind it in the line waits
				err = c.Roster().Add(ctx, srv.Address("juliet"), m.Body)
			}
			heard.add(m.Body)
			if err != nil {
				failed.add(err)
			}
		})
		settle()
		raw(srv, "romeo", flood(iterations, 10)) // past the soft bound: the answers are read all the same
		eventually(t, iterations*5*time.Second, func() bool { return len(heard.list()) >= iterations })
		require.Len(t, panics.list(), (iterations+2)/6)
		require.Empty(t, failed.list())

		const ends = 100 // from a handler, with messages behind it
		for n := range ends {
			user := fmt.Sprint("user", n)
			c := managed(t, srv, user, inTheClear(srv))
			c.OnMessage(func(ctx context.Context, _ *stanza.Message) {
				if n%2 == 0 {
					_ = c.Close()
				} else {
					_ = c.Shutdown(ctx)
				}
			})
			began := time.Now()
			raw(srv, user, flood(10, 10))
			<-c.Done()
			require.LessOrEqual(t, time.Since(began), 5*time.Second)
		}
		figure(t, "R17", "%d handlers that request, send, wait for an acknowledgement, panic, step aside, change the roster, and %d that close: no deadlock", iterations, ends)
	})
}

// TestAHandlerThatAwaitsItsAck is R17 where the acknowledgement stands behind more than may wait: past the soft bound it is read all the same, past the hard one the waiting ends.
func TestAHandlerThatAwaitsItsAck(t *testing.T) {
	for burst, timeouts := range map[int]bool{1000: false, 6000: true} {
		bubble(t, func(t *testing.T) {
			srv := xmpptest.NewServer(t, fast(xmpptest.Options{NoArchive: true}))
			managed(t, srv, "juliet", inTheClear(srv))
			c := managed(t, srv, "romeo", inTheClear(srv))
			var got atomic.Int64
			late := new(record[error])
			c.OnMessage(func(ctx context.Context, m *stanza.Message) {
				if got.Add(1) > 1 {
					return
				}
				time.Sleep(time.Second) // the burst is there before the question
				ack, err := c.Submit(ctx, text("x"))
				assert.NoError(t, err)
				if err := ack.Wait(ctx); err != nil {
					late.add(err)
				}
			})
			settle()
			raw(srv, "romeo", flood(burst, 0))
			eventually(t, 2*time.Minute, func() bool { return got.Load() == int64(burst) })
			require.Equal(t, timeouts, len(late.list()) > 0)
			if timeouts {
				require.ErrorIs(t, late.list()[0], xmpp.ErrTimeout)
			}
			eventually(t, time.Minute, func() bool { return c.Stats().Unacked == 0 })
		})
	}
}

// TestCancelledSends is R18: whoever hears from Send that its context ended can be sure that the stanza was not sent, and who hears nil that it was; the stream stays whole.
func TestCancelledSends(t *testing.T) {
	sends := setting(t, "XMPP_SOAK_SENDS", 25_000)
	bubble(t, func(t *testing.T) {
		const senders = 2500 // more than there is room for, so that most have to wait
		srv := xmpptest.NewServer(t, fast(xmpptest.Options{BufferSize: 1 << 10, NoArchive: true}))
		var arrived sync.Map
		var count atomic.Int64
		srv.Intercept(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element {
			if e.Local() != "message" {
				return []stanza.Element{e}
			}
			if _, again := arrived.LoadOrStore(e.Attr("id"), true); again {
				t.Errorf("%s arrives twice", e.Attr("id"))
			}
			if count.Add(1)%100 == 0 {
				time.Sleep(10 * time.Millisecond) // 10 000 a second
			}
			return nil
		})
		c := managed(t, srv, "romeo", inTheClear(srv))
		var cancelled, accepted record[string]
		var wg sync.WaitGroup
		for sender := range senders {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(18, uint64(sender)))
				for n := range sends / senders {
					m := text("x")
					m.ID = fmt.Sprint(sender, "-", n)
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rng.Int64N(int64(400*time.Millisecond))))
					if yields := rng.IntN(200); n%2 == 0 {
						// Virtual time stands still while anything runs; this one is cancelled in the middle of it.
						go func() {
							for range yields {
								runtime.Gosched()
							}
							cancel()
						}()
					}
					switch err := c.Send(ctx, m); {
					case err == nil:
						accepted.add(m.ID)
					case ctx.Err() != nil && errors.Is(err, ctx.Err()):
						cancelled.add(m.ID)
					default:
						t.Error(err)
					}
					cancel()
				}
			})
		}
		wg.Wait()
		eventually(t, time.Hour, func() bool { s := c.Stats(); return s.Outbox+s.Unacked == 0 })
		for _, id := range cancelled.all {
			_, sent := arrived.Load(id)
			require.False(t, sent, "%s was cancelled", id)
		}
		for _, id := range accepted.all {
			_, sent := arrived.Load(id)
			require.True(t, sent, "%s was accepted", id)
		}
		require.Equal(t, 1, srv.Dialer().Dials(), "the stream is whole")
		require.Greater(t, len(cancelled.all), sends/20)
		require.Greater(t, len(accepted.all), sends/20)
		figure(t, "R18", "%d sends with random time limits: %d accepted, all of which arrived, %d cancelled, none of which did", len(cancelled.all)+len(accepted.all), len(accepted.all), len(cancelled.all))
	})
}

// A moody context ends when it is asked for the nth time whether it has.
type moody struct {
	context.Context
	left atomic.Int32
	done chan struct{}
}

func (m *moody) ask() {
	if m.left.Add(-1) == 0 {
		close(m.done)
	}
}

func (m *moody) Done() <-chan struct{} { m.ask(); return m.done }

func (m *moody) Err() error {
	if m.ask(); m.left.Load() <= 0 {
		return context.Canceled
	}
	return nil
}

// TestCancelledBetweenTheLines is R18 at each place where a send looks at its context.
func TestCancelledBetweenTheLines(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, fast(xmpptest.Options{NoArchive: true}))
		got := texts(managed(t, srv, "juliet", inTheClear(srv)))
		c := managed(t, srv, "romeo", inTheClear(srv))
		var want []string
		for n := range 10 {
			ctx := &moody{Context: t.Context(), done: make(chan struct{})}
			ctx.left.Store(int32(n + 1))
			m := text(fmt.Sprint(n))
			if err := c.Send(ctx, m); err == nil {
				want = append(want, m.Body)
			} else {
				require.ErrorIs(t, err, context.Canceled)
			}
		}
		pass(10 * time.Second)
		require.Equal(t, want, got.list())
		require.NotEmpty(t, want)
		require.Less(t, len(want), 10)
	})
}
