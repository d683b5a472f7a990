package mam_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/mam"
	"github.com/gosmack/xmpp/xmpptest"
)

// play answers the queries of the bot: results makes what comes ahead of the answer of the query's id.
func (w *world) play(results func(queryID string) string) (stop func()) {
	return w.srv.Intercept(func(c *xmpptest.Conn, e stanza.Element) []stanza.Element {
		q := e.First()
		if !q.Is(mam.NS, "query") {
			return []stanza.Element{e}
		}
		from := ""
		if to := e.Attr("to"); to != "" {
			from = " from='" + to + "'"
		}
		c.Send(strings.ReplaceAll(results(q.Attr("queryid")), "$BOT", w.srv.Address("bot").String()))
		c.Send("<iq type='result' id='" + e.Attr("id") + "'" + from + "><fin xmlns='urn:xmpp:mam:2' complete='true'><set xmlns='http://jabber.org/protocol/rsm'/></fin></iq>")
		return nil
	})
}

func (w *world) result(from, query, id, inside string) string {
	if from != "" {
		from = " from='" + from + "'"
	}
	return "<message" + from + "><result xmlns='urn:xmpp:mam:2' queryid='" + query + "' id='" + id + "'><forwarded xmlns='urn:xmpp:forward:0'>" +
		"<delay xmlns='urn:xmpp:delay' stamp='2020-01-02T03:04:05Z'/>" + inside + "</forwarded></result></message>"
}

func message(from, body string) string {
	return "<message xmlns='jabber:client' type='chat' from='" + from + "'><body>" + body + "</body></message>"
}

// S127, S128, S130: what counts as a result, in our own archive and in a room's. Everything else is
// reported, heard by nobody, and spoils nothing.
func TestWhatIsBelieved(t *testing.T) {
	const juliet = "juliet@localhost/x"
	nick := room.String() + "/nick"
	type test struct {
		results func(w *world, q string) string
		want    string
		fault   string
	}
	one := func(from, inside string) func(*world, string) string {
		return func(w *world, q string) string { return w.result(from, q, "1", inside) }
	}
	good := message(juliet, "good")
	for archive, tests := range map[string]map[string]test{
		"own": {
			"without from": {one("", good), "good", ""},
			"bare":         {one("$BOT", good), "good", ""},
			"full":         {one("$BOT/x", good), "", "no open query"},
			"domain":       {one("localhost", good), "", "no open query"},
			"stranger":     {one("mallory@localhost", good), "", "no open query"},
			"room":         {one(room.String(), good), "", "no open query"},
			"other query":  {func(w *world, q string) string { return w.result("$BOT", q+"x", "1", good) }, "", "no open query"},
			"no query":     {func(w *world, _ string) string { return w.result("$BOT", "", "1", good) }, "", "no open query"},
			"no id":        {func(w *world, q string) string { return w.result("$BOT", q, "", good) }, "", "id of 0 bytes"},
			"removed":      {one("$BOT", ""), "", ""},
			"presence":     {one("$BOT", "<presence xmlns='jabber:client'/>"), "", "a presence"},
			"two messages": {one("$BOT", good+good), "", "more than one"},
			"result in result": {func(w *world, q string) string {
				return w.result("$BOT", q, "1", "<message xmlns='jabber:client' from='"+juliet+"'>"+w.result("$BOT", q, "2", good)[len("<message from='$BOT'>"):])
			}, "", "result within a result"},
			"two results": {func(w *world, q string) string {
				r := w.result("$BOT", q, "1", good)
				r = strings.TrimSuffix(r, "</message>")
				return r + r[len("<message from='$BOT'>"):] + "</message>"
			}, "", "more than one result"},
			"one bad among good": {func(w *world, q string) string {
				return w.result("$BOT", q, "1", good) + w.result("mallory@localhost", q, "2", message(juliet, "bad")) + w.result("", q, "3", good)
			}, "good good", "no open query"},
		},
		room.String(): {
			"room":                  {one(room.String(), message(nick, "good")), "good", ""},
			"the room itself":       {one(room.String(), message(room.String(), "good")), "good", ""},
			"without from":          {one("", message(nick, "good")), "", "no open query"},
			"occupant":              {one(nick, message(nick, "good")), "", "no open query"},
			"own":                   {one("$BOT", message(nick, "good")), "", "no open query"},
			"sender from elsewhere": {one(room.String(), good), "", "not from there"},
			"sender without name":   {one(room.String(), "<message xmlns='jabber:client'><body>b</body></message>"), "", "not from there"},
		},
	} {
		for name, test := range tests {
			t.Run(archive+"/"+name, func(t *testing.T) {
				bubble(t, func(t *testing.T, w *world) {
					w.login(nil)
					w.play(func(q string) string { return test.results(w, q) })
					q := mam.Query{}
					if archive != "own" {
						q.Archive = room
					}
					require.Equal(t, test.want, w.read(q))
					require.Empty(t, w.take(&w.heard))
					faults := w.take(&w.faults)
					if test.fault == "" {
						require.Empty(t, faults)
					} else {
						require.Contains(t, faults, test.fault)
					}
				})
			})
		}
	}
}

// Results that nobody has asked for, and those that come too late.
func TestUnaskedResults(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.login(nil)
		id := ""
		w.play(func(q string) string { id = q; return "" })
		require.Empty(t, w.read(mam.Query{}))
		w.raw(w.result("$BOT", id, "1", message("juliet@localhost/x", "late")))
		w.raw(w.result("", "made-up", "1", message("juliet@localhost/x", "unasked")))
		require.Empty(t, w.take(&w.heard))
		require.Equal(t, 2, strings.Count(w.take(&w.faults), "no open query"))
	})
}
