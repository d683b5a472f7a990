package xmpp

import (
	"context"
	"runtime"
	"sync"
	"weak"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// A ChatManager hears one-to-one conversations: messages of type chat and normal (RFC 6121 §5.2.2)
// that have a body and come from others. Errors go to [Connection.OnMessageError], groupchat to
// rooms, everything else only to [Connection.OnMessage]. Its methods may be called from anywhere.
type ChatManager struct {
	c    *Connection
	feed Feed[chatEvent]
	sent Feed[chatEvent]

	mu    sync.Mutex
	chats map[jid.JID]weak.Pointer[Chat] // one address, one Chat, for as long as anybody holds it
}

type chatEvent struct {
	chat *Chat
	m    *stanza.Message
}

// CreateChat returns the conversation with peer: a bare address for all of a contact's devices, a
// full one for one alone. The same address gives the same Chat. Nothing is sent.
func (m *ChatManager) CreateChat(peer jid.JID) *Chat {
	m.mu.Lock()
	defer m.mu.Unlock()
	if chat := m.chats[peer].Value(); chat != nil {
		return chat
	}
	peer = peer.Clone() // kept as long as the program likes
	chat := &Chat{m: m, peer: peer}
	p := weak.Make(chat)
	if m.chats == nil {
		m.chats = make(map[jid.JID]weak.Pointer[Chat])
	}
	m.chats[peer] = p
	runtime.AddCleanup(chat, m.forget, peer)
	return chat
}

// forget drops the entry of a Chat that nobody holds any more.
func (m *ChatManager) forget(peer jid.JID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.chats[peer].Value() == nil {
		delete(m.chats, peer)
	}
	if len(m.chats) == 0 {
		m.chats = nil
	}
}

// OnMessage hears the messages of all conversations, each with its Chat: that of the sender's bare
// address. f runs on the application goroutine and may wait for anything; later callbacks wait
// meanwhile. The message is read-only.
func (m *ChatManager) OnMessage(f func(ctx context.Context, c *Chat, m *stanza.Message)) (stop func()) {
	must(f != nil)
	return m.feed.On(func(ctx context.Context, ev chatEvent) { f(ctx, ev.chat, ev.m) })
}

// Messages is OnMessage as a channel; what is said at [Feed.Chan] holds.
func (m *ChatManager) Messages(ctx context.Context) <-chan *stanza.Message {
	return feedChan(&m.feed, ctx, func(ev chatEvent) (*stanza.Message, bool) { return ev.m, true }, nil)
}

// OnSent hears copies of what we sent from other devices (XEP-0280), where such copies are
// enabled. c is the conversation with whom it was sent to.
func (m *ChatManager) OnSent(f func(ctx context.Context, c *Chat, m *stanza.Message)) (stop func()) {
	must(f != nil)
	return m.sent.On(func(ctx context.Context, ev chatEvent) { f(ctx, ev.chat, ev.m) })
}

// SentMessages is OnSent as a channel.
func (m *ChatManager) SentMessages(ctx context.Context) <-chan *stanza.Message {
	return feedChan(&m.sent, ctx, func(ev chatEvent) (*stanza.Message, bool) { return ev.m, true }, nil)
}

// hear hands a message to the conversations, on the application goroutine, and tells whether
// anybody listened.
func (m *ChatManager) hear(ctx context.Context, ev messageEvent) bool {
	msg := ev.m
	if !m.feed.listened() {
		return false
	}
	if msg.Type != stanza.MessageChat && !msg.Type.IsNormal() || !msg.HasBody() {
		return false
	}
	if msg.From.IsZero() || msg.From == m.c.User() {
		return false // our own, or our server's word about the account
	}
	peer := msg.From.Bare()
	if p, ok := stanza.Marked[Peer](msg); ok {
		peer = jid.JID(p)
	}
	return m.feed.deliver(ctx, chatEvent{m.CreateChat(peer), msg})
}

// hearSent is hear for a copy of what we sent.
func (m *ChatManager) hearSent(ctx context.Context, msg *stanza.Message) bool {
	return msg.HasBody() && m.sent.listened() && m.sent.deliver(ctx, chatEvent{m.CreateChat(msg.To.Bare()), msg})
}

// A Chat is the conversation with one address. Its methods may be called from anywhere.
type Chat struct {
	m    *ChatManager
	peer jid.JID
}

// Peer is the address of the conversation.
func (c *Chat) Peer() jid.JID { return c.peer }

// SendMessage sends text as a message of type chat. What is said at [Connection.Send] holds.
func (c *Chat) SendMessage(ctx context.Context, text string) error {
	m := blanks.Get().(*stanza.Message)
	m.To, m.Type, m.Body = c.peer, stanza.MessageChat, text
	err := c.m.c.Send(ctx, m) // which neither changes nor keeps it
	m.To, m.Body = jid.JID{}, ""
	blanks.Put(m)
	return err
}

// blanks are messages to be filled in. A step that panics costs one.
var blanks = sync.Pool{New: func() any { return new(stanza.Message) }}

// Submit sends text and tells what becomes of it. What is said at [Connection.Submit] holds.
func (c *Chat) Submit(ctx context.Context, text string) (*Ack, error) {
	return c.m.c.Submit(ctx, c.message(text))
}

func (c *Chat) message(text string) *stanza.Message {
	return &stanza.Message{To: c.peer, Type: stanza.MessageChat, Body: text}
}

// hears tells whether a message is of this conversation.
func (c *Chat) hears(ev chatEvent) bool {
	return ev.chat.peer == c.peer || ev.m.From == c.peer
}

// OnMessage hears the messages of this conversation. A Chat with a bare address hears all of the
// peer's devices, one with a full address only that. f runs on the application goroutine and may
// wait for anything; later callbacks wait meanwhile.
func (c *Chat) OnMessage(f func(ctx context.Context, m *stanza.Message)) (stop func()) {
	must(f != nil)
	return c.m.feed.On(func(ctx context.Context, ev chatEvent) {
		if c.hears(ev) {
			f(ctx, ev.m)
		}
	})
}

// Messages is OnMessage as a channel; what is said at [Feed.Chan] holds.
func (c *Chat) Messages(ctx context.Context) <-chan *stanza.Message {
	return feedChan(&c.m.feed, ctx, func(ev chatEvent) (*stanza.Message, bool) { return ev.m, c.hears(ev) }, nil)
}
