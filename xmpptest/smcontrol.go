package xmpptest

import (
	"maps"
	"slices"

	"github.com/gosmack/xmpp/jid"
)

// StreamManagement is what a server does about XEP-0198 that may be wrong or
// unusual. The zero value is a good server. See [Options.StreamManagement] and
// [Server.SetStreamManagement].
type StreamManagement struct {
	// Resumption says whether sessions can be resumed.
	Resumption Resumption

	// HandledOffset is added to each count of handled stanzas that the server
	// tells, in <a/>, <resumed/> and <failed/>: a positive one claims stanzas
	// that were never sent, a negative one takes back what was acknowledged.
	HandledOffset int

	// Mute leaves every <r/> without an answer.
	Mute bool

	// AskEvery is after how many stanzas the server asks <r/>. 0 means 10;
	// a negative one means never.
	AskEvery int

	// UnackedLimit is how many stanzas may wait for the client's acknowledgment.
	// A session that ever had more can't be resumed (Prosody: 500). 0 means
	// any number.
	UnackedLimit int

	// Location is announced as the place where to resume. Empty means none.
	Location string
}

// Resumption says what becomes of an attempt to resume a session.
type Resumption int

const (
	// ResumeAllowed resumes every session that is still there. For one that
	// ended, the answer tells how many stanzas were handled, unless
	// [Server.Forget] took that too.
	ResumeAllowed Resumption = iota
	// ResumeFailsWithCount ends the session instead and tells how many
	// stanzas were handled.
	ResumeFailsWithCount
	// ResumeFailsWithoutCount does the same without a number.
	ResumeFailsWithoutCount
	// ResumeNever also enables stream management without resumption.
	ResumeNever
)

// SetStreamManagement changes what goes wrong from now on, in place of what
// did so far, for sessions that are there and those to come.
func (s *Server) SetStreamManagement(m StreamManagement) {
	if m.AskEvery == 0 {
		m.AskEvery = 10
	}
	s.settings.Store(&m)
}

// SessionState is a session under stream management as the server sees it.
// Counts wrap around at 2³².
type SessionState struct {
	Address   jid.JID // full
	Connected bool    // false: it waits to be resumed
	Resumable bool    // has an identifier by which it can be resumed
	Received  uint32  // stanzas handled: the server's h
	Sent      uint32  // stanzas written to the client
	Acked     uint32  // of those the client acknowledged: its last h
	Unacked   int     // written since
	Waiting   int     // not written yet
	Most      int     // how many were unacked or waiting at once, at most
}

// Sessions returns the sessions of a user for which stream management is
// enabled, also those that wait to be resumed, by resource.
func (s *Server) Sessions(user string) []SessionState {
	address := s.Address(user)
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []SessionState
	for _, c := range s.accounts[address].all() {
		if c.managed != nil {
			list = append(list, c.managed.state())
		}
	}
	return list
}

func (m *managed) state() SessionState {
	m.mu.Lock()
	defer m.mu.Unlock()
	return SessionState{
		Address: m.holder.session.address, Connected: m.timer == nil, Resumable: m.id != "",
		Received: m.received, Sent: m.sent, Acked: m.acked,
		Unacked: len(m.unacked), Waiting: len(m.waiting), Most: m.most,
	}
}

// all returns the bound resources in a fixed order, of no account none.
func (a *account) all() []*Conn {
	if a == nil {
		return nil
	}
	var found []*Conn
	for _, resource := range slices.Sorted(maps.Keys(a.sessions)) {
		found = append(found, a.sessions[resource])
	}
	return found
}

// Forget makes the server forget that a user's sessions can be resumed, and how
// many stanzas it handled in them. Those that wait end, as if their time had
// come: what was not acknowledged goes to the user's other resources or into
// the offline storage. Connected ones go on.
func (s *Server) Forget(user string) {
	address := s.Address(user)
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[address]
	for _, c := range a.all() {
		if c.managed == nil {
			continue
		}
		waits := c.managed.timer != nil
		delete(s.resumable, c.managed.id)
		c.managed.id = ""
		if waits {
			s.finish(c)
		}
	}
	maps.DeleteFunc(s.former, func(_ string, f former) bool { return f.account == a })
}

// Restart does what a crash does: it cuts all connections and forgets all
// sessions together with the stanzas that wait in them. Accounts, rosters,
// archives, offline messages and tokens stay, and the server goes on at once.
func (s *Server) Restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Cut()
	}
	for _, a := range s.accounts {
		for _, c := range a.all() {
			if c.managed != nil {
				c.managed.end()
				c.managed.clear()
			}
			s.finish(c)
		}
	}
	clear(s.former)
}

// clear takes the identity and what waits from a session.
func (m *managed) clear() {
	if m.timer != nil {
		m.timer.Stop()
	}
	delete(m.holder.server.resumable, m.id)
	m.id, m.timer = "", nil
}
