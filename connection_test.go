package xmpp_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

func TestMainJob(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		juliet := online(t, srv, "juliet")
		messages := juliet.ChatManager().Messages(t.Context())
		romeo := offline(t, srv, "romeo")
		require.NoError(t, romeo.Connect(t.Context()))
		require.NoError(t, romeo.Login(t.Context(), "romeo", xmpp.Secret(srv.Password("romeo"))))
		require.Equal(t, srv.Address("romeo"), romeo.User().Bare())
		require.True(t, romeo.User().IsFull())
		require.NoError(t, romeo.ChatManager().CreateChat(srv.Address("juliet")).SendMessage(t.Context(), "Hello word!"))
		m := <-messages
		require.Equal(t, "Hello word!", m.Body)
		require.Equal(t, romeo.User(), m.From)
	})
}

// A life is what is done to a connection and the states that it shows.
func TestLives(t *testing.T) {
	wrong := xmpp.Secret("wrong")
	tests := map[string]struct {
		live func(t *testing.T, srv *xmpptest.Server, c *xmpp.Connection)
		want []string
	}{
		"closed at once": {func(t *testing.T, _ *xmpptest.Server, c *xmpp.Connection) {}, []string{"closed"}},
		"step by step": {func(t *testing.T, _ *xmpptest.Server, c *xmpp.Connection) {
			require.NoError(t, c.Connect(t.Context()))
			require.Equal(t, xmpp.Connected, c.State())
			require.ErrorIs(t, c.Connect(t.Context()), xmpp.ErrState)
			require.NoError(t, c.Login(t.Context(), "", ""))
			require.Equal(t, xmpp.Online, c.State())
			require.ErrorIs(t, c.Login(t.Context(), "", ""), xmpp.ErrState)
			require.ErrorIs(t, c.Connect(t.Context()), xmpp.ErrState)
			require.ErrorIs(t, c.Run(t.Context()), xmpp.ErrState)
		}, []string{"connecting", "connected", "online", "closed"}},
		"Login dials": {func(t *testing.T, _ *xmpptest.Server, c *xmpp.Connection) {
			require.NoError(t, c.Login(t.Context(), "", ""))
		}, []string{"connecting", "online", "closed"}},
		"failed logins": {func(t *testing.T, _ *xmpptest.Server, c *xmpp.Connection) {
			require.Error(t, c.Login(t.Context(), "romeo", wrong))
			require.Equal(t, xmpp.Disconnected, c.State())
			require.NoError(t, c.Connect(t.Context()))
			require.Error(t, c.Login(t.Context(), "romeo", wrong))
			require.ErrorIs(t, c.Send(t.Context(), &stanza.Message{Body: "x"}), xmpp.ErrNotConnected)
			require.NoError(t, c.Login(t.Context(), "", ""))
		}, []string{"connecting", "disconnected", "connecting", "connected", "disconnected", "connecting", "online", "closed"}},
		"failed Connect": {func(t *testing.T, srv *xmpptest.Server, c *xmpp.Connection) {
			srv.Dialer().Refuse(1)
			require.Error(t, c.Connect(t.Context()))
			require.NoError(t, c.Connect(t.Context()))
		}, []string{"connecting", "disconnected", "connecting", "connected", "closed"}},
		"lost": {func(t *testing.T, srv *xmpptest.Server, c *xmpp.Connection) {
			require.NoError(t, c.Login(t.Context(), "", ""))
			for range 2 {
				srv.Drop("romeo")
				settle()
				require.Equal(t, xmpp.Reconnecting, c.State())
				require.ErrorIs(t, c.Login(t.Context(), "", ""), xmpp.ErrState)
				eventually(t, time.Minute, func() bool { return c.State() == xmpp.Online })
			}
		}, []string{"connecting", "online", "reconnecting", "online reset", "reconnecting", "online reset", "closed"}},
		"bad arguments": {func(t *testing.T, srv *xmpptest.Server, c *xmpp.Connection) {
			for _, user := range []string{"a@b@c", "romeo@elsewhere.example", "\x00", "@localhost", "a b@localhost"} {
				var bad *xmpp.ConfigError
				require.ErrorAs(t, c.Login(t.Context(), user, "x"), &bad, user)
				require.Equal(t, "user", bad.Field)
			}
			var bad *xmpp.ConfigError
			require.ErrorAs(t, c.Login(t.Context(), "romeo", "a\x00b"), &bad)
			require.Equal(t, "password", bad.Field)
			require.NotContains(t, bad.Error(), "a\x00b")
			require.Zero(t, srv.Dialer().Dials())
		}, []string{"closed"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, &xmpptest.Options{NoStreamManagement: true})
				c := offline(t, srv, "romeo")
				seen := states(c)
				tt.live(t, srv, c)
				require.NoError(t, c.Close())
				settle()
				require.Equal(t, tt.want, seen.list())
				requireClosed(t, c, xmpp.ErrClosed)
			})
		})
	}
}

// requireClosed checks that a closed connection refuses everything and says why.
func requireClosed(t *testing.T, c *xmpp.Connection, cause error) {
	t.Helper()
	<-c.Done()
	require.Equal(t, xmpp.Closed, c.State())
	require.ErrorIs(t, c.Err(), cause)
	require.NoError(t, c.Close())
	peer := jid.MustParse("juliet@localhost")
	_, submitErr := c.Submit(t.Context(), &stanza.Message{To: peer})
	for i, err := range []error{
		c.Connect(t.Context()), c.Login(t.Context(), "", ""), c.Run(t.Context()), submitErr,
		c.Send(t.Context(), &stanza.Message{To: peer}), c.TrySend(t.Context(), &stanza.Message{To: peer}),
		c.Send(t.Context(), &stanza.Presence{To: peer}), c.PresenceManager().Set(t.Context(), &stanza.Presence{}),
		c.Get(t.Context(), peer, must(stanza.Parse("<q xmlns='urn:x'/>")), nil), c.Roster().Add(t.Context(), peer, ""),
		c.SendNonza(t.Context(), must(stanza.Parse("<x xmlns='urn:x'/>"))), c.Deliver(t.Context(), &stanza.Message{}),
	} {
		require.ErrorIs(t, err, xmpp.ErrClosed, "call %d", i)
		require.True(t, xmpp.SafeToRetry(err), "call %d", i)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := offline(t, srv, "romeo")
		ctx, cancel := context.WithCancelCause(t.Context())
		ran := make(chan error)
		go func() { ran <- c.Run(ctx) }()
		eventually(t, time.Second, func() bool { return c.State() == xmpp.Online })
		require.ErrorIs(t, c.Login(t.Context(), "", ""), xmpp.ErrState)
		require.ErrorIs(t, c.Run(t.Context()), xmpp.ErrState)
		srv.Drop("romeo")
		eventually(t, time.Minute, func() bool { return c.State() == xmpp.Online })
		cancel(errors.New("the user wants to go home"))
		require.NoError(t, <-ran)
		requireClosed(t, c, xmpp.ErrClosed)
	})
}

func TestRunEndsWithItsFirstLogin(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		srv.Dialer().Refuse(1) // this would go away by itself, but nobody has seen it work yet
		c := offline(t, srv, "romeo")
		var failed *xmpp.ConnectError
		require.ErrorAs(t, c.Run(t.Context()), &failed)
		require.Equal(t, 1, srv.Dialer().Dials())
		go func() { _ = c.Run(t.Context()) }() // and it may be tried again
		eventually(t, time.Second, func() bool { return c.State() == xmpp.Online })
	})
}

func TestLoginObeysItsContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		srv.Dialer().BlackHole(-1)
		c := offline(t, srv, "romeo")
		for _, call := range []func(context.Context) error{c.Connect, c.Run, func(ctx context.Context) error { return c.Login(ctx, "", "") }} {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			began := time.Now()
			require.ErrorIs(t, call(ctx), context.DeadlineExceeded)
			require.Equal(t, 3*time.Second, time.Since(began))
			cancel()
		}
	})
}

// At step k the server falls silent, for every k.
func TestSilentServer(t *testing.T) {
	for n := int64(1); n < 4000; n += 331 {
		t.Run(fmt.Sprint("after ", n), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, nil)
				srv.Next(func(c *xmpptest.Conn) { c.SetFaults(xmpptest.Faults{StallAfterWrite: n, Wire: true}) })
				c := offline(t, srv, "romeo")
				ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
				defer cancel()
				began := time.Now()
				err := c.Login(ctx, "", "")
				if err == nil {
					require.Greater(t, n, int64(3000), "the server was not silent early enough for this test")
					return
				}
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Equal(t, 7*time.Second, time.Since(began))
				require.Equal(t, xmpp.Disconnected, c.State())
				require.NoError(t, c.Login(t.Context(), "", ""))
			})
		})
	}
}

func TestSilentServerWithoutDeadline(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		srv.Next(func(c *xmpptest.Conn) { c.Stall(true, true) })
		c := offline(t, srv, "romeo")
		began := time.Now()
		require.ErrorContains(t, c.Login(t.Context(), "", ""), "does not answer")
		require.Equal(t, 30*time.Second, time.Since(began))
	})
}
