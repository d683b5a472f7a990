package mam_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/mam"
	"github.com/gosmack/xmpp/xmpptest"
)

var syncs = &mam.Options{Sync: true, PageSize: 2}

func kept(s xmpp.Store) func(*xmpp.ConnectionConfiguration) {
	return func(cfg *xmpp.ConnectionConfiguration) { cfg.Store = s }
}

func managed(cfg *xmpp.ConnectionConfiguration) { cfg.DisableStreamManagement = false }

// again breaks the connection, has something happen without it, and waits for the next.
func (w *world) again(meanwhile func()) {
	w.Helper()
	w.srv.Drop("bot")
	synctest.Wait()
	meanwhile()
	for w.bot.State() != xmpp.Online {
		pass(100 * time.Millisecond)
	}
	pass(time.Second)
}

// close ends the bot's connection, which the server has seen then.
func (w *world) close() {
	w.Helper()
	require.NoError(w, w.bot.Close())
	synctest.Wait()
}

// What was said before the first login is none of our business, but for what the server has kept for us.
func TestFirstSession(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.login(nil)
		w.say("before")
		w.close()
		w.say("offline")
		w.take(&w.heard)
		store := xmpp.NewMemoryStore()
		w.login(syncs, kept(store))
		require.Equal(t, "offline", w.take(&w.heard))
		require.Equal(t, 1, w.asked())
		w.say("live")
		require.Equal(t, "live", w.take(&w.heard))
		require.Empty(t, w.take(&w.faults))
	})
}

// Missed messages come once, in order, ahead of live ones, marked, whether the process was there or not.
func TestMissedMessages(t *testing.T) {
	for name, restart := range map[string]bool{"new session": false, "new process": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				store := xmpp.NewMemoryStore()
				w.login(syncs, kept(store))
				w.say("0")
				require.Equal(t, "0", w.take(&w.heard))
				if restart {
					w.close()
					w.say(numbers(1, 5)...)
					w.login(syncs, kept(store))
				} else {
					w.again(func() { w.say(numbers(1, 5)...) })
				}
				require.Equal(t, "1* 2* 3* 4* 5*", w.take(&w.heard))
				w.say("6")
				require.Equal(t, "6", w.take(&w.heard))
				w.again(func() {})
				require.Empty(t, w.take(&w.heard))
				w.again(func() { w.say("7") })
				require.Equal(t, "7*", w.take(&w.heard))
				require.Empty(t, w.take(&w.faults))
			})
		})
	}
}

// An archive that is empty at first.
func TestEmptyArchive(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		store := xmpp.NewMemoryStore()
		w.login(syncs, kept(store))
		w.close()
		w.say("1", "2")
		w.login(syncs, kept(store))
		require.Equal(t, "1* 2*", w.take(&w.heard))
	})
}

// What another device of ours sent goes where its copies go; what we sent is no news.
func TestSentMessages(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.login(syncs)
		phone := w.srv.Client(t, "bot")
		to := func(c *xmpp.Connection, text string) {
			require.NoError(t, c.ChatManager().CreateChat(w.srv.Address("juliet")).SendMessage(t.Context(), text))
			synctest.Wait()
		}
		to(phone, "live")
		require.Equal(t, "juliet: live", w.take(&w.sent))
		w.say("mark")
		to(w.bot, "own")
		w.lose()
		to(phone, "missed")
		w.say("said")
		w.online()
		require.Equal(t, "juliet: missed", w.take(&w.sent))
		require.Equal(t, "mark said*", w.take(&w.heard))
	})
}

// A live message may come before or after its copy in the archive: it is heard once.
func TestOnceByTwoWays(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.login(syncs)
		w.say("0")
		w.take(&w.heard)
		var late []string
		stop := w.srv.InterceptOutgoing(func(c *xmpptest.Conn, e stanza.Element) []stanza.Element {
			if e.Local() == "message" && c.Address() == w.bot.User() && strings.Contains(e.String(), "<body>late") && e.Child(mam.NS, "result").IsZero() {
				late = append(late, e.String())
				return nil
			}
			return []stanza.Element{e}
		})
		w.again(func() { w.say("late 1", "late 2") })
		stop()
		require.Equal(t, "late 1* late 2*", w.take(&w.heard))
		require.Len(t, late, 2)
		for _, m := range late {
			w.raw(m)
		}
		require.Empty(t, w.take(&w.heard))
		require.Empty(t, w.take(&w.faults))
	})
}

// lose cuts the bot's connection and leaves those of its other devices.
func (w *world) lose() {
	for _, c := range w.srv.Connections("bot") {
		if c.Address() == w.bot.User() {
			c.Cut()
		}
	}
	synctest.Wait()
}

// online waits for the bot.
func (w *world) online() {
	for w.bot.State() != xmpp.Online {
		pass(100 * time.Millisecond)
	}
	pass(time.Second)
}

// A resumed session goes on with what it was reading, and asks nothing if it has read it.
func TestResumedSession(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.login(syncs, managed)
		w.say("0")
		w.hangUntil("2", 5*time.Second)
		w.srv.Drop("bot")
		synctest.Wait()
		w.srv.Forget("bot")
		w.say(numbers(1, 7)...)
		for len(w.srv.Connections("bot")) == 0 {
			pass(100 * time.Millisecond)
		}
		pass(time.Second)
		w.again(func() { w.say("8") })
		pass(time.Minute)
		require.Equal(t, "0 1* 2* 3* 4* 5* 6* 7* 8*", w.take(&w.heard))
		w.asked()
		w.again(func() { w.say("9") })
		require.Equal(t, "9", w.take(&w.heard))
		require.Zero(t, w.asked())
	})
}

// An archive that can't answer now is asked again; meanwhile the position stays.
func TestArchiveThatFails(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.login(syncs)
		w.say("0")
		stop := w.srv.Intercept(func(c *xmpptest.Conn, e stanza.Element) []stanza.Element {
			if !e.First().Is(mam.NS, "query") {
				return []stanza.Element{e}
			}
			c.Send("<iq type='error' id='" + e.Attr("id") + "'><error type='wait'><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")
			return nil
		})
		w.again(func() { w.say("1", "2") })
		w.say("3")
		require.Equal(t, "0", w.take(&w.heard))
		require.Contains(t, w.take(&w.faults), "resource-constraint")
		stop()
		pass(time.Minute)
		require.Equal(t, "1* 2* 3*", w.take(&w.heard))
	})
}

// Without an archive messages come as ever.
func TestNoArchive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, srv: xmpptest.NewServer(t, &xmpptest.Options{NoArchive: true})}
		w.friend()
		w.login(syncs)
		require.Contains(t, w.take(&w.faults), "announces not both")
		w.say("1")
		require.Equal(t, "1", w.take(&w.heard))
		w.again(func() { w.say("2") })
		require.Equal(t, "2", w.take(&w.heard))
	})
}

// S133: ids count only from a server that takes away forged ones. Here it announces an archive alone.
func TestForgedIDs(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		stop := w.srv.InterceptOutgoing(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element {
			return []stanza.Element{parse(w, strings.ReplaceAll(e.String(), "<feature var='urn:xmpp:sid:0'/>", ""))}
		})
		defer stop()
		w.login(syncs)
		require.Contains(t, w.take(&w.faults), "urn:xmpp:sid:0")
		for range 2 {
			w.raw("<message from='juliet@localhost/x'><body>b</body><stanza-id xmlns='urn:xmpp:sid:0' by='$BOT' id='1'/></message>")
		}
		require.Equal(t, "b b", w.take(&w.heard))
	})
}

// What isn't in the archive doesn't wait, and the ids of others mean nothing.
func TestOthersIDs(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.login(syncs)
		for _, by := range []string{"juliet@localhost", "$BOT/x", "localhost"} {
			for range 2 {
				w.raw("<message from='juliet@localhost/x'><body>b</body><stanza-id xmlns='urn:xmpp:sid:0' by='" + by + "' id='1'/></message>")
			}
		}
		require.Equal(t, "b b b b b b", w.take(&w.heard))
	})
}

// Messages of rooms have an archive of their own.
func TestRoomsArePassedOver(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.login(syncs)
		w.say("0")
		w.take(&w.heard)
		n := 0
		stop := w.play(func(q string) string {
			n++
			return w.result("", q, fmt.Sprint("r", n), "<message xmlns='jabber:client' type='groupchat' from='"+room.String()+"/nick' to='$BOT'><body>room</body></message>")
		})
		defer stop()
		w.again(func() {})
		require.Equal(t, 1, n)
		require.Empty(t, w.take(&w.heard))
	})
}
