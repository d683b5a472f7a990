package carbons_test

import (
	"context"
	"errors"
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
	"github.com/gosmack/xmpp/xep/delay"
	"github.com/gosmack/xmpp/xep/forward"
	"github.com/gosmack/xmpp/xmpptest"
)

func samples() []any {
	f := forward.Forwarded{
		Stanza: &stanza.Message{ID: "1", From: jid.MustParse("juliet@capulet.example/balcony"), To: jid.MustParse("romeo@montague.example"), Body: "b"},
		Delay:  delay.Delay{Stamp: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)},
	}
	return []any{carbons.Received{f}, carbons.Sent{f}, carbons.NoCopies{}, carbons.EnableRequest{}, carbons.DisableRequest{}, carbons.NoCopyHint{}}
}

func TestRoundTrip(t *testing.T) { xmpptest.RoundTrip(t, samples()...) }

func FuzzPayloads(f *testing.F) { xmpptest.FuzzRoundTrip(f, samples()...) }

func TestWhatCannotBeWritten(t *testing.T) {
	for _, f := range []forward.Forwarded{{}, {Stanza: &stanza.Presence{}}, {Stanza: &stanza.Message{Body: "\x00"}}} {
		for _, v := range []any{carbons.Received{f}, carbons.Sent{f}} {
			_, err := stanza.Marshal(v)
			require.Error(t, err)
		}
	}
}

// A world is a server that knows copies and a bot that is logged in to it.
type world struct {
	srv     *xmpptest.Server
	bot     *xmpp.Connection
	carbons *carbons.Carbons

	mu     sync.Mutex
	asked  []string // names of the requests
	refuse bool
	heard  []string // by OnMessage
	sent   []string // by OnSent
	errs   []string // by OnMessageError
	faults []error
}

func (w *world) note(list *[]string, s string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*list = append(*list, s)
}

// take returns what was noted, and forgets it.
func (w *world) take(list *[]string) []string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	all := *list
	*list = nil
	return all
}

func (w *world) fault() error {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	err := errors.Join(w.faults...)
	w.faults = nil
	return err
}

// answer is a server's part in the protocol.
func (w *world) answer(c *xmpptest.Conn, e stanza.Element) []stanza.Element {
	request := e.First()
	if e.Local() != "iq" || request.Space() != carbons.NS {
		return []stanza.Element{e}
	}
	w.note(&w.asked, request.Local())
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refuse {
		c.Send(`<iq type='error' id='` + e.Attr("id") + `'><error type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`)
	} else {
		c.Send(`<iq type='result' id='` + e.Attr("id") + `'/>`)
	}
	return nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOn(t, nil)
}

func newWorldOn(t *testing.T, o *xmpptest.Options) *world {
	t.Helper()
	w := &world{srv: xmpptest.NewServer(t, o)}
	w.srv.Intercept(w.answer)
	cfg := w.srv.Configuration("bot")
	cfg.OnError = func(err error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.faults = append(w.faults, err)
	}
	var err error
	w.bot, err = xmpp.NewConnection(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { w.bot.Close() })
	w.carbons = carbons.Enable(w.bot)
	w.bot.OnMessage(func(_ context.Context, m *stanza.Message) { w.note(&w.heard, m.From.String()+": "+m.Body) })
	w.bot.ChatManager().OnSent(func(_ context.Context, c *xmpp.Chat, m *stanza.Message) {
		w.note(&w.sent, c.Peer().String()+": "+m.Body)
	})
	w.bot.OnMessageError(func(_ context.Context, m *stanza.Message, e *stanza.Error) {
		w.note(&w.errs, m.From.String()+": "+string(e.Condition))
	})
	return w
}

func (w *world) login(t *testing.T) {
	t.Helper()
	require.NoError(t, w.bot.Login(t.Context(), "", ""))
}

// raw writes to the bot; $BOT stands for its bare address.
func (w *world) raw(s string) {
	for _, c := range w.srv.Connections("bot") {
		c.Send(strings.ReplaceAll(s, "$BOT", w.srv.Address("bot").String()))
	}
}

// wrap makes a copy of what is inside.
func wrap(from, kind, inside string) string {
	return `<message type='chat' from='` + from + `' to='$BOT/x'><` + kind + ` xmlns='urn:xmpp:carbons:2'>` + forwarded(inside) + `</` + kind + `></message>`
}

func forwarded(inside string) string {
	return `<forwarded xmlns='urn:xmpp:forward:0'>` + inside + `</forwarded>`
}

// inner makes a message to be copied.
func inner(from, to, body string) string {
	return `<message xmlns='jabber:client' type='chat' from='` + from + `' to='` + to + `'><body>` + body + `</body></message>`
}

const juliet = "juliet@capulet.example/balcony"

func TestCopiesAreHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.login(t)
		require.True(t, w.carbons.Enabled())
		w.raw(wrap("$BOT", "received", inner(juliet, "$BOT/phone", "in")))
		w.raw(wrap("$BOT", "received", inner(juliet, "$BOT", "to all")))
		w.raw(wrap("$BOT", "sent", inner("$BOT/phone", juliet, "out")))
		require.Equal(t, []string{juliet + ": in", juliet + ": to all"}, w.take(&w.heard))
		require.Equal(t, []string{"juliet@capulet.example: out"}, w.take(&w.sent))
		require.NoError(t, w.fault())
	})
}

func TestMarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var copies []carbons.Copy
		note := func(m *stanza.Message) {
			c, ok := stanza.Marked[carbons.Copy](m)
			require.True(t, ok)
			copies = append(copies, c)
		}
		w.bot.OnMessage(func(_ context.Context, m *stanza.Message) { note(m) })
		w.bot.ChatManager().OnSent(func(_ context.Context, _ *xmpp.Chat, m *stanza.Message) { note(m) })
		w.login(t)
		stamp := `<delay xmlns='urn:xmpp:delay' stamp='2020-01-02T03:04:05Z'/>`
		w.raw(wrap("$BOT", "received", stamp+inner(juliet, "$BOT", "in")))
		w.raw(wrap("$BOT", "sent", `<delay xmlns='urn:xmpp:delay' stamp='soon'/>`+inner("$BOT/phone", juliet, "out")))
		synctest.Wait()
		require.Equal(t, []carbons.Copy{{Stamp: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)}, {Sent: true}}, copies)
		require.ErrorContains(t, w.fault(), "stamp", "a bad date is reported and costs nothing else")
	})
}

// S126: what isn't a copy by our own account's server is never heard as what it says.
func TestForgedCopies(t *testing.T) {
	good, ours := inner(juliet, "$BOT/phone", "in"), inner("$BOT/phone", juliet, "out")
	two := func(a, b string) string {
		return `<message type='chat' from='$BOT'>` + a + b + `</message>`
	}
	received := `<received xmlns='urn:xmpp:carbons:2'>` + forwarded(good) + `</received>`
	sent := `<sent xmlns='urn:xmpp:carbons:2'>` + forwarded(ours) + `</sent>`
	nested := func(inside string) string {
		return `<message xmlns='jabber:client' type='chat' from='` + juliet + `' to='$BOT'><body>b</body>` + inside + `</message>`
	}
	for name, message := range map[string]string{
		"from a stranger":                  wrap("mallory@evil.example/x", "received", good),
		"from a stranger, sent":            wrap("mallory@evil.example", "sent", ours),
		"from our full address":            wrap("$BOT/x", "received", good),
		"from our server":                  wrap("localhost", "received", good),
		"from nobody":                      strings.Replace(wrap("$BOT", "received", good), "from='$BOT'", "", 1),
		"from a room's occupant":           wrap("room@muc.example/$BOT", "received", good),
		"from almost us":                   wrap("$BOT.evil.example", "received", good),
		"within a copy":                    wrap("$BOT", "received", nested(received)),
		"of a copy of ours":                wrap("$BOT", "received", nested(sent)),
		"of a room's message":              wrap("$BOT", "received", strings.Replace(good, "'chat'", "'groupchat'", 1)),
		"of our message to a room":         wrap("$BOT", "sent", strings.Replace(ours, "'chat'", "'groupchat'", 1)),
		"sent by another":                  wrap("$BOT", "sent", good),
		"sent by nobody":                   wrap("$BOT", "sent", strings.Replace(ours, "from='$BOT/phone'", "", 1)),
		"received from nobody":             wrap("$BOT", "received", strings.Replace(good, "from='"+juliet+"'", "", 1)),
		"received by another":              wrap("$BOT", "received", inner(juliet, "mercutio@verona.example", "in")),
		"received by nobody":               wrap("$BOT", "received", strings.Replace(good, "to='$BOT/phone'", "", 1)),
		"received, but ours":               wrap("$BOT", "received", ours),
		"both kinds":                       two(received, sent),
		"twice":                            two(received, received),
		"two messages":                     wrap("$BOT", "received", good+good),
		"two forwarded":                    wrap("$BOT", "received", good+`</forwarded><forwarded xmlns='urn:xmpp:forward:0'>`+good),
		"no message":                       wrap("$BOT", "received", ""),
		"a presence":                       wrap("$BOT", "received", `<presence xmlns='jabber:client' from='`+juliet+`' to='$BOT'/>`),
		"a request":                        wrap("$BOT", "received", `<iq xmlns='jabber:client' from='`+juliet+`' to='$BOT' type='get' id='1'><query xmlns='jabber:iq:version'/></iq>`),
		"a sender that is no address":      wrap("$BOT", "received", inner("@", "$BOT", "in")),
		"no forwarded":                     `<message type='chat' from='$BOT'><received xmlns='urn:xmpp:carbons:2'>` + good + `</received></message>`,
		"an error that holds no error":     strings.Replace(wrap("$BOT", "received", good), "'chat'", "'error'", 1),
		"an error from a stranger":         strings.Replace(wrap("mallory@evil.example", "received", strings.Replace(good, "'chat'", "'error'", 1)), "'chat'", "'error'", 1),
		"a stranger who also says no copy": wrap("mallory@evil.example", "received", "") + wrap("mallory@evil.example", "sent", ""),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.login(t)
				w.raw(message)
				require.Empty(t, w.take(&w.heard))
				require.Empty(t, w.take(&w.sent))
				require.Empty(t, w.take(&w.errs))
				require.Error(t, w.fault(), "it is reported")
				w.raw(wrap("$BOT", "received", good))
				require.Len(t, w.take(&w.heard), 1, "and costs nothing else")
			})
		})
	}
}

// S126: nobody asked for copies, so there are none.
func TestCopiesThatWereNotEnabled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.refuse = true
		w.login(t)
		require.ErrorIs(t, w.fault(), stanza.Forbidden, "a refusal is reported, and costs no login")
		require.False(t, w.carbons.Enabled())
		w.raw(wrap("$BOT", "received", inner(juliet, "$BOT", "in")))
		require.Empty(t, w.take(&w.heard))
		require.ErrorContains(t, w.fault(), "not enabled")

		require.ErrorIs(t, w.carbons.Enable(t.Context()), stanza.Forbidden)
		w.mu.Lock()
		w.refuse = false
		w.mu.Unlock()
		require.NoError(t, w.carbons.Enable(t.Context()))
		w.raw(wrap("$BOT", "received", inner(juliet, "$BOT", "in")))
		require.Len(t, w.take(&w.heard), 1)
	})
}

// Without the extension a copy is a message without a body, by whoever sent it.
func TestWithoutTheExtension(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		bot := srv.Client(t, "bot")
		var heard []string
		bot.OnMessage(func(_ context.Context, m *stanza.Message) { heard = append(heard, m.From.Local()+": "+m.Body) })
		forged := wrap("mallory@evil.example", "received", inner(juliet, "$BOT", "in"))
		srv.Connections("bot")[0].Send(strings.ReplaceAll(forged, "$BOT", srv.Address("bot").String()))
		synctest.Wait()
		require.Equal(t, []string{"mallory: "}, heard)
	})
}

func TestEverySessionAsksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.srv.SetStreamManagement(xmpptest.StreamManagement{Resumption: xmpptest.ResumeFailsWithCount})
		w.login(t)
		require.Equal(t, []string{"enable"}, w.take(&w.asked))
		online := func() {
			t.Helper()
			w.srv.Drop("bot")
			time.Sleep(time.Minute) // virtual
			synctest.Wait()
			require.Equal(t, xmpp.Online, w.bot.State())
		}
		online()
		require.Equal(t, []string{"enable"}, w.take(&w.asked))
		w.raw(wrap("$BOT", "received", inner(juliet, "$BOT", "in")))
		require.Len(t, w.take(&w.heard), 1)

		require.NoError(t, w.carbons.Disable(t.Context()))
		require.False(t, w.carbons.Enabled())
		require.Equal(t, []string{"disable"}, w.take(&w.asked))
		online()
		require.Empty(t, w.take(&w.asked))
		w.raw(wrap("$BOT", "received", inner(juliet, "$BOT", "in")))
		require.Empty(t, w.take(&w.heard))

		require.NoError(t, w.carbons.Enable(t.Context()))
		online()
		require.Equal(t, []string{"enable", "enable"}, w.take(&w.asked))
	})
}

// What the server remembers, or has done with the login, isn't asked for.
func TestSessionsThatNeedNoRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorldOn(t, &xmpptest.Options{Bind2: true})
		var session *xmpp.Session
		w.bot.Use(xmpp.Extension{
			Name:    "sync",
			CatchUp: func(context.Context) bool { return true },
			Start:   func(_ context.Context, s *xmpp.Session) error { session = s; return nil },
		})
		w.login(t)
		require.Empty(t, w.take(&w.asked), "Bind 2 has done it")
		require.True(t, w.carbons.Enabled())
		require.True(t, session.Inlined(carbons.NS))
		start := func(s *xmpp.Session) []string {
			require.NoError(t, w.carbons.Start(t.Context(), s))
			return w.take(&w.asked)
		}
		require.Empty(t, start(&xmpp.Session{Resumed: true}))
		require.True(t, w.carbons.Enabled())

		require.NoError(t, w.carbons.Disable(t.Context()))
		w.take(&w.asked)
		require.Empty(t, start(&xmpp.Session{Resumed: true}))
		require.Empty(t, start(&xmpp.Session{}))
		require.Equal(t, []string{"disable"}, start(session))
		require.False(t, w.carbons.Enabled())
	})
}

// XEP-0280 §10.4: a bot with copies doesn't answer itself, however many devices
// echo.
func TestEchoDoesNotAnswerItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.bot.ChatManager().OnMessage(func(ctx context.Context, c *xmpp.Chat, m *stanza.Message) {
			require.NoError(t, c.SendMessage(ctx, "echo of "+m.Body))
		})
		w.login(t)
		romeo := w.srv.Client(t, "romeo")
		replies := romeo.ChatManager().Messages(t.Context())
		require.NoError(t, romeo.ChatManager().CreateChat(w.srv.Address("bot")).SendMessage(t.Context(), "good morrow"))
		require.Equal(t, "echo of good morrow", (<-replies).Body)

		w.raw(wrap("$BOT", "sent", inner("$BOT/phone", romeo.User().String(), "echo of good morrow")))
		w.raw(wrap("$BOT", "sent", inner("$BOT/phone", "$BOT", "note to self")))
		w.raw(wrap("$BOT", "received", inner("$BOT/phone", "$BOT", "note to self")))
		synctest.Wait()
		select {
		case m := <-replies:
			t.Errorf("the bot answered itself: %q", m.Body)
		default:
		}
		require.Equal(t, []string{romeo.User().String() + ": good morrow"}, w.take(&w.heard))
		require.Len(t, w.take(&w.sent), 3)
	})
}

func TestErrorsAreCopiedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.login(t)
		bounce := func(from, to string) string {
			return `<message xmlns='jabber:client' type='error' from='` + from + `' to='` + to + `'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`
		}
		for _, outer := range []string{"chat", "error"} {
			as := func(message string) string { return strings.Replace(message, "type='chat'", "type='"+outer+"'", 1) }
			w.raw(as(wrap("$BOT", "received", bounce(juliet, "$BOT/phone"))))
			w.raw(as(wrap("$BOT", "sent", bounce("$BOT/phone", juliet))))
			require.Equal(t, []string{juliet + ": gone"}, w.take(&w.errs), outer)
		}
		w.raw(bounce(juliet, "$BOT"))
		require.Equal(t, []string{juliet + ": gone"}, w.take(&w.errs), "what isn't a copy passes")
		require.Empty(t, w.take(&w.heard))
		require.Empty(t, w.take(&w.sent))
		for _, err := range w.faults {
			require.ErrorContains(t, err, "no error element", "the copy itself has none")
		}
	})
}

func TestFeatures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var all []string
		for f := range w.bot.Features() {
			all = append(all, f)
		}
		require.Contains(t, all, carbons.NS)
	})
}

func TestPrivate(t *testing.T) {
	for to, want := range map[string]string{
		"juliet@capulet.example":         "private",
		"juliet@capulet.example/balcony": "private no-copy",
	} {
		m := &stanza.Message{To: jid.MustParse(to), Body: "b"}
		carbons.Private(m)
		carbons.Private(m) // twice is once
		var names []string
		for e := range m.Payloads() {
			names = append(names, e.Local())
		}
		require.Equal(t, want, strings.Join(names, " "))
		require.True(t, stanza.Has[carbons.NoCopies](m))
	}
}
