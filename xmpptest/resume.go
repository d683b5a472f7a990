package xmpptest

import (
	"strconv"
	"time"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/stanza"
)

// former is what the server remembers of a session that nobody can resume any
// more, XEP-0198 §5.
type former struct {
	account  *account
	received uint32
}

// resumeSession acts on <resume/> of an authenticated client that has bound no
// resource, §5. If that goes well it calls reply with the server's answer,
// before anything else is sent; else it returns the answer that says why not.
// The error is one of the stream.
func (c *Conn) resumeSession(e xmlstream.Element, reply func(resumed string)) (failed string, err error) {
	s := c.server
	s.mu.Lock()
	m, failed := s.findSession(c, e.Attr("previd"))
	if m == nil {
		s.mu.Unlock()
		return failed, nil
	}
	h, err := strconv.ParseUint(e.Attr("h"), 10, 32)
	if err == nil {
		err = m.acknowledge(uint32(h))
	} else {
		failed, err = smFailed("", stanza.BadRequest), nil
		s.mu.Unlock()
		return failed, err
	}
	if err != nil {
		s.mu.Unlock()
		return "", err
	}
	old := m.holder
	open := m.timer == nil
	s.move(m, c)
	reply("<resumed xmlns='" + nsSM + "' previd='" + m.id + "' h='" + s.told(m.received) + "'/>")
	m.redeliver(c)
	s.mu.Unlock()
	if open {
		old.Kick(stanza.StreamConflict)
	}
	return "", nil
}

// findSession returns the session that a client may resume, or why there is
// none. The caller holds s.mu.
func (s *Server) findSession(c *Conn, id string) (*managed, string) {
	settings := s.settings.Load()
	if s.options.NoStreamManagement {
		return nil, smFailed("", stanza.FeatureNotImplemented)
	}
	m := s.resumable[id]
	if m != nil && m.holder.account == c.user {
		if settings.Resumption == ResumeAllowed && !m.overflowed() {
			return m, ""
		}
		s.finish(m.holder)
	}
	f, known := s.former[id]
	if !known || f.account != c.user || settings.Resumption == ResumeFailsWithoutCount {
		return nil, smFailed("", stanza.ItemNotFound)
	}
	return nil, smFailed(s.told(f.received), stanza.ItemNotFound)
}

func (m *managed) overflowed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.overflow
}

// move makes a connection the one that has a session. The caller holds s.mu.
func (s *Server) move(m *managed, c *Conn) {
	old := m.holder
	old.flushHeld()
	c.session = old.session
	old.session = session{address: old.address}
	c.account.sessions[c.address.Resource()] = c
	c.inactive = false // XEP-0352 §5.2
	m.holder = c
	if m.timer != nil {
		m.timer.Stop()
		m.timer = nil
	}
	m.mu.Lock()
	m.keepHeld()
	m.writer = c
	m.mu.Unlock()
	s.log.Debug("resumed", "address", c.address.String())
}

// redeliver sends what the client has not got, the oldest first: once more what
// was counted already, then what came while nobody was there. Interceptors have
// seen the former.
func (m *managed) redeliver(c *Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.unacked {
		c.push(outgoing{data: e.data})
	}
	for _, e := range m.waiting {
		c.push(outgoing{data: e.data, stanza: true, entry: e})
	}
	if len(m.unacked) > 0 && c.server.settings.Load().AskEvery > 0 {
		m.unasked = 0
		c.push(outgoing{data: []byte("<r xmlns='" + nsSM + "'/>")})
	}
}

// release is for a connection that broke: a session that can be resumed waits
// for that, any other ends. A second time it does nothing.
func (s *Server) release(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := c.managed
	switch {
	case c.account == nil:
	case m == nil || m.id == "" || s.closed:
		s.finish(c)
	case m.timer == nil:
		s.detach(m)
	}
}

// detach lets a session wait for its client, §5.
func (s *Server) detach(m *managed) {
	m.mu.Lock()
	m.writer = nil
	m.keepHeld()
	m.mu.Unlock()
	var timer *time.Timer
	timer = time.AfterFunc(m.patience, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if m.timer == timer {
			s.finish(m.holder)
		}
	})
	m.timer = timer
	s.log.Debug("waits to be resumed", "address", m.holder.address.String())
}

// keepHeld takes back a stanza that the fault Reorder holds. The caller holds m.mu.
func (m *managed) keepHeld() {
	h := m.holder.high
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.held != nil {
		m.waiting = append([]*entry{{session: m, data: h.held, at: time.Now()}}, m.waiting...)
		h.held = nil
	}
}
