package interop_test

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// A place is a callback from which a connection is ended. set makes the callback call end, and prod makes it be called once
// the connection is online; during says that it is called before that, so that Login fails.
type place struct {
	name   string
	during bool
	set    func(cfg *xmpp.ConnectionConfiguration, attach *func(*xmpp.Connection), end func(context.Context))
	prod   func(w *world, peer, c *xmpp.Connection)
}

// attached is for places that are set on the connection, not in the configuration.
func attached(f func(c *xmpp.Connection, end func(context.Context))) func(*xmpp.ConnectionConfiguration, *func(*xmpp.Connection), func(context.Context)) {
	return func(_ *xmpp.ConnectionConfiguration, attach *func(*xmpp.Connection), end func(context.Context)) {
		*attach = func(c *xmpp.Connection) { f(c, end) }
	}
}

func greet(w *world, peer, c *xmpp.Connection) {
	require.NoError(w, peer.ChatManager().CreateChat(c.User()).SendMessage(w.ctx, "end it"))
}

var places = []place{
	{name: "message callback", prod: greet, set: attached(func(c *xmpp.Connection, end func(context.Context)) {
		c.ChatManager().OnMessage(func(ctx context.Context, _ *xmpp.Chat, _ *stanza.Message) { end(ctx) })
	})},
	{name: "presence callback", set: attached(func(c *xmpp.Connection, end func(context.Context)) {
		c.Roster().OnPresence(func(ctx context.Context, _ xmpp.Availability) { end(ctx) })
	}), prod: func(w *world, peer, c *xmpp.Connection) {
		settle(w, c) // the server has seen that c is available
		require.NoError(w, peer.PresenceManager().SendTo(w.ctx, c.User(), &stanza.Presence{}))
	}},
	{name: "IQ handler", set: attached(func(c *xmpp.Connection, end func(context.Context)) {
		c.Handle(xmpp.OnGet(func(ctx context.Context, _ sum, _ *stanza.IQ) (any, error) {
			end(ctx)
			return nil, nil
		}))
	}), prod: func(w *world, peer, c *xmpp.Connection) {
		require.Error(w, peer.Get(w.within(time.Second), c.User(), sum{}, nil))
	}},
	{name: "IQ handler out of line", set: attached(func(c *xmpp.Connection, end func(context.Context)) {
		c.Handle(xmpp.OnGet(func(ctx context.Context, _ sum, _ *stanza.IQ) (any, error) {
			xmpp.Async(ctx)
			end(ctx)
			return nil, nil
		}))
	}), prod: func(w *world, peer, c *xmpp.Connection) {
		require.Error(w, peer.Get(w.within(time.Second), c.User(), sum{}, nil))
	}},
	{name: "OnState", prod: func(*world, *xmpp.Connection, *xmpp.Connection) {}, set: attached(func(c *xmpp.Connection, end func(context.Context)) {
		c.OnState(func(s xmpp.StateChange) {
			if s.State == xmpp.Online {
				end(context.Background())
			}
		})
	})},
	{name: "Incoming step", prod: greet, set: attached(func(c *xmpp.Connection, end func(context.Context)) {
		c.Use(xmpp.Extension{Name: "ender", Incoming: func(ctx context.Context, m *stanza.Message) (*stanza.Message, error) {
			end(ctx)
			return m, nil
		}})
	})},
	{name: "Online hook", prod: func(*world, *xmpp.Connection, *xmpp.Connection) {}, set: attached(func(c *xmpp.Connection, end func(context.Context)) {
		c.Use(xmpp.Extension{Name: "ender", Online: func(ctx context.Context, _ *xmpp.Session) error {
			end(ctx)
			return nil
		}})
	})},
	{name: "Start hook", during: true, set: attached(func(c *xmpp.Connection, end func(context.Context)) {
		c.Use(xmpp.Extension{Name: "ender", Start: func(ctx context.Context, _ *xmpp.Session) error {
			end(ctx)
			return nil
		}})
	})},
	{name: "credentials callback", during: true, set: func(cfg *xmpp.ConnectionConfiguration, _ *func(*xmpp.Connection), end func(context.Context)) {
		password := cfg.Password
		cfg.Credentials = func(ctx context.Context, _ xmpp.CredentialsRequest) (xmpp.Secret, error) {
			end(ctx)
			return password, nil
		}
	}},
}

func closingFrom(w *world)      { endFromEachPlace(w, closeIt) }
func shuttingDownFrom(w *world) { endFromEachPlace(w, shutItDown) }

// From each of the library's own goroutines.
func endFromEachPlace(w *world, end ending) {
	peer := w.online(w.user())
	for _, p := range places {
		var c *xmpp.Connection
		took := make(chan time.Duration, 10)
		var attach func(*xmpp.Connection)
		c = w.connection(w.user(), func(cfg *xmpp.ConnectionConfiguration) {
			p.set(cfg, &attach, func(ctx context.Context) {
				begin := time.Now()
				ctx, cancel := context.WithTimeout(ctx, endLimit)
				defer cancel()
				_ = end(c, ctx)
				took <- time.Since(begin)
			})
		})
		if attach != nil {
			attach(c)
		}
		err := c.Login(w.ctx, "", "")
		if p.during {
			require.ErrorIs(w, err, xmpp.ErrClosed, p.name)
		} else {
			if p.name != "OnState" && p.name != "Online hook" { // which may be quicker than Login's return
				require.NoError(w, err, p.name)
			}
			p.prod(w, peer, c)
		}
		require.Less(w, next(w, p.name, took), endLimit-time.Second, p.name)
		w.ended(c, p.name)
		require.NotEqual(w, jid.JID{}, c.User(), "the account is still known")
	}
}
