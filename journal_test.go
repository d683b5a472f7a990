package xmpp_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/xmpptest"
)

// outbox is what the store has of romeo's messages.
func outbox(t *testing.T, store xmpp.Store) []string {
	return keys(t, store, "romeo@localhost/outbox/")
}

// A message is in the store before Send returns and before it is written, and out of it when it was acknowledged. Those that are sent at the same
// time share a write.
func TestDurable(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		got := texts(managed(t, srv, "juliet"))
		slow := &tappedStore{Store: xmpp.NewMemoryStore()}
		c := managed(t, srv, "romeo", durable(slow))
		settle()
		puts := 0
		slow.put = func(key string) error {
			if strings.Contains(key, "/outbox/") {
				time.Sleep(time.Second) // virtual
				puts++
			}
			return nil
		}
		sent := make(chan error, 1)
		go func() { sent <- c.Send(t.Context(), text("0")) }()
		pass(time.Second / 2)
		require.Empty(t, got.list(), "it is not in the store yet")
		require.Empty(t, sent)
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if err := c.Send(t.Context(), text(fmt.Sprint(i+1))); err != nil {
					t.Error(err)
				}
			})
		}
		pass(time.Second)
		require.NoError(t, <-sent)
		require.Equal(t, []string{"0"}, got.list())
		wg.Wait()
		require.Equal(t, 2, puts)
		settle()
		require.Len(t, got.list(), 21)
		pass(5 * time.Second)
		require.Empty(t, outbox(t, slow))
		require.Zero(t, c.Stats().Stored)
		require.NoError(t, c.Shutdown(t.Context()))
		require.NoError(t, managed(t, srv, "romeo", durable(slow)).Shutdown(t.Context()), "nothing is left to be sent")
		require.Len(t, got.list(), 21)
	})
}

// Where the store fails nothing was accepted and nothing is sent; the session goes on when it works again.
func TestDurableWithABrokenStore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		juliet := managed(t, srv, "juliet")
		got := texts(juliet)
		store := &tappedStore{Store: xmpp.NewMemoryStore()}
		var errs record[error]
		c := managed(t, srv, "romeo", durable(store), complaints(&errs))
		settle()
		var mu sync.Mutex
		broken := "/outbox/"
		store.put = func(key string) error {
			mu.Lock()
			defer mu.Unlock()
			if broken != "" && strings.Contains(key, broken) {
				return errStore
			}
			return nil
		}
		err := c.Send(t.Context(), text("one"))
		require.ErrorIs(t, err, errStore)
		require.ErrorContains(t, err, "storing the message")
		require.True(t, xmpp.SafeToRetry(err))
		ack, err := c.Submit(t.Context(), text("one"))
		require.ErrorIs(t, err, errStore)
		require.Nil(t, ack)
		settle()
		require.Empty(t, got.list())
		require.Len(t, errs.list(), 2)
		require.Zero(t, c.Stats().Outbox)

		mu.Lock()
		broken = "/session"
		mu.Unlock()
		raw(srv, "romeo", "<message from='juliet@localhost/x'><body>x</body></message><r xmlns='urn:xmpp:sm:3'/>")
		eventually(t, time.Minute, func() bool { return c.State() == xmpp.Reconnecting })
		require.ErrorContains(t, errs.list()[2], "storing the session")
		require.NoError(t, c.Send(t.Context(), text("two")))
		pass(time.Minute)
		require.Equal(t, xmpp.Reconnecting, c.State(), "no count is told that is not stored")
		mu.Lock()
		broken = ""
		mu.Unlock()
		eventually(t, 2*time.Minute, func() bool { return c.State() == xmpp.Online })
		pass(time.Minute)
		require.Equal(t, []string{"two"}, got.list())
		require.EqualValues(t, 1, c.Stats().Resumed)
	})
}

// What Close and Shutdown leave is sent by who comes next, whether that keeps its messages or not; so is what a process that kept none left to one that does.
func TestDurableIsHandedOn(t *testing.T) {
	const suspend, shutdown = 0, 1
	for name, tt := range map[string]struct {
		end         int
		first, next func(xmpp.Store) with
	}{
		"shut down":                      {shutdown, durable, durable},
		"suspended":                      {suspend, durable, durable},
		"to one that does":               {suspend, keeping, durable},
		"to one that doesn't, shut down": {shutdown, durable, keeping},
		"to one that doesn't, suspended": {suspend, durable, keeping},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, nil)
				got := texts(managed(t, srv, "juliet"))
				store := xmpp.NewMemoryStore()
				var errs record[error]
				c := managed(t, srv, "romeo", tt.first(store), complaints(&errs))
				var acks []*xmpp.Ack
				for i := range 6 {
					switch i {
					case 2:
						settle()
						srv.Connections("romeo")[0].Stall(true, true)
					case 4:
						settle()
						srv.Dialer().Refuse(-1)
						srv.Drop("romeo")
						settle()
					}
					acks = append(acks, must(c.Submit(t.Context(), text(fmt.Sprint(i)))))
				}
				if tt.end == shutdown {
					require.NoError(t, c.Shutdown(t.Context()))
				} else {
					require.NoError(t, c.Suspend(t.Context()))
				}
				require.ErrorIs(t, acks[3].Err(), xmpp.ErrSuspended)
				require.ErrorIs(t, acks[5].Err(), xmpp.ErrSuspended)
				require.NoError(t, c.Close())
				srv.Dialer().Refuse(0)
				again := managed(t, srv, "romeo", tt.next(store), complaints(&errs))
				require.NoError(t, again.Send(t.Context(), text("6")))
				pass(time.Minute)
				require.Equal(t, []string{"0", "1", "2", "3", "4", "5", "6"}, got.list())
				require.Empty(t, errs.list())
				require.Empty(t, outbox(t, store))
				require.EqualValues(t, 1, again.Stats().Resumed)
			})
		})
	}
}

// What Durable needs is a store that is more than memory of the connection's own.
func TestDurableNeedsAStore(t *testing.T) {
	_, err := xmpp.NewConnection(&xmpp.ConnectionConfiguration{Domain: "localhost", Durable: true})
	var config *xmpp.ConfigError
	require.ErrorAs(t, err, &config)
	require.Equal(t, "Durable", config.Field)
}

// Damage in the store is told of, and costs no more than what is damaged.
func TestDamagedJournal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		got := texts(managed(t, srv, "juliet"))
		store := xmpp.NewMemoryStore()
		c := managed(t, srv, "romeo", durable(store))
		srv.Dialer().Refuse(-1)
		srv.Drop("romeo")
		settle()
		for i := range 3 {
			require.NoError(t, c.Send(t.Context(), text(fmt.Sprint(i))))
		}
		require.NoError(t, c.Close())
		srv.Dialer().Refuse(0)
		all := outbox(t, store)
		require.Len(t, all, 3)
		require.NoError(t, store.Put(t.Context(), all[1], []byte("rotten")))
		var errs record[error]
		managed(t, srv, "romeo", durable(store), complaints(&errs))
		pass(time.Minute)
		require.Equal(t, []string{"0", "2"}, got.list())
		require.ErrorContains(t, errs.list()[0], all[1])
	})
}
