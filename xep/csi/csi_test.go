package csi_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/xep/csi"
	"github.com/gosmack/xmpp/xmpptest"
)

func TestRoundTrip(t *testing.T) {
	xmpptest.RoundTrip(t, csi.ActiveState{}, csi.InactiveState{})
}

// A world is a bot and what it has told its server.
type world struct {
	srv   *xmpptest.Server
	bot   *xmpp.Connection
	state *csi.CSI

	mu   sync.Mutex
	told []string
}

func newWorld(t *testing.T, options *xmpptest.Options, managed bool) *world {
	t.Helper()
	w := &world{srv: xmpptest.NewServer(t, options)}
	cfg := w.srv.Configuration("bot")
	cfg.DisableStreamManagement = !managed
	cfg.Trace = func(e xmpp.TraceEvent) {
		if data := string(e.Data); e.Out && strings.Contains(data, csi.NS) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.told = append(w.told, strings.Fields(data)[0][1:])
		}
	}
	var err error
	w.bot, err = xmpp.NewConnection(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { w.bot.Close() })
	w.state = csi.New(w.bot)
	return w
}

// take is what was told since it was asked last.
func (w *world) take() string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	all := strings.Join(w.told, " ")
	w.told = nil
	return all
}

// again breaks the connection and waits for the next.
func (w *world) again() {
	w.srv.Drop("bot")
	synctest.Wait()
	w.online()
}

// online waits for the connection to come back.
func (w *world) online() {
	for w.bot.State() != xmpp.Online {
		time.Sleep(100 * time.Millisecond) // virtual
		synctest.Wait()
	}
	synctest.Wait()
}

func TestOnlyChangesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil, false)
		require.NoError(t, w.bot.Login(t.Context(), "", ""))
		require.NoError(t, w.state.Active(t.Context()))
		require.Empty(t, w.take(), "a stream begins active")
		for range 2 {
			require.NoError(t, w.state.Inactive(t.Context()))
			require.NoError(t, w.state.Inactive(t.Context()))
			require.Equal(t, "inactive", w.take())
			require.NoError(t, w.state.Active(t.Context()))
			require.NoError(t, w.state.Active(t.Context()))
			require.Equal(t, "active", w.take())
		}
		require.NoError(t, w.bot.Close())
		require.ErrorIs(t, w.state.Inactive(t.Context()), xmpp.ErrClosed)
	})
}

// Servers forget it with the stream, whether the session goes on or not.
func TestItIsToldAgain(t *testing.T) {
	for name, managed := range map[string]bool{"new": false, "resumed": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, nil, managed)
				var last xmpp.StateChange
				w.bot.OnState(func(s xmpp.StateChange) { last = s })
				require.NoError(t, w.state.Inactive(t.Context()), "before the login")
				require.NoError(t, w.bot.Login(t.Context(), "", ""))
				require.Equal(t, "inactive", w.take())
				w.again()
				require.Equal(t, managed, last.Resumed)
				require.Equal(t, "inactive", w.take())
				require.NoError(t, w.state.Active(t.Context()))
				require.Equal(t, "active", w.take())
				w.again()
				require.Empty(t, w.take())
			})
		})
	}
}

// What is said between two sessions, and while one is being set up.
func TestItIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil, false)
		require.NoError(t, w.bot.Login(t.Context(), "", ""))
		w.srv.Drop("bot")
		synctest.Wait()
		require.NoError(t, w.state.Inactive(t.Context()))
		require.Empty(t, w.take())
		w.online()
		require.Equal(t, "inactive", w.take())

		// The roster's answer waits, so the session is not online yet, but the extension has started.
		w.srv.Next(func(c *xmpptest.Conn) { c.SetFaults(xmpptest.Faults{Delay: time.Second}) })
		w.srv.Drop("bot")
		for begun := false; !begun; begun = len(w.srv.Connections("bot")) > 0 {
			time.Sleep(100 * time.Millisecond) // virtual
			synctest.Wait()
		}
		time.Sleep(1500 * time.Millisecond) // virtual
		require.NotEqual(t, xmpp.Online, w.bot.State())
		require.NoError(t, w.state.Active(t.Context()))
		w.online()
		require.Equal(t, "inactive active", w.take())
	})
}

// Calls from everywhere at once: what is told last is what holds.
func TestAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil, false)
		require.NoError(t, w.bot.Login(t.Context(), "", ""))
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				for range 50 {
					_ = w.state.Inactive(t.Context())
					_ = w.state.Active(t.Context())
				}
			})
		}
		all.Wait()
		require.NoError(t, w.state.Inactive(t.Context()))
		told := strings.Fields(w.take())
		for i, state := range told {
			require.Equal(t, i%2 == 0, state == "inactive", "%v", told)
		}
		require.Equal(t, "inactive", told[len(told)-1])
	})
}

func TestServerWithoutIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil, false)
		w.srv.Script(func(c *xmpptest.ScriptConn) error {
			if err := errors.Join(c.Greet(), c.Authenticate("bot"),
				c.Send("<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>")); err != nil {
				return err
			}
			bind, err := c.Expect("xmpp-bind")
			if err != nil {
				return err
			}
			if err := c.Send("<iq type='result' id='" + bind.Attr("id") + "'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>bot@localhost/x</jid></bind></iq>"); err != nil {
				return err
			}
			roster, err := c.Expect("jabber:iq:roster")
			if err != nil {
				return err
			}
			if err := c.Send("<iq type='result' id='" + roster.Attr("id") + "'><query xmlns='jabber:iq:roster'/></iq>"); err != nil {
				return err
			}
			if _, err = c.Expect("presence"); err != nil {
				return err
			}
			_, err = c.Expect("message")
			return err
		})
		require.NoError(t, w.state.Inactive(t.Context()))
		require.NoError(t, w.bot.Login(t.Context(), "", ""))
		require.NoError(t, w.state.Active(t.Context()))
		require.NoError(t, w.state.Inactive(t.Context()))
		require.NoError(t, w.bot.ChatManager().CreateChat(w.srv.Address("romeo")).SendMessage(t.Context(), "last"))
		require.Empty(t, w.take())
	})
}
