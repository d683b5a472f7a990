package mam_test

import (
	"context"
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

func managed(cfg *xmpp.ConnectionConfiguration) { cfg.StreamManagement = true }

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

// While the archive is read, live messages wait for their place.
func TestLiveMessagesWait(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.login(syncs)
		w.say("0")
		w.hangUntil("1", 20*time.Second)
		w.again(func() { w.say(numbers(1, 5)...) })
		w.say(numbers(6, 12)...)
		pass(time.Minute)
		require.Equal(t, "0 1* 2* 3* 4* 5* 6* 7* 8* 9* 10* 11* 12*", w.take(&w.heard))
		require.Empty(t, w.take(&w.faults))
	})
}

// hangUntil makes the listener take its time for one message.
func (w *world) hangUntil(body string, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.slow = func(m *stanza.Message) {
		if m.Body == body {
			time.Sleep(d) // virtual
		}
	}
}

// delay makes the archive's answer to each query wait, behind its results.
func (w *world) delay(d time.Duration) (stop func()) {
	return w.srv.InterceptOutgoing(func(c *xmpptest.Conn, e stanza.Element) []stanza.Element {
		if !e.First().Is(mam.NS, "fin") || d == 0 {
			return []stanza.Element{e}
		}
		time.AfterFunc(d, func() { c.Send(e.String()) })
		return nil
	})
}

// Past 30 s, and past 1000, they come out of order, which is said once, and each once. The position is at
// the end all the same.
func TestTheOrderIsLost(t *testing.T) {
	for name, test := range map[string]struct {
		messages, page int
		at             string        // the listener takes its time for this one
		hang, delay    time.Duration // of the listener; of the archive
	}{
		"time":                       {20, 5, "", 0, 40 * time.Second},
		"time, at the end":           {20, 10, "", 0, 40 * time.Second},
		"time, at the end, and slow": {200, 10, "11", 20 * time.Second, 40 * time.Second},
		"number":                     {1200, 5, "1", 20 * time.Second, 0},
		"number, at the end":         {1200, 10, "1", 20 * time.Second, 0},
		"number, behind the archive": {1300, 10, "11", 20 * time.Second, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				options, store := &mam.Options{Sync: true, PageSize: test.page}, xmpp.NewMemoryStore()
				patient := func(cfg *xmpp.ConnectionConfiguration) { cfg.RequestTimeout = time.Minute }
				w.login(options, kept(store), patient)
				w.say("0")
				w.hangUntil(test.at, test.hang)
				stop := w.delay(test.delay)
				w.again(func() { w.say(numbers(1, 10)...) })
				w.say(numbers(11, 20)...)
				pass(10 * time.Second)
				w.say(numbers(21, test.messages)...)
				pass(10 * time.Minute)
				stop()
				require.Equal(t, 1, strings.Count(w.take(&w.faults), "out of order"))
				heard := strings.Fields(w.take(&w.heard))
				require.Len(t, heard, test.messages+1)
				all := map[string]bool{}
				for _, body := range heard {
					all[strings.TrimSuffix(body, "*")] = true
				}
				require.Len(t, all, test.messages+1)
				w.close()
				w.login(options, kept(store))
				require.Empty(t, w.take(&w.heard))
				w.say("last")
				require.Equal(t, "last", w.take(&w.heard))
			})
		})
	}
}

// A session that is lost while the end of the archive is being handled: what was said meanwhile is not
// taken for read, whenever the handler ends.
func TestLostAtTheEnd(t *testing.T) {
	for _, ends := range []string{"before the next session", "while that is set up", "in it"} {
		t.Run(ends, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.srv.Client(t, "bot") // a phone, so that nothing waits in the offline storage
				w.login(syncs)
				w.say("0")
				free := make(chan struct{})
				w.mu.Lock()
				w.slow = func(m *stanza.Message) {
					if m.Body == "2" {
						<-free
					}
				}
				w.mu.Unlock()
				w.lose()
				w.say("1", "2")
				w.online()
				w.lose()
				w.say("3", "4")
				if ends == "before the next session" {
					close(free)
				}
				w.srv.Next(func(c *xmpptest.Conn) { c.SetFaults(xmpptest.Faults{Delay: time.Second}) })
				for len(w.srv.Connections("bot")) < 2 {
					pass(100 * time.Millisecond)
				}
				pass(1500 * time.Millisecond)
				require.NotEqual(t, xmpp.Online, w.bot.State())
				if ends == "while that is set up" {
					close(free)
				}
				w.online()
				if ends == "in it" {
					close(free)
				}
				pass(time.Minute)
				require.Equal(t, "0 1* 2* 3* 4*", w.take(&w.heard))
				w.lose()
				w.say("5")
				w.online()
				pass(time.Minute)
				require.Equal(t, "5*", w.take(&w.heard))
				require.Empty(t, w.take(&w.faults))
			})
		})
	}
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

// counting counts what is written.
type counting struct {
	*xmpp.MemoryStore
	puts int
}

func (s *counting) Put(ctx context.Context, key string, value []byte) error {
	if strings.Contains(key, "/mam/") {
		s.puts++
	}
	return s.MemoryStore.Put(ctx, key, value)
}

// A busy stream doesn't write at each message. After a crash the last second comes again, no more and no
// less.
func TestPositionIsWrittenNowAndThen(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		store := &counting{MemoryStore: xmpp.NewMemoryStore()}
		w.login(syncs, kept(store))
		w.say("0")
		pass(2 * time.Second)
		store.puts = 0
		for range 10 {
			w.say(numbers(1, 100)...)
			pass(100 * time.Millisecond)
		}
		pass(2 * time.Second)
		require.LessOrEqual(t, store.puts, 2)
		w.say("stored")
		pass(2 * time.Second)
		w.say("not stored")
		crashed := xmpp.NewMemoryStore()
		for key, err := range store.Keys(t.Context(), "") {
			require.NoError(t, err)
			value, err := store.Get(t.Context(), key)
			require.NoError(t, err)
			require.NoError(t, crashed.Put(t.Context(), key, value))
		}
		w.close()
		w.take(&w.heard)
		w.login(syncs, kept(crashed))
		require.Equal(t, "not stored*", w.take(&w.heard))
	})
}

// The place is moved by handlers, not by what has come: a crash in a handler loses nothing.
func TestUnhandledMessagesComeAgain(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		store := xmpp.NewMemoryStore()
		w.login(syncs, kept(store))
		w.say("0")
		w.hangUntil("1", time.Minute)
		w.say("1", "2")
		pass(5 * time.Second)
		w.close()
		pass(time.Hour) // the handler's end is no news to a connection that is closed
		w.hangUntil("", 0)
		w.take(&w.heard)
		w.login(syncs, kept(store))
		require.Equal(t, "1* 2*", w.take(&w.heard))
	})
}

// The same where the session was lost meanwhile, and the archive was read to its end.
func TestUnhandledMessagesOfAnEarlierSession(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		store := xmpp.NewMemoryStore()
		w.login(syncs, kept(store))
		w.say("0")
		w.hangUntil("1", 2*time.Minute)
		w.say("1", "2")
		w.again(func() {})
		w.close()
		pass(time.Hour)
		w.hangUntil("", 0)
		w.take(&w.heard)
		w.login(syncs, kept(store))
		require.Equal(t, "1* 2*", w.take(&w.heard))
	})
}

// A callback that steps out of line ends late: the place doesn't go back.
func TestAsyncCallbacks(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		store := xmpp.NewMemoryStore()
		w.connect(syncs, kept(store))
		w.bot.OnMessage(func(ctx context.Context, m *stanza.Message) {
			if m.Body == "1" {
				xmpp.Async(ctx)
				time.Sleep(10 * time.Second) // virtual
			}
		})
		require.NoError(t, w.bot.Login(t.Context(), "", ""))
		synctest.Wait()
		w.say("0", "1", "2")
		pass(time.Minute)
		w.close()
		w.take(&w.heard)
		w.login(syncs, kept(store))
		require.Empty(t, w.take(&w.heard))
	})
}

// The archive has forgotten our place.
func TestPlaceIsGone(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		store := xmpp.NewMemoryStore()
		w.login(syncs, kept(store))
		w.say("old")
		pass(time.Hour)
		w.say("0")
		w.close()
		key := w.srv.Address("bot").String() + "/mam/position"
		value, err := store.Get(t.Context(), key)
		require.NoError(t, err)
		at, _, _ := strings.Cut(string(value), " ")
		require.NoError(t, store.Put(t.Context(), key, []byte(at+" gone")))
		w.take(&w.heard)
		w.say(numbers(1, 5)...)
		w.login(syncs, kept(store))
		require.Equal(t, "0* 1* 2* 3* 4* 5*", w.take(&w.heard))
		require.Contains(t, w.take(&w.faults), "our place in the archive is gone")
		w.again(func() { w.say("6") })
		require.Equal(t, "6*", w.take(&w.heard))
		require.Empty(t, w.take(&w.faults))
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
		w.juliet = w.srv.Client(t, "juliet")
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
			text := strings.ReplaceAll(e.String(), "<feature var='urn:xmpp:sid:0'/>", "")
			e, err := stanza.Parse(text)
			require.NoError(t, err)
			return []stanza.Element{e}
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
