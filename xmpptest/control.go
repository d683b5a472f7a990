package xmpptest

import (
	"maps"
	"slices"

	"github.com/gosmack/xmpp/stanza"
)

// Connections returns the connections on which a user has bound a resource.
func (s *Server) Connections(user string) []*Conn {
	address := s.Address(user)
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[address]
	if a == nil {
		return nil
	}
	conns := make([]*Conn, 0, len(a.sessions))
	for _, resource := range slices.Sorted(maps.Keys(a.sessions)) {
		conns = append(conns, a.sessions[resource])
	}
	return conns
}

// Drop cuts all connections of a user, as [Conn.Cut] does. When it returns, the
// user's resources are gone: what is sent to the user from then on waits in the
// offline storage.
func (s *Server) Drop(user string) {
	for _, c := range s.Connections(user) {
		c.Cut()
		s.unbind(c)
	}
}

// Kick ends all streams of a user with a stream error.
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
