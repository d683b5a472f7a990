package interop_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/carbons"
	"github.com/gosmack/xmpp/xep/mam"
	"github.com/gosmack/xmpp/xep/rsm"
)

// say sends texts from first to last to an account.
func say(w *world, from *xmpp.Connection, to jid.JID, first, last int) {
	w.Helper()
	for i := first; i <= last; i++ {
		require.NoError(w, from.ChatManager().CreateChat(to).SendMessage(w.ctx, fmt.Sprint(i)))
	}
	settle(w, from)
}

func numbers(first, last int) (all []string) {
	for i := first; i <= last; i++ {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

// Reading an archive in every way, by both sides of the conversation.
func archive(w *world) {
	a, b := w.connection(w.user()), w.connection(w.user())
	at := map[*xmpp.Connection]*mam.Archive{a: mam.New(a, nil), b: mam.New(b, nil)}
	heard := b.ChatManager().Messages(w.ctx)
	require.NoError(w, a.Login(w.ctx, "", ""))
	require.NoError(w, b.Login(w.ctx, "", ""))
	require.NoError(w, a.ChatManager().CreateChat(jid.MustParse("nobody-here@"+domain)).SendMessage(w.ctx, "to somebody else"))
	say(w, a, b.User().Bare(), 1, 60)
	for range 60 {
		next(w, "a message", heard)
	}
	for c, archive := range at {
		with := b.User().Bare()
		if c == b {
			with = a.User().Bare()
		}
		read := func(q mam.Query) (texts, ids []string) {
			q.With = with
			for m, err := range archive.Messages(w.ctx, q) {
				require.NoError(w, err, "%+v", q)
				mark, ok := stanza.Marked[mam.Archived](m)
				require.True(w, ok)
				require.Equal(w, c.User().Bare(), mark.By)
				require.WithinDuration(w, time.Now(), mark.Time, time.Minute)
				require.Equal(w, a.User(), m.From)
				texts, ids = append(texts, m.Body), append(ids, mark.ID)
			}
			return texts, ids
		}
		all, ids := read(mam.Query{})
		require.Equal(w, numbers(1, 60), all)
		for name, test := range map[string]struct {
			q    mam.Query
			want []string
		}{
			"pages":           {mam.Query{PageSize: 7}, all},
			"after":           {mam.Query{After: ids[49], PageSize: 4}, numbers(51, 60)},
			"limit":           {mam.Query{Limit: 8, PageSize: 5}, numbers(1, 8)},
			"since":           {mam.Query{Since: time.Now().Add(-10 * time.Minute)}, all},
			"until":           {mam.Query{Until: time.Now().Add(-10 * time.Minute)}, nil},
			"between":         {mam.Query{After: ids[9], Before: ids[20], PageSize: 4}, numbers(11, 20)},
			"ids":             {mam.Query{IDs: []string{ids[4]}}, []string{"5"}},
			"newest":          {mam.Query{Newest: true, PageSize: 7}, nil},
			"newest, between": {mam.Query{Newest: true, After: ids[9], Before: ids[20], PageSize: 4}, nil},
		} {
			if extended := test.q.Before != "" || test.q.IDs != nil; extended && !w.extended {
				_, err := one(archive.Messages(w.ctx, test.q))
				require.ErrorIs(w, err, stanza.FeatureNotImplemented)
				continue
			}
			got, _ := read(test.q)
			if test.q.Newest {
				slices.Reverse(got)
				test.want = all
				if test.q.After != "" {
					test.want = numbers(11, 20)
				}
			}
			require.Equal(w, test.want, got, name)
		}
		m, err := archive.Metadata(w.ctx, jid.JID{})
		if w.extended {
			require.NoError(w, err)
			require.Equal(w, ids[59], m.End.ID)
			require.NotZero(w, m.Start.Time)
		} else {
			require.Error(w, err)
		}
		p, err := archive.Page(w.ctx, mam.Query{}, rsm.Request{After: "no-such-id"})
		w.Logf("behind an unknown id: %d messages, %v", len(p.Items), err)
		prefs, err := archive.Preferences(w.ctx)
		w.Logf("preferences: %v, %v", prefs.Default, err)
	}
}

// one is the first pair of a range.
func one(messages iter.Seq2[*stanza.Message, error]) (*stanza.Message, error) {
	for m, err := range messages {
		return m, err
	}
	return nil, nil
}

// A log is what a bot with an archive has heard.
type heardLog struct {
	mu          sync.Mutex
	texts, sent []string
	faults      []error
}

func (l *heardLog) list() (texts, sent []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.texts), slices.Clone(l.sent)
}

// synced is a bot that catches up, and what it hears.
func (w *world) synced(user jid.JID, l *heardLog, edits ...edit) *xmpp.Connection {
	w.Helper()
	c := w.connection(user, append(edits, func(cfg *xmpp.ConnectionConfiguration) {
		cfg.DisableStreamManagement = true // a session that breaks is lost
		cfg.OnError = func(err error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.faults = append(l.faults, err)
		}
	})...)
	carbons.Enable(c)
	mam.New(c, &mam.Options{Sync: true, PageSize: 20})
	c.OnMessage(func(_ context.Context, m *stanza.Message) {
		if m.Body != "" {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.texts = append(l.texts, m.Body)
		}
	})
	c.ChatManager().OnSent(func(_ context.Context, _ *xmpp.Chat, m *stanza.Message) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.sent = append(l.sent, m.Body)
	})
	return c
}

// eventually waits until the bot has heard so many, and a little for what should not come.
func (l *heardLog) eventually(w *world, texts, sent int) {
	w.Helper()
	require.Eventually(w, func() bool {
		t, s := l.list()
		return len(t) >= texts && len(s) >= sent
	}, 60*time.Second, 20*time.Millisecond, "%v", l)
	time.Sleep(500 * time.Millisecond) // what came twice would come by then
}

// Sessions that break while others talk, and a process that ends: every message is heard, in order and once,
// and what another device sent meanwhile.
func catchUp(w *world) {
	a, user := w.online(w.user()), w.user()
	var l heardLog
	p, store := w.proxy(w.startTLS), xmpp.NewMemoryStore()
	bot := w.synced(user, &l, kept(store), through(p))
	require.NoError(w, bot.Login(w.ctx, "", ""))
	settle(w, bot)
	time.Sleep(500 * time.Millisecond) // the first place is taken
	say(w, a, user, 1, 5)
	l.eventually(w, 5, 0)
	require.NoError(w, bot.ChatManager().CreateChat(a.User().Bare()).SendMessage(w.ctx, "own"))
	settle(w, bot)

	said := 5
	for round := range 3 {
		p.cut()
		require.Eventually(w, func() bool { return bot.State() != xmpp.Online }, stepLimit, time.Millisecond)
		say(w, a, user, said+1, said+50)
		phone := w.online(user)
		require.NoError(w, phone.ChatManager().CreateChat(a.User().Bare()).SendMessage(w.ctx, "phone"))
		settle(w, phone)
		require.NoError(w, phone.Close())
		bot.NetworkChanged() // don't wait any longer
		require.Eventually(w, func() bool { return bot.State() == xmpp.Online }, time.Minute, time.Millisecond)
		say(w, a, user, said+51, said+60) // while it catches up
		said += 60
		l.eventually(w, said, round+1)
	}
	require.NoError(w, bot.Close())
	time.Sleep(200 * time.Millisecond) // the server has to see that it is gone
	say(w, a, user, said+1, said+30)
	said += 30
	bot = w.synced(user, &l, kept(store))
	require.NoError(w, bot.Login(w.ctx, "", ""))
	l.eventually(w, said, 3)

	l.mu.Lock()
	require.Empty(w, l.faults)
	l.mu.Unlock()
	texts, sent := l.list()
	require.Equal(w, strings.Join(numbers(1, said), " "), strings.Join(texts, " "))
	require.Equal(w, []string{"phone", "phone", "phone"}, sent)

	// A place that the archive doesn't know: by time, so all comes again and nothing is missing.
	require.NoError(w, bot.Close())
	key := user.String() + "/mam/position"
	place, err := store.Get(w.ctx, key)
	require.NoError(w, err)
	at, _, _ := strings.Cut(string(place), " ")
	require.NoError(w, store.Put(w.ctx, key, []byte(at+" of-another-server")))
	say(w, a, user, said+1, said+5)
	var again heardLog
	bot = w.synced(user, &again, kept(store))
	require.NoError(w, bot.Login(w.ctx, "", ""))
	again.eventually(w, said+5, 0)
	texts, _ = again.list()
	require.Equal(w, numbers(1, said+5), texts)
}
