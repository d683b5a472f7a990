package mam_test

import (
	"context"
	"encoding/xml"
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

// R05: a session is lost for good with messages of which nobody knows whether the server got them. The
// archive tells: those that it has are not sent again, and the others are.
func TestReconcile(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.login(nil, managed)
		heard := w.hears()
		acks := w.interrupt(t, 60, 60)
		w.online()
		require.Equal(t, strings.Join(numbers(1, 120), " "), w.take(heard), "none lost, none doubled")
		for i, ack := range acks {
			<-ack.Done()
			require.NoError(t, ack.Err(), "%d", i)
		}
		require.Empty(t, w.take(&w.faults), "nothing is of unknown outcome")
	})
}

// hears notes what juliet hears.
func (w *world) hears() *[]string {
	heard := new([]string)
	w.juliet.OnMessage(func(_ context.Context, m *stanza.Message) { w.note(heard, m.Body) })
	return heard
}

// interrupt sends messages that arrive and are not acknowledged, then some that the server never reads, and
// loses the session.
func (w *world) interrupt(t *testing.T, arrive, lost int, payloads ...any) (acks []*xmpp.Ack) {
	t.Helper()
	w.srv.SetStreamManagement(xmpptest.StreamManagement{Mute: true, AskEvery: -1, Resumption: xmpptest.ResumeFailsWithoutCount})
	send := func(first, last int) {
		for i := first; i <= last; i++ {
			m := &stanza.Message{To: w.srv.Address("juliet"), Type: stanza.MessageChat, Body: fmt.Sprint(i)}
			for _, p := range payloads {
				stanza.Add(m, p)
			}
			ack, err := w.bot.Submit(t.Context(), m)
			require.NoError(t, err)
			acks = append(acks, ack)
		}
		synctest.Wait()
	}
	send(1, arrive)
	for _, c := range w.srv.Connections("bot") {
		c.SetFaults(xmpptest.Faults{StallAfterRead: 1})
	}
	send(arrive+1, arrive+lost)
	w.lose()
	return acks
}

// Where the archive can't tell, the outcome is unknown and the policy decides: nothing is guessed.
func TestReconcileWhatIsNotKnown(t *testing.T) {
	prefs := func(answer string) func(*world) {
		return func(w *world) {
			w.srv.Intercept(func(c *xmpptest.Conn, e stanza.Element) []stanza.Element {
				if !e.First().Is(mam.NS, "prefs") {
					return []stanza.Element{e}
				}
				c.Send("<iq type='result' id='" + e.Attr("id") + "'><prefs xmlns='urn:xmpp:mam:2' " + answer + "</prefs></iq>")
				return nil
			})
		}
	}
	for name, test := range map[string]struct {
		prepare  func(*world)
		payload  any
		reported string
	}{
		"no archive": {func(w *world) {
			w.srv.Intercept(func(c *xmpptest.Conn, e stanza.Element) []stanza.Element {
				if !e.First().Is(mam.NS, "query") {
					return []stanza.Element{e}
				}
				c.Send("<iq type='error' id='" + e.Attr("id") + "'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")
				return nil
			})
		}, nil, "service-unavailable"},
		"not kept":             {func(*world) {}, noStore{}, "archives don't keep such messages"},
		"kept of nobody":       {prefs("default='never'><always/><never/>"), nil, "preferences for juliet"},
		"kept of contacts":     {prefs("default='roster'><always/><never/>"), nil, "preferences for juliet"},
		"not kept of juliet":   {prefs("default='always'><always/><never><jid>juliet@localhost/x</jid></never>"), nil, "preferences for juliet"},
		"kept of juliet":       {prefs("default='never'><always><jid>juliet@localhost</jid></always><never/>"), nil, ""},
		"not kept of mercutio": {prefs("default='always'><always/><never><jid>mercutio@localhost</jid></never>"), nil, ""},
		"much was said since":  {func(w *world) { w.talk = 900 }, nil, ""},
		"too much":             {func(w *world) { w.talk = 1100 }, nil, "too much has been said"},
		"too much before":      {func(w *world) { w.say(numbers(1, 1100)...) }, nil, "too much has been said"},
		"we had spoken": {func(w *world) {
			w.say(numbers(1, 1100)...)
			require.NoError(w, w.bot.ChatManager().CreateChat(w.srv.Address("juliet")).SendMessage(w.Context(), "yes?"))
			pass(time.Second)
		}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.login(nil, managed)
				test.prepare(w)
				var payloads []any
				if test.payload != nil {
					payloads = []any{test.payload}
				}
				w.interrupt(t, 2, 1, payloads...)
				w.say(numbers(1, w.talk)...)
				w.online()
				faults := w.take(&w.faults)
				if test.reported == "" {
					require.Empty(t, faults)
					return
				}
				require.Contains(t, faults, test.reported)
				require.Contains(t, faults, "may arrive twice")
			})
		})
	}
}

type noStore struct {
	XMLName xml.Name `xml:"urn:xmpp:hints no-store"`
}

// One message that archives don't keep leaves nothing unknown but itself.
func TestReconcileEach(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.login(nil, managed)
		w.srv.SetStreamManagement(xmpptest.StreamManagement{Mute: true, AskEvery: -1, Resumption: xmpptest.ResumeFailsWithoutCount})
		unkept := &stanza.Message{To: w.srv.Address("juliet"), Type: stanza.MessageChat, Body: "unkept"}
		stanza.Add(unkept, noStore{})
		require.NoError(t, w.bot.Send(t.Context(), unkept))
		heard := w.hears()
		w.interrupt(t, 3, 2)
		w.online()
		require.Equal(t, "unkept 1 2 3 unkept 4 5", w.take(heard))
		require.Equal(t, 1, strings.Count(w.take(&w.faults), "may arrive twice"))
	})
}
