package mam_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/carbons"
	"github.com/gosmack/xmpp/xep/mam"
	"github.com/gosmack/xmpp/xmpptest"
)

// A world is a server with archives, a bot that reads its own, and juliet, who talks to it.
type world struct {
	*testing.T
	srv     *xmpptest.Server
	juliet  *xmpp.Connection
	bot     *xmpp.Connection
	archive *mam.Archive

	mu      sync.Mutex
	heard   []string // by OnMessage, bodies; with a star what came out of the archive
	sent    []string // by OnSent
	faults  []string
	queries int
	talk    int
	slow    func(m *stanza.Message) // called by OnMessage first
}

// bubble runs a test in virtual time with a world.
func bubble(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, srv: xmpptest.NewServer(t, nil)}
		w.srv.Intercept(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element {
			if e.First().Is(mam.NS, "query") {
				w.mu.Lock()
				w.queries++
				w.mu.Unlock()
			}
			return []stanza.Element{e}
		})
		w.friend()
		f(t, w)
	})
}

// friend logs juliet in, without stream management: what goes wrong with it is the bot's alone.
func (w *world) friend() {
	w.Helper()
	cfg := w.srv.Configuration("juliet")
	cfg.DisableStreamManagement = true
	var err error
	w.juliet, err = xmpp.NewConnection(cfg)
	require.NoError(w, err)
	w.Cleanup(func() { _ = w.juliet.Close() })
	require.NoError(w, w.juliet.Login(w.Context(), "", ""))
	synctest.Wait()
}

// connect makes the bot, not logged in: what an earlier one heard is forgotten.
func (w *world) connect(options *mam.Options, changes ...func(*xmpp.ConnectionConfiguration)) {
	w.Helper()
	cfg := w.srv.Configuration("bot")
	cfg.DisableStreamManagement = true // but where it is what is tested
	cfg.OnError = func(err error) { w.note(&w.faults, err.Error()) }
	for _, change := range changes {
		change(cfg)
	}
	conn, err := xmpp.NewConnection(cfg)
	require.NoError(w, err)
	w.Cleanup(func() { _ = conn.Close() })
	carbons.Enable(conn)
	w.bot, w.archive = conn, mam.New(conn, options)
	conn.OnMessage(func(_ context.Context, m *stanza.Message) {
		w.mu.Lock()
		slow := w.slow
		w.mu.Unlock()
		if slow != nil {
			slow(m)
		}
		body := m.Body
		if _, ok := stanza.Marked[mam.Archived](m); ok {
			body += "*"
		}
		w.note(&w.heard, body)
	})
	conn.ChatManager().OnSent(func(_ context.Context, c *xmpp.Chat, m *stanza.Message) {
		w.note(&w.sent, c.Peer().Local()+": "+m.Body)
	})
}

// login makes the bot and logs it in.
func (w *world) login(options *mam.Options, changes ...func(*xmpp.ConnectionConfiguration)) {
	w.Helper()
	w.connect(options, changes...)
	require.NoError(w, w.bot.Login(w.Context(), "", ""))
	synctest.Wait()
}

func (w *world) note(list *[]string, s string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*list = append(*list, s)
}

// take returns what was noted, in one string, and forgets it.
func (w *world) take(list *[]string) string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	all := strings.Join(*list, " ")
	*list = nil
	return all
}

func (w *world) asked() int {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.queries
	w.queries = 0
	return n
}

// say has juliet send messages with these texts.
func (w *world) say(texts ...string) {
	w.Helper()
	for _, text := range texts {
		require.NoError(w, w.juliet.ChatManager().CreateChat(w.srv.Address("bot")).SendMessage(w.Context(), text))
	}
	synctest.Wait()
}

// numbers are the texts from first to last.
func numbers(first, last int) (all []string) {
	for i := first; i <= last; i++ {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

// read is a query's texts, in one string.
func (w *world) read(q mam.Query) string {
	w.Helper()
	var all []string
	for m, err := range w.archive.Messages(w.Context(), q) {
		require.NoError(w, err)
		all = append(all, m.Body)
	}
	return strings.Join(all, " ")
}

// raw writes to the bot; $BOT stands for its bare address.
func (w *world) raw(s string) {
	for _, c := range w.srv.Connections("bot") {
		c.Send(strings.ReplaceAll(s, "$BOT", w.srv.Address("bot").String()))
	}
	synctest.Wait()
}

// pass lets time pass.
func pass(d time.Duration) {
	time.Sleep(d) // virtual
	synctest.Wait()
}

var room = jid.MustParse("room@muc.localhost")
