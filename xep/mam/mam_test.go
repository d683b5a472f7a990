package mam_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/delay"
	"github.com/gosmack/xmpp/xep/forms"
	"github.com/gosmack/xmpp/xep/forward"
	"github.com/gosmack/xmpp/xep/mam"
	"github.com/gosmack/xmpp/xep/rsm"
	"github.com/gosmack/xmpp/xmpptest"
)

func samples() []any {
	juliet, at := jid.MustParse("juliet@capulet.example"), time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	return []any{
		mam.QueryPayload{ID: "q", Form: forms.New(forms.Submit, mam.NS, forms.Text("with", "a@b.example")), Set: rsm.Request{Max: 5, After: "x"}},
		mam.Result{Query: "q", ID: "1", Forwarded: forward.Forwarded{
			Stanza: &stanza.Message{ID: "1", From: juliet, Body: "b"}, Delay: delay.Delay{Stamp: at},
		}},
		mam.Fin{Complete: true, Set: rsm.Result{First: "1", Last: "2", Count: 2, Counted: true}},
		mam.Metadata{Start: mam.Place{ID: "1", Time: at}, End: mam.Place{ID: "2", Time: at.Add(time.Second)}},
		mam.Preferences{Default: mam.KeepRoster, Always: []jid.JID{juliet}, Never: []jid.JID{room}},
	}
}

func TestRoundTrip(t *testing.T) { xmpptest.RoundTrip(t, samples()...) }

func FuzzPayloads(f *testing.F) { xmpptest.FuzzRoundTrip(f, samples()...) }

// FuzzPosition: a position that is read is the one that was stored, and one that can't be read is none.
func FuzzPosition(f *testing.F) {
	f.Add("2020-01-02T03:04:05Z 28482-98726-73623")
	f.Add("2020-01-02T03:04:05.000001+14:00 a b\x00")
	f.Add(" ")
	f.Fuzz(func(t *testing.T, stored string) {
		at, ok := mam.ParsePosition(stored)
		if !ok {
			return
		}
		_, id, _ := strings.Cut(stored, " ")
		require.Equal(t, id, at.ID)
		again, ok := mam.ParsePosition(at.Text())
		require.True(t, ok)
		require.Equal(t, at.ID, again.ID)
		require.True(t, at.Time.Truncate(time.Microsecond).Equal(again.Time))
	})
}

func TestMessages(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.login(nil)
		begin := time.Now()
		for _, text := range numbers(1, 9) {
			w.say(text)
			pass(time.Second)
		}
		require.NoError(t, w.bot.ChatManager().CreateChat(w.srv.Address("mercutio")).SendMessage(t.Context(), "you are late"))
		w.take(&w.heard)
		juliet := w.srv.Address("juliet")
		ids := map[string]string{}
		for m, err := range w.archive.Messages(t.Context(), mam.Query{With: juliet}) {
			require.NoError(t, err)
			mark, ok := stanza.Marked[mam.Archived](m)
			require.True(t, ok)
			require.Equal(t, w.srv.Address("bot"), mark.By)
			require.Equal(t, w.juliet.User(), m.From)
			require.WithinDuration(t, begin, mark.Time, 10*time.Second)
			ids[m.Body] = mark.ID
		}
		for name, test := range map[string]struct {
			q     mam.Query
			want  string
			pages int
		}{
			"all":             {mam.Query{}, "1 2 3 4 5 6 7 8 9 you are late", 1},
			"by name":         {mam.Query{Archive: w.srv.Address("bot")}, "1 2 3 4 5 6 7 8 9 you are late", 1},
			"with":            {mam.Query{With: w.srv.Address("mercutio")}, "you are late", 1},
			"since":           {mam.Query{With: juliet, Since: begin.Add(7 * time.Second)}, "8 9", 1},
			"until":           {mam.Query{Until: begin.Add(time.Second)}, "1 2", 1},
			"pages":           {mam.Query{With: juliet, PageSize: 4}, "1 2 3 4 5 6 7 8 9", 3},
			"newest":          {mam.Query{With: juliet, PageSize: 4, Newest: true}, "9 8 7 6 5 4 3 2 1", 3},
			"limit":           {mam.Query{With: juliet, PageSize: 4, Limit: 5}, "1 2 3 4 5", 2},
			"limit of a page": {mam.Query{With: juliet, PageSize: 4, Limit: 4}, "1 2 3 4", 1},
			"newest, limit":   {mam.Query{With: juliet, Newest: true, Limit: 2}, "9 8", 1},
			"after":           {mam.Query{With: juliet, After: ids["6"], PageSize: 2}, "7 8 9", 2},
			"before":          {mam.Query{With: juliet, Before: ids["3"], PageSize: 2}, "1 2", 1},
			"between":         {mam.Query{With: juliet, After: ids["2"], Before: ids["7"], PageSize: 2}, "3 4 5 6", 2},
			"between, newest": {mam.Query{With: juliet, After: ids["2"], Before: ids["7"], PageSize: 2, Newest: true}, "6 5 4 3", 2},
			"after, newest":   {mam.Query{With: juliet, After: ids["7"], Newest: true}, "9 8", 1},
			"ids":             {mam.Query{IDs: []string{ids["5"], ids["2"]}}, "2 5", 1},
			"nobody":          {mam.Query{With: jid.MustParse("nobody@localhost")}, "", 1},
		} {
			w.asked()
			for range 2 { // each range begins afresh
				require.Equal(t, test.want, w.read(test.q), name)
				require.Equal(t, test.pages, w.asked(), name)
			}
		}
		p, err := w.archive.Page(t.Context(), mam.Query{With: juliet}, rsm.Request{Max: 2, Last: true})
		require.NoError(t, err)
		require.Equal(t, "8", p.Items[0].Body)
		require.Equal(t, rsm.Result{First: ids["8"], Last: ids["9"], Index: 7, Indexed: true, Count: 9, Counted: true}, p.Result)
		require.False(t, p.Complete)

		m, err := w.archive.Metadata(t.Context(), jid.JID{})
		require.NoError(t, err)
		require.Equal(t, ids["1"], m.Start.ID)
		require.WithinDuration(t, begin.Add(9*time.Second), m.End.Time, time.Second)
		require.Empty(t, w.take(&w.heard), "nobody else hears of it")
		require.Empty(t, w.take(&w.faults))
	})
}

// A break fetches nothing more.
func TestMessagesAreFetchedLazily(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.login(nil)
		w.say(numbers(1, 9)...)
		w.asked()
		messages := w.archive.Messages(t.Context(), mam.Query{PageSize: 2})
		require.Zero(t, w.asked())
		n := 0
		for _, err := range messages {
			require.NoError(t, err)
			if n++; n == 3 {
				break
			}
		}
		require.Equal(t, 2, w.asked())
	})
}

// A callback may read the archive: its connection hands out nothing else meanwhile.
func TestMessagesInACallback(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.connect(nil)
		read := make(chan string, 1)
		w.bot.ChatManager().OnMessage(func(ctx context.Context, _ *xmpp.Chat, m *stanza.Message) {
			if m.Body != "read" {
				return
			}
			var all []string
			for m, err := range w.archive.Messages(ctx, mam.Query{PageSize: 2}) {
				if err != nil {
					all = append(all, err.Error())
					break
				}
				all = append(all, m.Body)
			}
			read <- strings.Join(all, " ")
		})
		require.NoError(t, w.bot.Login(t.Context(), "", ""))
		synctest.Wait() // the server has our presence
		w.say("1", "2", "3", "4", "read", "6")
		require.Contains(t, <-read, "1 2 3 4 read")
		require.Equal(t, "1 2 3 4 read 6", w.take(&w.heard))
	})
}

func TestErrorsOfMessages(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.login(nil)
		w.say("1")
		for name, test := range map[string]struct {
			q     mam.Query
			want  error
			again bool
		}{
			"no such id":    {mam.Query{After: "x"}, stanza.ItemNotFound, false},
			"no search":     {mam.Query{Text: "x"}, stanza.FeatureNotImplemented, false},
			"no archive":    {mam.Query{Archive: jid.MustParse("localhost")}, stanza.ServiceUnavailable, false},
			"nothing there": {mam.Query{Archive: jid.MustParse("elsewhere.example")}, stanza.RemoteServerNotFound, false},
			"not extended":  {mam.Query{Archive: jid.MustParse("localhost"), IDs: []string{"1"}}, stanza.FeatureNotImplemented, false},
		} {
			n := 0
			for m, err := range w.archive.Messages(t.Context(), test.q) {
				require.Nil(t, m, name)
				require.ErrorIs(t, err, test.want, name)
				require.Equal(t, test.again, xmpp.SafeToRetry(err), name)
				n++
			}
			require.Equal(t, 1, n, name)
		}

		// The connection breaks while a page is under way.
		stop := w.srv.Intercept(func(c *xmpptest.Conn, e stanza.Element) []stanza.Element {
			if e.First().Is(mam.NS, "query") {
				c.Cut()
				return nil
			}
			return []stanza.Element{e}
		})
		for _, err := range w.archive.Messages(t.Context(), mam.Query{}) {
			require.Error(t, err)
			require.True(t, xmpp.SafeToRetry(err), "%v", err)
		}
		stop()
	})
}

// The server tells the limit of pages: some give less than was asked for.
func TestPageIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.login(nil)
		w.play(func(id string) string {
			return strings.Repeat(w.result("$BOT", id, "1", message("juliet@localhost/x", "b")), 4)
		})
		_, err := w.archive.Page(t.Context(), mam.Query{}, rsm.Request{Max: 3})
		require.ErrorIs(t, err, mam.ErrTooMuch)
		require.False(t, xmpp.SafeToRetry(err))
		p, err := w.archive.Page(t.Context(), mam.Query{}, rsm.Request{Max: 4})
		require.NoError(t, err)
		require.Len(t, p.Items, 4)
	})
}

func TestPreferences(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.login(nil)
		_, err := w.archive.Preferences(t.Context())
		require.ErrorIs(t, err, stanza.ServiceUnavailable)
		w.srv.Intercept(func(c *xmpptest.Conn, e stanza.Element) []stanza.Element {
			p := e.First()
			if !p.Is(mam.NS, "prefs") {
				return []stanza.Element{e}
			}
			if e.Attr("type") == "get" {
				require.Empty(t, p.Attr("default"))
			} else {
				require.Equal(t, "<prefs xmlns='urn:xmpp:mam:2' default='always'><always/><never><jid>room@muc.localhost</jid></never></prefs>", p.String())
			}
			c.Send("<iq type='result' id='" + e.Attr("id") + "'><prefs xmlns='urn:xmpp:mam:2' default='roster'>" +
				"<always><jid>juliet@localhost</jid><jid>@</jid></always><never/></prefs></iq>")
			return nil
		})
		for _, ask := range []func() (mam.Preferences, error){
			func() (mam.Preferences, error) { return w.archive.Preferences(t.Context()) },
			func() (mam.Preferences, error) {
				return w.archive.SetPreferences(t.Context(), mam.Preferences{Default: mam.KeepAlways, Never: []jid.JID{room}})
			},
		} {
			p, err := ask()
			require.NoError(t, err)
			require.Equal(t, mam.KeepRoster, p.Default)
			require.Equal(t, []jid.JID{w.srv.Address("juliet")}, p.Always)
			require.Len(t, p.Faults, 1)
		}
		_, err = w.archive.SetPreferences(t.Context(), mam.Preferences{})
		require.ErrorContains(t, err, "default")
	})
}

func TestNewPanicsWhereUseDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		conn, err := xmpp.NewConnection(srv.Configuration("bot"))
		require.NoError(t, err)
		mam.New(conn, nil)
		require.Panics(t, func() { mam.New(conn, nil) })
		require.NoError(t, conn.Login(t.Context(), "", ""))
		require.Panics(t, func() { mam.New(conn, &mam.Options{Sync: true}) })
		require.NoError(t, conn.Close())
	})
}
