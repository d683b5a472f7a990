package xmpptest_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
	"github.com/stretchr/testify/require"
)

func TestClient(t *testing.T) {
	for name, options := range map[string]xmpptest.Options{
		"default":       {},
		"hashed offer":  {HashOffer: true},
		"no binding":    {ChannelBinding: []string{}},
		"plaintext":     {Plaintext: true},
		"only PLAIN":    {Mechanisms: []string{"PLAIN"}},
		"OAUTHBEARER":   {Mechanisms: []string{"OAUTHBEARER"}},
		"SHA-1":         {Mechanisms: []string{"SCRAM-SHA-1"}},
		"byte by byte":  {Faults: xmpptest.Faults{Chunk: 1}},
		"no buffer":     {BufferSize: -1},
		"IP as domain":  {Domain: "127.0.0.1"},
		"stanza limits": {StanzaLimit: 10000},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, options, func(t *testing.T, srv *xmpptest.Server) {
				juliet := srv.Client(t, "juliet")
				messages := juliet.ChatManager().Messages(t.Context())
				romeo := srv.Client(t, "romeo")
				require.Equal(t, srv.Address("romeo"), romeo.User().Bare())
				require.NoError(t, romeo.ChatManager().CreateChat(srv.Address("juliet")).SendMessage(t.Context(), "hi"))
				m := <-messages
				require.Equal(t, "hi", m.Body)
				require.Equal(t, romeo.User(), m.From)
			})
		})
	}
}

func TestEchoBotSurvivesACut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		bot, err := xmpp.NewConnection(srv.Configuration("bot"))
		require.NoError(t, err)
		t.Cleanup(func() { bot.Close() })
		bot.ChatManager().OnMessage(func(ctx context.Context, c *xmpp.Chat, m *stanza.Message) {
			_ = c.SendMessage(ctx, m.Body)
		})
		go bot.Run(t.Context())

		chat := srv.Client(t, "romeo").ChatManager().CreateChat(srv.Address("bot"))
		replies := chat.Messages(t.Context())
		say := func(s string) {
			t.Helper()
			require.NoError(t, chat.SendMessage(t.Context(), s))
			require.Equal(t, s, (<-replies).Body)
		}
		say("good morrow")
		srv.Drop("bot")
		say("still there?")
		require.Equal(t, 3, srv.Dialer().Dials())
	})
}
