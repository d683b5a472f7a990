package xmpp

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// A PresenceManager says how available we are, and hears the presence of others. A new session
// begins with what was set last, or, if nothing was and DisablePresence isn't set, with plain
// availability. Its methods may be called from anywhere.
type PresenceManager struct {
	c    *Connection
	feed Feed[*stanza.Presence]

	turn queueLock       // of who tells the server: keeps presences in the order they were set
	sent []byte          // what the session was told, as it was written; owned by who has the turn
	in   *stream.Session // the session that sent belongs to; likewise

	mu      sync.Mutex
	current *stanza.Presence // what was set; nil: nothing yet
	told    map[jid.JID]bool // who was sent available presence in this session
}

// Set broadcasts a presence, available or unavailable, to all who see ours. One that says just
// what the last did is not sent again. Between sessions it is kept and the next one begins with
// it. p isn't changed or kept. It waits like [Connection.Send] and has its errors.
func (m *PresenceManager) Set(ctx context.Context, p *stanza.Presence) error {
	switch {
	case p == nil:
		return &ConfigError{"presence", "it is nil"}
	case !p.To.IsZero():
		return &ConfigError{"presence to", "it is set; SendTo sends directed presence"}
	case p.Type != stanza.PresenceAvailable && p.Type != stanza.PresenceUnavailable:
		return &ConfigError{"presence type", "only available and unavailable are broadcast"}
	}
	p = p.Clone()
	if _, err := m.c.encode(p); err != nil {
		return err
	}
	if err := m.begins(ctx); err != nil {
		return err
	}
	defer m.ends()
	if m.c.State() == Closed {
		return ErrClosed
	}
	m.mu.Lock()
	m.current = p
	m.mu.Unlock()
	return m.tell(ctx, p)
}

// begins waits for the turn.
func (m *PresenceManager) begins(ctx context.Context) error {
	if err := m.turn.take(ctx); err != nil {
		return &unsentError{err}
	}
	return nil
}

func (m *PresenceManager) ends() { m.turn.give() }

// catchUp tells a session that has just come online what was set while it was being set up.
func (m *PresenceManager) catchUp(ctx context.Context) error {
	if err := m.begins(ctx); err != nil {
		return err
	}
	defer m.ends()
	p := m.Current()
	if p == nil || m.sent == nil && p.Type == stanza.PresenceUnavailable {
		return nil
	}
	return m.tell(ctx, p)
}

// tell broadcasts p if a session is online. It has the turn, which the next session needs to
// begin: the wait for room ends with the session. Nothing is lost by it, because the next one
// begins with the current presence.
func (m *PresenceManager) tell(ctx context.Context, p *stanza.Presence) error {
	m.c.mu.Lock()
	s := m.c.live
	m.c.mu.Unlock()
	if s == nil {
		return nil
	}
	limited, cancel := context.WithCancel(ctx)
	defer cancel()
	defer s.AfterFunc(cancel)()
	err := m.broadcast(limited, s, p)
	if err != nil && s.Context().Err() != nil && ctx.Err() == nil && m.c.State() != Closed {
		return nil
	}
	return err
}

// Unavailable takes our resource offline without ending the session (RFC 6121 §4.5); status says
// why.
func (m *PresenceManager) Unavailable(ctx context.Context, status string) error {
	return m.Set(ctx, &stanza.Presence{Type: stanza.PresenceUnavailable, Status: status})
}

// Current is the presence that was set last; nil if none was. It is read-only.
func (m *PresenceManager) Current() *stanza.Presence {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current
}

// SendTo sends directed presence (RFC 6121 §4.6) to one address, of any type. It fails with
// ErrNotConnected between sessions.
func (m *PresenceManager) SendTo(ctx context.Context, to jid.JID, p *stanza.Presence) error {
	if p == nil {
		return &ConfigError{"presence", "it is nil"}
	}
	if to.IsZero() {
		return &ConfigError{"presence to", "it is empty"}
	}
	p = p.Clone()
	p.To = to
	return m.c.Send(ctx, p)
}

// OnPresence hears every presence that was received, of any type, but what an extension has
// claimed. The presence is read-only. What is said at [Feed.On] holds.
func (m *PresenceManager) OnPresence(f func(ctx context.Context, p *stanza.Presence)) (stop func()) {
	return m.feed.On(f)
}

// Presences is OnPresence as a channel; an unread presence is replaced by a newer one of the same
// address and type.
func (m *PresenceManager) Presences(ctx context.Context) <-chan *stanza.Presence {
	type key struct {
		from jid.JID
		typ  stanza.PresenceType
	}
	return feedChan(&m.feed, ctx, func(p *stanza.Presence) (*stanza.Presence, bool) { return p, true }, func(p *stanza.Presence) any {
		if p.Type == stanza.PresenceUnavailable {
			return key{p.From, stanza.PresenceAvailable}
		}
		return key{p.From, p.Type}
	})
}

// goOn notes that a resumed session knows what the one before was told.
func (m *PresenceManager) goOn(ctx context.Context, s *stream.Session) error {
	if err := m.begins(ctx); err != nil {
		return err
	}
	defer m.ends()
	m.in = s
	return nil
}

// begin sends a new session's initial presence (RFC 6121 §4.2).
func (m *PresenceManager) begin(ctx context.Context) error {
	if err := m.begins(ctx); err != nil {
		return err
	}
	defer m.ends()
	s, _ := ctx.Value(setupKey{}).(*stream.Session)
	m.in, m.sent = s, nil
	m.mu.Lock()
	m.told = nil
	m.mu.Unlock()
	p := m.Current()
	if p == nil {
		if m.c.cfg.DisablePresence {
			return nil
		}
		p = &stanza.Presence{}
	}
	if p.Type == stanza.PresenceUnavailable {
		return nil // a new session is that already
	}
	return m.broadcast(ctx, s, p)
}

// broadcast writes p, unless the session was told just that. It has the turn.
func (m *PresenceManager) broadcast(ctx context.Context, s *stream.Session, p *stanza.Presence) error {
	data, err := m.announced(ctx, p)
	if err != nil || m.in == s && bytes.Equal(m.sent, data) {
		return err
	}
	m.c.stats.sent.Add(1)
	if err := m.c.putLater(ctx, m.c.lane(ctx), stream.Entry{Data: data}); err != nil {
		return putError(err)
	}
	m.in, m.sent = s, data
	return nil
}

// direct notes who is told of us by directed presence (RFC 6121 §4.6.3).
func (m *PresenceManager) direct(p *stanza.Presence) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch p.Type {
	case stanza.PresenceAvailable:
		if m.told == nil {
			m.told = make(map[jid.JID]bool)
		}
		m.told[p.To.Clone()] = true
	case stanza.PresenceUnavailable:
		delete(m.told, p.To)
	}
}

// directed tells whether an address, or the bare one for all its resources, was told of us.
func (m *PresenceManager) directed(who jid.JID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.told[who] || m.told[who.Bare()]
}

// announced is a presence as it is written, with what the extensions add to available ones.
func (m *PresenceManager) announced(ctx context.Context, p *stanza.Presence) ([]byte, error) {
	if p.Type == stanza.PresenceAvailable {
		p = p.Clone()
		for _, x := range m.c.extensions {
			if x.Announce == nil {
				continue
			}
			if err := x.Announce(ctx, p); err != nil {
				m.c.report(fmt.Errorf("extension %s: presence: %w", x.Name, err))
			}
		}
	}
	return m.c.encode(p)
}

// send is Connection.Send for presence.
func (m *PresenceManager) send(ctx context.Context, p *stanza.Presence) error {
	if p.To.IsZero() {
		return m.Set(ctx, p)
	}
	m.c.mu.Lock()
	up := m.c.live != nil || m.c.lane(ctx) == stream.Setup
	m.c.mu.Unlock()
	if !up {
		return m.c.down()
	}
	data, err := m.announced(ctx, p)
	if err != nil {
		return err
	}
	m.direct(p)
	m.c.stats.sent.Add(1)
	return putError(m.c.putLater(ctx, m.c.lane(ctx), stream.Entry{Data: data}))
}
