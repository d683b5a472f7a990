package mam_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/mam"
	"github.com/gosmack/xmpp/xmpptest"
)

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
