package xmpp_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// An unread channel counts to the bounds and stalls its connection, visibly, until its context ends.
func TestUnreadChannel(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{BufferSize: 1 << 10})
		c := online(t, srv, "romeo")
		slow := new(record[xmpp.SlowConsumer])
		c.OnSlowConsumer(slow.add)
		got := texts(c)
		ctx, cancel := context.WithCancel(t.Context())
		unread := c.ChatManager().Messages(ctx)
		raw(srv, "romeo", flood(1000, 100))
		pass(6 * time.Second)
		require.InDelta(t, 256, c.Stats().Waiting, 1)
		require.InDelta(t, 256, len(got.list()), 1, "callbacks went on that far")
		require.Len(t, slow.list(), 1)
		require.Zero(t, slow.list()[0].Handler, "no callback runs: a channel is not read")
		for i := range 100 {
			require.Equal(t, fmt.Sprint(i), number((<-unread).Body))
		}
		settle()
		require.InDelta(t, 356, len(got.list()), 1)
		cancel()
		settle()
		require.Len(t, got.list(), 1000)
		require.Zero(t, c.Stats().Waiting)
		_, open := <-unread
		require.False(t, open)
	})
}

// Channels are closed when their context ends or the connection is closed for good, not on a reconnection.
func TestChannelsClose(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := online(t, srv, "romeo")
		ctx, cancel := context.WithCancel(t.Context())
		short, long := c.Messages(ctx), c.Messages(context.Background())
		all := []func() bool{
			ends(long), ends(c.MessageErrors(context.Background())), ends(c.ChatManager().Messages(context.Background())),
			ends(c.ChatManager().SentMessages(context.Background())), ends(c.ChatManager().CreateChat(juliet).Messages(context.Background())),
			ends(c.Roster().Changes(context.Background())), ends(c.Roster().PresenceChanges(context.Background())), ends(c.Roster().Requests(context.Background())),
			ends(c.PresenceManager().Presences(context.Background())), ends(xmpp.NewFeed[int](c).Chan(context.Background())),
		}
		cancel()
		_, open := <-short
		require.False(t, open)
		srv.Drop("romeo")
		eventually(t, time.Minute, func() bool { return c.State() == xmpp.Online })
		raw(srv, "romeo", "<message from='juliet@localhost'><body>still here</body></message>")
		require.Equal(t, "still here", (<-long).Body)
		require.NoError(t, c.Close())
		for _, ended := range all {
			require.True(t, ended())
		}
		_, open = <-c.Messages(t.Context())
		require.False(t, open, "on a closed connection")
		_, open = <-c.States(t.Context())
		require.False(t, open)
	})
}

func ends[T any](ch <-chan T) func() bool {
	return func() bool {
		for range ch {
		}
		return true
	}
}

// State feeds keep the newest of each key; message feeds keep all.
func TestCoalescing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := online(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) { cfg.Resource = "r" })
		settle()
		states := c.States(t.Context())
		presence, raws := c.Roster().PresenceChanges(t.Context()), c.PresenceManager().Presences(t.Context())
		messages := c.Messages(t.Context())
		const n = 200
		for i := range n {
			for _, who := range []string{"juliet@localhost/x", "nurse@localhost/y"} {
				raw(srv, "romeo", fmt.Sprintf("<presence from='%s'><status>%d</status></presence>", who, i))
			}
			raw(srv, "romeo", fmt.Sprintf("<message from='juliet@localhost'><body>%d</body></message>", i))
		}
		settle()
		require.InDelta(t, n, c.Stats().Waiting, 1, "only messages count")
		// One value may have been taken for the reader already, when it was the newest.
		newest := map[string]string{}
		for range 4 {
			select {
			case a := <-presence:
				newest[a.Address.String()] = a.Status
			case <-time.After(time.Second):
			}
		}
		require.Equal(t, map[string]string{"juliet@localhost/x": fmt.Sprint(n - 1), "nurse@localhost/y": fmt.Sprint(n - 1)}, newest)
		clearMap(newest)
		for range 4 {
			select {
			case p := <-raws:
				newest[p.From.String()] = p.Status
			case <-time.After(time.Second):
			}
		}
		require.Equal(t, fmt.Sprint(n-1), newest["nurse@localhost/y"])
		for i := range n {
			require.Equal(t, fmt.Sprint(i), (<-messages).Body)
		}
		srv.Drop("romeo")
		eventually(t, time.Minute, func() bool { return c.State() == xmpp.Online })
		require.Equal(t, xmpp.Reconnecting, (<-states).State, "it was on its way already")
		require.Equal(t, xmpp.Online, (<-states).State)
		require.NoError(t, c.Close())
		last := <-states
		require.Equal(t, xmpp.Closed, last.State)
		require.ErrorIs(t, last.Err, xmpp.ErrClosed)
		_, open := <-states
		require.False(t, open)
	})
}

func clearMap(m map[string]string) {
	for k := range m {
		delete(m, k)
	}
}

// stop may be called inside its callback, more than once, and waits for nobody.
func TestStop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := online(t, srv, "romeo")
		feed := xmpp.NewFeed[int](c)
		seen := new(record[string])
		var stop func()
		stop = feed.On(func(_ context.Context, v int) {
			seen.add(fmt.Sprint("once ", v))
			stop()
			stop()
		})
		stopOther := feed.On(func(_ context.Context, v int) { seen.add(fmt.Sprint("always ", v)) })
		stopState := c.OnState(func(xmpp.StateChange) { seen.add("state") })
		stopState()
		stopState()
		for i := range 3 {
			feed.Emit(t.Context(), i)
		}
		settle()
		require.Equal(t, []string{"once 0", "always 0", "always 1", "always 2"}, seen.list())
		stopOther()
		feed.Emit(t.Context(), 3)
		require.NoError(t, c.Close())
		settle()
		require.Len(t, seen.list(), 4)
	})
}

// What an extension emits from a step holds its stanza until it was heard.
func TestEmitHoldsItsStanza(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := offline(t, srv, "romeo")
		feed := xmpp.NewFeed[string](c)
		c.Use(xmpp.Extension{Name: "x", Incoming: func(ctx context.Context, m *stanza.Message) (*stanza.Message, error) {
			feed.Emit(ctx, m.Body)
			return nil, nil
		}})
		values := feed.Chan(t.Context())
		require.NoError(t, c.Login(t.Context(), "", ""))
		raw(srv, "romeo", flood(10, 0))
		settle()
		require.Equal(t, 10, c.Stats().Waiting)
		for i := range 10 {
			require.Equal(t, fmt.Sprint(i), number(<-values))
		}
		settle()
		require.Zero(t, c.Stats().Waiting)
	})
}

// A callback that steps out of line leaves the message to the channel beside it, which counts it as handled once.
func TestAsyncBesideAChannel(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := online(t, srv, "romeo")
		c.OnMessage(func(ctx context.Context, _ *stanza.Message) { xmpp.Async(ctx) })
		messages := c.Messages(t.Context())
		for range 10 {
			raw(srv, "romeo", "<message from='juliet@localhost'><body>x</body></message>")
			settle()
			require.Equal(t, 1, c.Stats().Waiting)
			<-messages
			settle()
			require.Zero(t, c.Stats().Waiting)
		}
	})
}

// What came before a stanza that is no good is handled while OnError hears of that.
func TestOnErrorHoldsNothingUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		heard, told := make(chan struct{}, 10), make(chan bool, 10)
		c := online(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) {
			cfg.OnError = func(error) {
				select {
				case <-heard:
					told <- true
				case <-time.After(20 * time.Second): // virtual
					told <- false
				}
			}
		})
		c.OnMessage(func(context.Context, *stanza.Message) { heard <- struct{}{} })
		for _, bad := range []string{"<message from='@@@'><body>y</body></message>", "<iq type='result' id='1' from='@@@'/>", "<presence from='nurse@localhost'><priority>many</priority></presence>"} {
			raw(srv, "romeo", "<message from='juliet@localhost'><body>x</body></message>"+bad)
			pass(time.Minute)
			require.True(t, <-told, bad)
		}
	})
}

// A step that calls Async from a goroutine of its own, which is a mistake, loses nothing by it.
func TestAsyncFromElsewhere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := offline(t, srv, "romeo")
		c.Use(xmpp.Extension{Name: "mistaken", Incoming: func(ctx context.Context, m *stanza.Message) (*stanza.Message, error) {
			go xmpp.Async(ctx)
			return m, nil
		}})
		got := texts(c)
		require.NoError(t, c.Login(t.Context(), "", ""))
		settle()
		for range 20 {
			raw(srv, "romeo", flood(100, 10))
		}
		settle()
		require.Len(t, got.list(), 2000)
		require.Zero(t, c.Stats().Waiting)
	})
}
