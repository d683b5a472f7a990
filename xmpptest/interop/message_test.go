package interop_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// pair is two accounts online and the messages that each hears.
func (w *world) pair(edits ...edit) (a, b *xmpp.Connection, atA, atB <-chan *stanza.Message) {
	w.Helper()
	a, b = w.connection(w.user(), edits...), w.connection(w.user(), edits...)
	atA, atB = a.ChatManager().Messages(w.ctx), b.ChatManager().Messages(w.ctx)
	require.NoError(w, a.Login(w.ctx, "", ""))
	require.NoError(w, b.Login(w.ctx, "", ""))
	return a, b, atA, atB
}

// Messages to the bare and to the full address, there and back, with what belongs to them.
func bothWays(w *world) {
	a, b, atA, atB := w.pair()
	for _, to := range []jid.JID{b.User(), b.User().Bare()} {
		out := &stanza.Message{To: to, Type: stanza.MessageChat, ID: "id-" + to.Resource(), Body: "Wherefore art thou?", Subject: "A question",
			Thread: "t1", Lang: "en", Bodies: []stanza.Text{{Lang: "de", Value: "Warum bist du?"}}}
		ack, err := a.Submit(w.ctx, out)
		require.NoError(w, err)
		require.NoError(w, ack.Wait(w.ctx))
		require.Equal(w, out.ID, ack.ID())
		in := next(w, "the question", atB)
		require.Equal(w, a.User(), in.From)
		require.Equal(w, to, in.To)
		require.Equal(w, out.ID, in.ID)
		require.Equal(w, "Wherefore art thou?", in.Body)
		require.Equal(w, "Warum bist du?", in.BodyFor("de"))
		require.Equal(w, "A question", in.Subject)
		require.Equal(w, "t1", in.Thread)

		require.NoError(w, b.ChatManager().CreateChat(in.From).SendMessage(w.ctx, "Neither"))
		back := next(w, "the answer", atA)
		require.Equal(w, "Neither", back.Body)
		require.Equal(w, b.User(), back.From)
		require.NotEmpty(w, back.ID)
	}
	// To an account that there isn't: the error comes back to the listener, by the message's id.
	bounces := a.MessageErrors(w.ctx)
	ack, err := a.ChatManager().CreateChat(jid.MustParse("nobody-at-all@"+domain)).Submit(w.ctx, "hello?")
	require.NoError(w, err)
	bounce := next(w, "the bounce", bounces)
	require.Equal(w, ack.ID(), bounce.ID)
	require.ErrorIs(w, bounce.Error, stanza.ServiceUnavailable)
}

// awkward are bodies of every awkward kind.
func awkward() map[string]string {
	return map[string]string{
		"emoji":            "👩‍👩‍👧‍👦 🇩🇪 \U0001F9D1\U0001F3FD‍\U0001F680 ☃",
		"right to left":    "שלום \u202eעולם\u202c مرحبا بالعالم \u200f!",
		"markup":           "]]> <![CDATA[ &amp; & < > ' \" <!-- --> <?pi?> &#0; </body>",
		"LF":               "one\ntwo\n\nthree\n",
		"CR LF":            "one\r\ntwo\rthree\r\n",
		"leading space":    "   three before, three after   ",
		"only space":       " \t\n ",
		"tabs":             "\ta\t\tb\t",
		"combining":        "e\u0301 \u1e9b\u0323 ﬃ Å \u200b\u200d\ufeff",
		"beyond the plane": "\U00020000 \U0010FFFD \uE000 \uFFFD",
		"C1 controls":      "\u0080\u0085\u009f\u2028\u2029",
		"200 kB":           strings.Repeat("0123456789 abcdefghijklmnop äö€\n", 200_000/36+1),
		"one letter":       "x",
	}
}

// newlines is what XML makes of line ends that aren't references (XML 1.0 §2.11).
var newlines = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// What was written arrives, to the byte.
func bodies(w *world) {
	a, b, atA, atB := w.pair()
	for kind, body := range awkward() {
		for _, way := range []struct {
			from, to *xmpp.Connection
			at       <-chan *stanza.Message
		}{{a, b, atB}, {b, a, atA}} {
			require.NoError(w, way.from.ChatManager().CreateChat(way.to.User()).SendMessage(w.ctx, body), kind)
			want := body
			if !w.keepsCR {
				want = newlines.Replace(body)
			}
			require.Equal(w, want, next(w, kind, way.at).Body, kind)
		}
	}
}

// A stanza that is larger than the server takes.
func tooLarge(w *world) {
	reports := make(chan error, 64)
	a, b := w.connection(w.user(), func(c *xmpp.ConnectionConfiguration) { c.OnError = func(err error) { reports <- err } }), w.connection(w.user())
	states, atB := make(chan xmpp.StateChange, 64), b.ChatManager().Messages(w.ctx)
	a.OnState(func(s xmpp.StateChange) { states <- s })
	require.NoError(w, a.Login(w.ctx, "", ""))
	require.NoError(w, b.Login(w.ctx, "", ""))
	chat := a.ChatManager().CreateChat(b.User().Bare())

	fits := strings.Repeat("x", w.limit-1000)
	ack, err := a.Submit(w.ctx, &stanza.Message{To: b.User(), Type: stanza.MessageChat, Body: fits})
	require.NoError(w, err)
	require.NoError(w, ack.Wait(w.ctx))
	require.Equal(w, fits, next(w, "the one that fits", atB).Body)

	err = chat.SendMessage(w.ctx, strings.Repeat("y", w.limit+1000))
	if w.announces {
		require.ErrorIs(w, err, xmpp.ErrTooLarge)
		require.ErrorContains(w, err, fmt.Sprint(w.limit))
		require.Equal(w, xmpp.Online, a.State())
	} else {
		require.NoError(w, err, "this server doesn't say its limit")
		lost := until(w, "the loss", states, func(s xmpp.StateChange) bool { return s.State == xmpp.Reconnecting })
		require.ErrorIs(w, lost.Err, stanza.StreamPolicyViolation)
		// It is sent once more, and given up when the stream ends for it again.
		var told error
		go w.hint([]*xmpp.Connection{a})
		for !errors.Is(told, xmpp.ErrRejected) {
			told = next(w, "the rejection", reports)
		}
		require.ErrorIs(w, told, stanza.StreamPolicyViolation)
	}
	require.NoError(w, chat.SendMessage(w.ctx, "and later"))
	require.Equal(w, "and later", next(w, "the later message", atB).Body)
}

// Several resources of one account: messages go by priority and by address, presence is seen, and what is directed is.
func resources(w *world) {
	a := w.online(w.user())
	user := w.user()
	heard := make(map[string]<-chan *stanza.Message)
	conns := make(map[string]*xmpp.Connection)
	for _, res := range []string{"low", "high", "never"} {
		c := w.connection(user, as(res))
		heard[res], conns[res] = c.ChatManager().Messages(w.ctx), c
	}
	watch := conns["low"].Roster().PresenceChanges(w.ctx)
	for res, priority := range map[string]int8{"low": 1, "high": 10, "never": -1} {
		require.NoError(w, conns[res].PresenceManager().Set(w.ctx, &stanza.Presence{Priority: priority, Status: "as " + res}))
	}
	for _, res := range []string{"low", "high", "never"} {
		require.NoError(w, conns[res].Login(w.ctx, "", ""))
	}
	for _, res := range []string{"high", "never"} {
		p := until(w, res, watch, func(p xmpp.Availability) bool { return p.Address == conns[res].User() })
		require.True(w, p.Available)
		require.Equal(w, "as "+res, p.Status)
	}
	best, ok := conns["low"].Roster().Best(user)
	require.True(w, ok)
	require.Equal(w, conns["high"].User(), best.Address)

	say := func(to jid.JID, body string) {
		require.NoError(w, a.Send(w.ctx, &stanza.Message{To: to, Type: stanza.MessageChat, Body: body}))
	}
	// To the bare address: the highest priority hears it, a negative one never does (RFC 6121 §8.5.2).
	say(user, "to the account")
	require.Equal(w, "to the account", next(w, "high", heard["high"]).Body)
	// To one resource: only that.
	for _, res := range []string{"low", "high", "never"} {
		say(conns[res].User(), "to "+res)
	}
	for _, res := range []string{"high", "never"} {
		require.Equal(w, "to "+res, next(w, res, heard[res]).Body)
	}
	// A server may give the first also to "low" (RFC 6121 §8.5.2.1.1 lets it choose among non-negative ones).
	until(w, "low", heard["low"], func(m *stanza.Message) bool { return m.Body == "to low" })

	// The best one leaves: the next hears, and sees it go.
	require.NoError(w, conns["high"].PresenceManager().Unavailable(w.ctx, "bye"))
	gone := until(w, "high's end", watch, func(p xmpp.Availability) bool { return p.Address == conns["high"].User() && !p.Available })
	require.Equal(w, "bye", gone.Status)
	say(user, "again")
	require.Equal(w, "again", next(w, "low", heard["low"]).Body)
	require.NoError(w, conns["never"].Shutdown(w.ctx))
	until(w, "never's end", watch, func(p xmpp.Availability) bool { return p.Address.Resource() == "never" && !p.Available })
	settle(w, conns["high"])
	for _, res := range []string{"high"} {
		select {
		case m := <-heard[res]:
			require.FailNow(w, "heard what was not for it", "%s: %q", res, m.Body)
		default:
		}
	}

	// Directed presence reaches who has no subscription, and is taken back.
	seen := a.Roster().PresenceChanges(w.ctx)
	require.NoError(w, conns["low"].PresenceManager().SendTo(w.ctx, a.User(), &stanza.Presence{Show: stanza.ShowDND, Status: "busy"}))
	p := next(w, "directed presence", seen)
	require.Equal(w, xmpp.Availability{Address: conns["low"].User(), Available: true, Show: stanza.ShowDND, Status: "busy"}, p)
	require.NoError(w, conns["low"].Close())
	require.False(w, next(w, "its end", seen).Available)
}

// What comes while nobody is there waits, in order, with the time it was sent.
func offline(w *world) {
	a, user := w.online(w.user()), w.user()
	const n = 20
	for i := range n {
		require.NoError(w, a.ChatManager().CreateChat(user).SendMessage(w.ctx, fmt.Sprint("while you were out ", i)))
	}
	settle(w, a)
	b := w.connection(user)
	heard := make(chan *stanza.Message, 2*n)
	b.ChatManager().OnMessage(func(_ context.Context, _ *xmpp.Chat, m *stanza.Message) { heard <- m })
	require.NoError(w, b.Login(w.ctx, "", ""))
	for i := range n {
		m := next(w, "an offline message", heard)
		require.Equal(w, fmt.Sprint("while you were out ", i), m.Body)
		require.Equal(w, a.User(), m.From)
		require.False(w, m.Element().Child("urn:xmpp:delay", "delay").IsZero(), "%v", m.Element())
	}
	require.NoError(w, b.Shutdown(w.ctx))

	// They come once; and a session without presence leaves them where they are.
	require.NoError(w, a.ChatManager().CreateChat(user).SendMessage(w.ctx, "for later"))
	settle(w, a)
	silent := w.connection(user, func(cfg *xmpp.ConnectionConfiguration) { cfg.DisablePresence = true })
	early := silent.Messages(w.ctx)
	require.NoError(w, silent.Login(w.ctx, "", ""))
	settle(w, silent)
	require.NoError(w, silent.Shutdown(w.ctx))
	for m := range early {
		require.FailNow(w, "a message without presence", m.Body)
	}
	last := w.connection(user)
	messages := last.ChatManager().Messages(w.ctx)
	require.NoError(w, last.Login(w.ctx, "", ""))
	require.Equal(w, "for later", next(w, "the one for later", messages).Body)
}
