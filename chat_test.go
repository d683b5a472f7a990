package xmpp_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// What the manager, a chat with a bare and one with a full address, and the connection hear of each message.
func TestWhatAChatHears(t *testing.T) {
	const self = "romeo@localhost/r"
	tests := map[string]struct{ stanza, heard string }{
		"chat":                     {"<message from='juliet@localhost/x' type='chat'><body>m</body></message>", "conn chats bare full"},
		"normal":                   {"<message from='juliet@localhost/x'><body>m</body></message>", "conn chats bare full"},
		"unknown type is normal":   {"<message from='juliet@localhost/x' type='odd'><body>m</body></message>", "conn chats bare full"},
		"another resource":         {"<message from='juliet@localhost/y' type='chat'><body>m</body></message>", "conn chats bare"},
		"bare":                     {"<message from='juliet@localhost' type='chat'><body>m</body></message>", "conn chats bare"},
		"somebody else":            {"<message from='nurse@localhost/x' type='chat'><body>m</body></message>", "conn chats"},
		"no body":                  {"<message from='juliet@localhost/x' type='chat'><x xmlns='urn:x'/></message>", "conn"},
		"headline":                 {"<message from='juliet@localhost/x' type='headline'><body>m</body></message>", "conn"},
		"groupchat":                {"<message from='juliet@localhost/x' type='groupchat'><body>m</body></message>", "conn"},
		"error":                    {"<message from='juliet@localhost/x' type='error'><body>m</body></message>", "error"},
		"ourselves":                {"<message from='" + self + "' type='chat'><body>m</body></message>", "conn"},
		"our other device":         {"<message from='romeo@localhost/other' type='chat'><body>m</body></message>", "conn chats"},
		"our server":               {"<message type='chat'><body>m</body></message>", "conn"},
		"copy of what we sent":     {"<message from='romeo@localhost/other' to='juliet@localhost/x' type='chat'><body>sent</body></message>", "sent"},
		"copy without a body":      {"<message from='romeo@localhost/other' to='juliet@localhost/x' type='chat'><thread>sent</thread></message>", ""},
		"private, within a room":   {"<message from='room@localhost/alice' type='chat'><body>private</body></message>", "conn chats occupant"},
		"a body of another tongue": {"<message from='juliet@localhost/x' type='chat'><body xml:lang='de'>m</body></message>", "conn chats bare full"},
	}
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := offline(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) { cfg.Resource = "r" })
		c.Use(xmpp.Extension{Name: "marks", Incoming: func(_ context.Context, m *stanza.Message) (*stanza.Message, error) {
			m = m.Clone()
			if m.Body == "sent" || m.Thread == "sent" {
				stanza.Mark(m, xmpp.Sent{})
			}
			if m.Body == "private" {
				stanza.Mark(m, xmpp.Peer(m.From))
			}
			return m, nil
		}})
		heard := ""
		hear := func(who string) func(context.Context, *stanza.Message) {
			return func(context.Context, *stanza.Message) { heard += " " + who }
		}
		manager := c.ChatManager()
		c.OnMessage(hear("conn"))
		c.OnMessageError(func(_ context.Context, m *stanza.Message, _ *stanza.Error) { heard += " error" })
		manager.OnMessage(func(ctx context.Context, chat *xmpp.Chat, m *stanza.Message) {
			heard += " chats"
			if m.Body == "private" {
				require.Equal(t, m.From, chat.Peer())
			} else {
				require.Equal(t, m.From.Bare(), chat.Peer())
			}
		})
		manager.OnSent(func(_ context.Context, chat *xmpp.Chat, m *stanza.Message) {
			heard += " sent"
			require.Equal(t, juliet, chat.Peer())
		})
		manager.CreateChat(juliet).OnMessage(hear("bare"))
		manager.CreateChat(jid.MustParse("juliet@localhost/x")).OnMessage(hear("full"))
		manager.CreateChat(jid.MustParse("room@localhost/alice")).OnMessage(hear("occupant"))
		manager.CreateChat(jid.MustParse("room@localhost")).OnMessage(hear("the room"))
		require.NoError(t, c.Login(t.Context(), "", ""))
		for name, tt := range tests {
			heard = ""
			raw(srv, "romeo", tt.stanza)
			settle()
			want := ""
			if tt.heard != "" {
				want = " " + tt.heard
			}
			require.Equal(t, want, heard, name)
		}
		require.Equal(t, int64(1), c.Stats().Unhandled, "only the bodiless copy had no listener")
	})
}

func TestChatOfAnAddress(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c, j := online(t, srv, "romeo"), online(t, srv, "juliet")
		chat := c.ChatManager().CreateChat(juliet)
		require.Same(t, chat, c.ChatManager().CreateChat(juliet), "one address, one value")
		require.NotSame(t, chat, c.ChatManager().CreateChat(j.User()))
		require.Equal(t, juliet, chat.Peer())
		all, own := chat.Messages(t.Context()), j.ChatManager().Messages(t.Context())
		ack, err := chat.Submit(t.Context(), "first")
		require.NoError(t, err)
		require.NoError(t, ack.Wait(t.Context()))
		m := <-own
		require.Equal(t, stanza.MessageChat, m.Type)
		require.Equal(t, ack.ID(), m.ID)
		require.NoError(t, j.ChatManager().CreateChat(c.User()).SendMessage(t.Context(), "answer"))
		require.Equal(t, "answer", (<-all).Body)

		require.NoError(t, c.ChatManager().CreateChat(srv.Address("nobody")).SendMessage(t.Context(), "hello?"))
	})
}

// An echo bot does not answer itself (S158), also when it talks to its own account.
func TestEchoToItself(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		sent := 0
		srv.Intercept(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element {
			if e.Local() == "message" {
				sent++
			}
			return []stanza.Element{e}
		})
		c := online(t, srv, "romeo")
		c.ChatManager().OnMessage(func(ctx context.Context, chat *xmpp.Chat, m *stanza.Message) {
			_ = chat.SendMessage(ctx, m.Body)
		})
		for _, to := range []jid.JID{c.User(), c.User().Bare()} {
			require.NoError(t, c.Send(t.Context(), &stanza.Message{To: to, Type: stanza.MessageChat, Body: "echo"}))
			settle()
		}
		require.Equal(t, 2, sent)
	})
}
