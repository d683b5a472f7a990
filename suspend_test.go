package xmpp_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// keeping is a connection with this store.
func keeping(store xmpp.Store) with {
	return func(cfg *xmpp.ConnectionConfiguration) { cfg.Store = store }
}

// written records what a connection writes.
func written(r *record[string]) with {
	return func(cfg *xmpp.ConnectionConfiguration) {
		cfg.Trace = func(e xmpp.TraceEvent) {
			if e.Out {
				r.add(string(e.Data))
			}
		}
	}
}

// A suspended session goes on in another process: what was not acknowledged is written again byte for byte, what waited follows, what was
// not handled comes again, and nothing else does.
func TestSuspend(t *testing.T) {
	for name, opts := range map[string]*xmpptest.Options{"SASL": nil, "SASL2": {Bind2: true}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, opts)
				store := xmpp.NewMemoryStore()
				juliet := managed(t, srv, "juliet")
				got := texts(juliet)
				var first, second record[string]
				c := managed(t, srv, "romeo", keeping(store), written(&first))
				user := c.User()
				in, block := new(record[string]), make(chan struct{})
				c.OnMessage(func(ctx context.Context, m *stanza.Message) {
					if m.Body == "7" {
						<-block
					}
					in.add(m.Body)
				})
				for i := range 10 {
					require.NoError(t, juliet.Send(t.Context(), &stanza.Message{To: user, Body: fmt.Sprint(i)}))
				}
				settle()
				srv.Connections("romeo")[0].Stall(true, false) // it leaves us, and nobody reads it
				var acks []*xmpp.Ack
				for i := range 5 {
					acks = append(acks, must(c.Submit(t.Context(), text(fmt.Sprint(i)))))
				}
				settle()
				srv.Dialer().Refuse(-1)
				srv.Drop("romeo")
				settle()
				acks = append(acks, must(c.Submit(t.Context(), text("5"))))
				go func() { time.Sleep(time.Second); close(block) }() // virtual
				require.NoError(t, c.Suspend(t.Context()))
				requireClosed(t, c, xmpp.ErrClosed)
				require.NoError(t, c.Suspend(t.Context()))
				for _, a := range acks {
					require.ErrorIs(t, a.Err(), xmpp.ErrSuspended)
				}
				require.Equal(t, []string{"0", "1", "2", "3", "4", "5", "6", "7"}, in.list(), "the running handler ends")
				require.Empty(t, got.list())

				srv.Dialer().Refuse(0)
				var states record[xmpp.StateChange]
				var errs record[error]
				again := offline(t, srv, "romeo", keeping(store), written(&second), complaints(&errs))
				again.OnState(states.add)
				rest := texts(again)
				require.NoError(t, again.Login(t.Context(), "", ""))
				require.Equal(t, user, again.User())
				require.True(t, again.Roster().Loaded(), "it is a new process")
				pass(time.Minute)
				require.Equal(t, []string{"0", "1", "2", "3", "4", "5"}, got.list())
				require.Equal(t, []string{"8", "9"}, rest.list())
				require.Empty(t, errs.list())
				require.EqualValues(t, 1, again.Stats().Resumed)
				for _, s := range states.list() {
					require.Equal(t, s.State == xmpp.Online, s.Resumed)
				}
				requireSame(t, messagesIn(&first), messagesIn(&second))
				require.Empty(t, must(store.Get(t.Context(), "romeo@localhost/session")))
				balanced(t, srv, again, 6)
			})
		})
	}
}

func messagesIn(r *record[string]) (all []string) {
	for _, s := range r.list() {
		if len(s) > 8 && s[:8] == "<message" {
			all = append(all, s)
		}
	}
	return all
}

// requireSame looks whether the second process repeated the first one's messages.
func requireSame(t *testing.T, first, second []string) {
	t.Helper()
	require.NotEmpty(t, first)
	require.Equal(t, first, second[:len(first)])
}

// suspended leaves a session behind of which the server has handled two messages and not seen two more, and one that was never written.
func suspended(t *testing.T, srv *xmpptest.Server, store xmpp.Store) {
	t.Helper()
	c := managed(t, srv, "romeo", keeping(store))
	for i := range 5 {
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
		require.NoError(t, c.Send(t.Context(), text(fmt.Sprint(i))))
	}
	require.NoError(t, c.Suspend(t.Context()))
	srv.Dialer().Refuse(0)
}

// Where the session can't be taken up, what the server doesn't have is sent first, what nobody can tell about follows the policy, and what is too old
// is told (R04, R06, S183).
func TestSuspendedAndLost(t *testing.T) {
	const unknown, day = xmpptest.ResumeFailsWithoutCount, 24 * time.Hour
	for name, tt := range map[string]struct {
		resumption xmpptest.Resumption
		forget     bool
		after      time.Duration
		change     with
		want       []string
		reports    int // with all that are told of
		uncertain  int64
	}{
		"counted":         {xmpptest.ResumeFailsWithCount, false, 0, nil, []string{"0", "1", "2", "3", "4"}, 0, 0},
		"past its time":   {xmpptest.ResumeAllowed, false, 30 * time.Minute, nil, []string{"0", "1", "2", "3", "4"}, 0, 0},
		"not counted":     {unknown, false, 0, nil, []string{"0", "1", "0", "1", "2", "3", "4"}, 4, 4},
		"to be reported":  {unknown, false, 0, func(cfg *xmpp.ConnectionConfiguration) { cfg.Resend = xmpp.ReportUnknown }, []string{"0", "1", "4"}, 4, 0},
		"a day later":     {xmpptest.ResumeAllowed, true, day, nil, []string{"0", "1", "4"}, 4, 0},
		"without it":      {xmpptest.ResumeAllowed, false, 0, unmanaged, []string{"0", "1", "0", "1", "2", "3", "4"}, 4, 4},
		"a longer window": {unknown, false, day, func(cfg *xmpp.ConnectionConfiguration) { cfg.ResendWindow = 2 * day }, []string{"0", "1", "0", "1", "2", "3", "4"}, 4, 4},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, nil)
				juliet := managed(t, srv, "juliet")
				got := texts(juliet)
				store := xmpp.NewMemoryStore()
				suspended(t, srv, store)
				srv.SetStreamManagement(xmpptest.StreamManagement{Resumption: tt.resumption})
				pass(tt.after)
				if tt.forget {
					srv.Forget("romeo")
				}
				var errs record[error]
				var states record[xmpp.StateChange]
				changes := []with{keeping(store), complaints(&errs)}
				if tt.change != nil {
					changes = append(changes, tt.change)
				}
				c := offline(t, srv, "romeo", changes...)
				c.OnState(states.add)
				require.NoError(t, c.Login(t.Context(), "", ""))
				pass(time.Minute)
				require.Equal(t, tt.want, got.list())
				require.Len(t, errs.list(), tt.reports)
				require.Equal(t, tt.uncertain, c.Stats().Uncertain)
				require.Zero(t, c.Stats().Left)
				for _, s := range states.list() {
					require.False(t, s.Resumed)
				}
				require.Empty(t, must(store.Get(t.Context(), "romeo@localhost/session")))
			})
		})
	}
}

// What the next session would have decided about is decided by the next process.
func TestSuspendBetweenSessions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		got := texts(managed(t, srv, "juliet"))
		store := xmpp.NewMemoryStore()
		c := offline(t, srv, "romeo", keeping(store))
		failing := false
		c.Use(xmpp.Extension{Name: "x", Required: true, Start: func(context.Context, *xmpp.Session) error {
			if failing {
				return errors.New("not now")
			}
			return nil
		}})
		require.NoError(t, c.Login(t.Context(), "", ""))
		srv.Connections("romeo")[0].Stall(true, true)
		require.NoError(t, c.Send(t.Context(), text("one")))
		settle()
		failing = true
		srv.SetStreamManagement(xmpptest.StreamManagement{Resumption: xmpptest.ResumeFailsWithCount})
		srv.Drop("romeo")
		eventually(t, time.Minute, func() bool { return c.Stats().Left > 0 })
		require.NoError(t, c.Send(t.Context(), text("two")))
		require.NoError(t, c.Suspend(t.Context()))
		var errs record[error]
		again := managed(t, srv, "romeo", keeping(store), complaints(&errs))
		pass(time.Minute)
		require.Equal(t, []string{"one", "two"}, got.list())
		require.Empty(t, errs.list(), "the server said that it didn't have it")
		require.EqualValues(t, 1, again.Stats().Resent)
	})
}

// A suspended session is its account's: another one sends nothing of it and leaves it alone (S177). A login that fails does too.
func TestSuspendedIsTheAccounts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		got := texts(managed(t, srv, "juliet"))
		store := xmpp.NewMemoryStore()
		suspended(t, srv, store)
		before := must(store.Get(t.Context(), "romeo@localhost/session"))
		var out record[string]
		var errs record[error]
		c := offline(t, srv, "mercutio", keeping(store), written(&out), complaints(&errs))
		require.Error(t, c.Login(t.Context(), "romeo", "wrong"))
		require.NoError(t, c.Login(t.Context(), "mercutio", xmpp.Secret(srv.Password("mercutio"))))
		pass(time.Minute)
		require.NoError(t, c.Shutdown(t.Context()))
		require.Empty(t, messagesIn(&out))
		require.Empty(t, errs.list())
		wrong := offline(t, srv, "romeo", keeping(store), complaints(&errs))
		require.Error(t, wrong.Login(t.Context(), "romeo", "wrong"))
		require.NoError(t, wrong.Suspend(t.Context()))
		require.Empty(t, errs.list())
		require.Equal(t, before, must(store.Get(t.Context(), "romeo@localhost/session")))
		managed(t, srv, "romeo", keeping(store))
		settle()
		require.Equal(t, []string{"0", "1", "2", "3", "4"}, got.list())
	})
}

// Suspend says what the store could not do, and then ends as Close does; a login says it too, and a value that is damaged is told of.
func TestSuspendWithABrokenStore(t *testing.T) {
	const key = "romeo@localhost/session"
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		memory := xmpp.NewMemoryStore()
		var errs record[error]
		c := managed(t, srv, "romeo", keeping(&tappedStore{Store: memory, put: fails(key)}), complaints(&errs))
		srv.Dialer().Refuse(-1)
		srv.Drop("romeo")
		settle()
		require.NoError(t, c.Send(t.Context(), text("one")))
		err := c.Suspend(t.Context())
		require.ErrorIs(t, err, errStore)
		require.ErrorContains(t, err, "storing the session")
		requireClosed(t, c, xmpp.ErrClosed)
		require.Len(t, errs.list(), 1)
		srv.Dialer().Refuse(0)

		err = offline(t, srv, "romeo", keeping(&tappedStore{Store: memory, get: fails(key)})).Login(t.Context(), "", "")
		require.ErrorIs(t, err, errStore)
		require.ErrorContains(t, err, "suspended session")

		require.NoError(t, memory.Put(t.Context(), key, []byte("xmpp-sm\x01 and nothing more")))
		managed(t, srv, "romeo", keeping(memory), complaints(&errs))
		require.ErrorContains(t, errs.list()[1], "suspended session")
	})
}

// Suspend is over in its time, whatever the peer does, and from a callback; without stream management only what was never written is kept.
func TestSuspendAlways(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{BufferSize: -1})
		got := texts(managed(t, srv, "juliet"))
		store := xmpp.NewMemoryStore()
		c := managed(t, srv, "romeo", keeping(store))
		srv.Connections("romeo")[0].Stall(true, true)
		require.NoError(t, c.Send(t.Context(), text("deaf")))
		began := time.Now()
		require.NoError(t, c.Suspend(t.Context()))
		require.LessOrEqual(t, time.Since(began), 5*time.Second)

		c = managed(t, srv, "romeo", keeping(store))
		done := make(chan error, 1)
		c.OnMessage(func(ctx context.Context, _ *stanza.Message) { done <- c.Suspend(ctx) })
		raw(srv, "romeo", "<message from='juliet@localhost/x'><body>suspend</body></message>")
		require.NoError(t, <-done)

		c = managed(t, srv, "romeo", keeping(store), unmanaged)
		srv.Dialer().Refuse(-1)
		srv.Drop("romeo")
		settle()
		require.NoError(t, c.Send(t.Context(), text("waits")))
		require.NoError(t, c.Suspend(t.Context()))
		srv.Dialer().Refuse(0)
		managed(t, srv, "romeo", keeping(store), unmanaged)
		settle()
		require.Equal(t, []string{"deaf", "waits"}, got.list())
		require.NoError(t, offline(t, srv, "romeo").Suspend(t.Context()), "nobody is logged in")
	})
}

var errStore = errors.New("the disk is full")

// A tappedStore is one that fails where it is told to.
type tappedStore struct {
	xmpp.Store
	get, put, del func(key string) error
}

func (s *tappedStore) Get(ctx context.Context, key string) ([]byte, error) {
	if s.get != nil {
		if err := s.get(key); err != nil {
			return nil, err
		}
	}
	return s.Store.Get(ctx, key)
}

func (s *tappedStore) Put(ctx context.Context, key string, value []byte) error {
	if s.put != nil {
		if err := s.put(key); err != nil {
			return err
		}
	}
	return s.Store.Put(ctx, key, value)
}

func (s *tappedStore) Delete(ctx context.Context, key string) error {
	if s.del != nil {
		if err := s.del(key); err != nil {
			return err
		}
	}
	return s.Store.Delete(ctx, key)
}

func fails(which string) func(string) error {
	return func(key string) error {
		if key == which {
			return errStore
		}
		return nil
	}
}
