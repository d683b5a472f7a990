package forward_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/delay"
	"github.com/gosmack/xmpp/xep/forward"
	"github.com/gosmack/xmpp/xmpptest"
)

var (
	juliet  = jid.MustParse("juliet@capulet.example/orchard")
	stamp   = time.Date(2010, 7, 10, 23, 8, 25, 0, time.UTC)
	message = &stanza.Message{ID: "0202197", From: juliet, To: jid.MustParse("romeo@montague.example"), Type: stanza.MessageChat, Body: "Yet I should kill thee"}
)

var samples = []any{
	forward.Forwarded{Stanza: message, Delay: delay.Delay{From: juliet.Bare(), Stamp: stamp, Reason: "r"}},
	forward.Forwarded{Stanza: &stanza.Presence{From: juliet, Show: stanza.ShowAway}},
	forward.Forwarded{Stanza: &stanza.IQ{ID: "1", From: juliet, Type: stanza.IQResult}},
}

func TestRoundTrip(t *testing.T) { xmpptest.RoundTrip(t, samples...) }

func FuzzPayloads(f *testing.F) { xmpptest.FuzzRoundTrip(f, samples...) }

func decode(t *testing.T, inside string) (forward.Forwarded, error) {
	t.Helper()
	e, err := stanza.Parse(`<forwarded xmlns="urn:xmpp:forward:0">` + inside + `</forwarded>`)
	require.NoError(t, err)
	return stanza.Decode[forward.Forwarded](e)
}

func TestDecode(t *testing.T) {
	const m = `<message xmlns="jabber:client" from="juliet@capulet.example/orchard"><body>b</body><mood xmlns="urn:example:mood"/></message>`
	const d = `<delay xmlns="urn:xmpp:delay" stamp="2010-07-10T23:08:25Z"/>`
	f, err := decode(t, d+m+`<x xmlns="urn:example:x"/>`)
	require.NoError(t, err)
	require.NoError(t, f.Fault)
	require.True(t, stamp.Equal(f.Delay.Stamp))
	require.Equal(t, juliet, f.Message().From)
	require.Len(t, slices.Collect(f.Stanza.Payloads()), 1, "what isn't known is kept")

	for name, bad := range map[string]string{
		"nothing": "", "only a delay": d, "two": m + m, "two of two kinds": m + `<iq xmlns="jabber:client"/>`,
		"the wrong namespace": `<message><body>b</body></message>`, "a server's": `<message xmlns="jabber:server"/>`,
		"no stanza": `<x xmlns="jabber:client"/>`, "no address": `<message xmlns="jabber:client" from="@"/>`,
	} {
		_, err := decode(t, bad)
		require.ErrorContains(t, err, "forwarded: ", name)
	}
	for name, bad := range map[string]string{"no stamp": `<delay xmlns="urn:xmpp:delay"/>` + m, "two": d + m + d} {
		f, err := decode(t, bad)
		require.NoError(t, err, "a bad delay doesn't cost the stanza: "+name)
		require.Equal(t, "b", f.Message().Body)
		require.Error(t, f.Fault, name)
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	_, err := stanza.Marshal(forward.Forwarded{})
	require.ErrorContains(t, err, "forwarded: there is no stanza")
	_, err = stanza.Marshal(forward.Forwarded{Stanza: (*stanza.Message)(nil)})
	require.Error(t, err)
	_, err = stanza.Marshal(forward.Forwarded{Stanza: &stanza.Message{Body: "\x00"}})
	require.ErrorContains(t, err, "body")
}

func TestOthersAreNoMessage(t *testing.T) {
	require.Nil(t, forward.Forwarded{}.Message())
	require.Nil(t, forward.Forwarded{Stanza: &stanza.Presence{}}.Message())
	require.Equal(t, message, forward.Forwarded{Stanza: message}.Message())
}

// S127: what is inside is never heard as a message of its own.
func TestForwardedIsNotLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		bot, err := xmpp.NewConnection(srv.Configuration("bot"))
		require.NoError(t, err)
		defer bot.Close()
		forward.Handle(bot)
		var heard, chatted []string
		bot.OnMessage(func(_ context.Context, m *stanza.Message) { heard = append(heard, m.From.Local()+": "+m.Body) })
		bot.ChatManager().OnMessage(func(_ context.Context, c *xmpp.Chat, m *stanza.Message) { chatted = append(chatted, m.Body) })
		require.NoError(t, bot.Login(t.Context(), "", ""))
		require.Contains(t, slices.Collect(bot.Features()), forward.NS)

		mallory := srv.Client(t, "mallory")
		for _, body := range []string{"", "look"} {
			m := &stanza.Message{To: bot.User(), Type: stanza.MessageChat, Body: body}
			stanza.Add(m, forward.Forwarded{Stanza: message})
			require.NoError(t, mallory.Send(t.Context(), m))
		}
		synctest.Wait()
		require.Equal(t, []string{"mallory: ", "mallory: look"}, heard)
		require.Equal(t, []string{"look"}, chatted)
	})
}
