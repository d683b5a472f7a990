package mam_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

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

// The archive doesn't know our place: it says so, as it should, or is silent as Prosody, or gives everything
// as ejabberd does if the id was another server's.
func TestPlaceIsGone(t *testing.T) {
	for name, intercept := range map[string]func(*world) (stop func()){
		"item-not-found": func(*world) func() { return func() {} },
		"empty page": func(w *world) func() {
			return w.srv.InterceptOutgoing(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element {
				if e.Attr("type") != "error" || !strings.Contains(e.String(), "item-not-found") {
					return []stanza.Element{e}
				}
				return []stanza.Element{parse(w, "<iq xmlns='jabber:client' type='result' id='"+e.Attr("id")+
					"'><fin xmlns='urn:xmpp:mam:2' complete='true'><set xmlns='http://jabber.org/protocol/rsm'><count>9</count></set></fin></iq>")}
			})
		},
		"everything": func(w *world) func() {
			return w.srv.Intercept(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element {
				return []stanza.Element{parse(w, strings.Replace(e.String(), "<after>gone</after>", "", 1))}
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				store := xmpp.NewMemoryStore()
				w.login(syncs, kept(store))
				w.say("old")
				pass(30 * time.Hour)
				w.say("0")
				w.close()
				key := w.srv.Address("bot").String() + "/mam/position"
				value, err := store.Get(t.Context(), key)
				require.NoError(t, err)
				at, _, _ := strings.Cut(string(value), " ")
				require.NoError(t, store.Put(t.Context(), key, []byte(at+" gone")))
				w.take(&w.heard)
				w.srv.Client(t, "bot") // so that nothing is offline
				w.say(numbers(1, 5)...)
				stop := intercept(w)
				w.login(syncs, kept(store))
				require.Equal(t, "0* 1* 2* 3* 4* 5*", w.take(&w.heard))
				require.Contains(t, w.take(&w.faults), "our place in the archive is gone")
				stop()
				w.lose()
				w.say("6")
				w.online()
				require.Equal(t, "6*", w.take(&w.heard))
				require.Empty(t, w.take(&w.faults))
			})
		})
	}
}

func parse(w *world, s string) stanza.Element {
	e, err := stanza.Parse(s)
	require.NoError(w, err)
	return e
}
