package xmpptest

import (
	"github.com/gosmack/xmpp/stanza"
)

// Connections returns the connections on which a user has bound a resource,
// but no sessions that wait to be resumed; see [Server.Sessions] for those.
func (s *Server) Connections(user string) []*Conn {
	address := s.Address(user)
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[address]
	if a == nil {
		return nil
	}
	conns := make([]*Conn, 0, len(a.sessions))
	for _, c := range a.all() {
		if c.attached() {
			conns = append(conns, c)
		}
	}
	return conns
}

// Drop cuts all connections of a user, as [Conn.Cut] does. When it returns, the
// user's resources are gone: what is sent to the user from then on waits in the
// offline storage. Only a session that can be resumed (XEP-0198) stays, without
// a connection: others see it as before, and what is sent to it waits for
// [Options.ResumeFor], to be sent when it is resumed. [Server.Forget] ends that.
func (s *Server) Drop(user string) {
	for _, c := range s.Connections(user) {
		c.Cut()
		s.release(c)
	}
}

// Kick ends all streams of a user with a stream error, and the sessions with
// them.
func (s *Server) Kick(user string, condition stanza.StreamCondition) {
	for _, c := range s.Connections(user) {
		c.Kick(condition)
	}
}

// SetFaults sets what goes wrong on the connections that a user has now.
func (s *Server) SetFaults(user string, f Faults) {
	for _, c := range s.Connections(user) {
		c.SetFaults(f)
	}
}

// Next calls f with the next connection before anything is read from it; each
// call of Next is for one connection. It is the place for [Conn.SetFaults].
func (s *Server) Next(f func(*Conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = append(s.next, f)
}
