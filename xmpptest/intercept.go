package xmpptest

import (
	"slices"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/stanza"
)

// Interceptor sees a stanza and returns what takes its place: the stanza
// itself to let it pass, nothing to drop it, others to replace it. It may call
// the server's methods, and may wait: that holds up its connection only, in
// one direction. Close waits for it.
type Interceptor func(c *Conn, e stanza.Element) []stanza.Element

// hooks are interceptors of one direction, in the order in which they came.
type hooks []*Interceptor

// Intercept lets f see what clients send, before the server does anything
// about it; what f returns counts as sent by that client. It is called on the
// goroutine that reads from c. Interceptors run in the order in which they
// were added, each seeing what the one before let through. Stop ends it.
func (s *Server) Intercept(f Interceptor) (stop func()) { return s.hook(&s.in, f) }

// InterceptOutgoing lets f see the stanzas that the server is about to send to
// clients, in the order in which they leave, and is like [Server.Intercept]
// otherwise. Addresses may be forged: nothing looks at them any more. It is
// called on the goroutine that writes to c.
func (s *Server) InterceptOutgoing(f Interceptor) (stop func()) { return s.hook(&s.out, f) }

func (s *Server) hook(list *hooks, f Interceptor) (stop func()) {
	own := &f
	s.mu.Lock()
	defer s.mu.Unlock()
	*list = append(slices.Clip(*list), own)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		*list = slices.DeleteFunc(slices.Clone(*list), func(h *Interceptor) bool { return h == own })
	}
}

// received applies the interceptors to a stanza that came in.
func (s *Server) received(c *Conn, e xmlstream.Element) []xmlstream.Element {
	s.mu.Lock()
	list := s.in
	s.mu.Unlock()
	return list.apply(c, e)
}

// intercepted applies the interceptors to a stanza that goes out.
func (s *Server) intercepted(c *Conn, data []byte) [][]byte {
	s.mu.Lock()
	list := s.out
	s.mu.Unlock()
	if len(list) == 0 {
		return [][]byte{data}
	}
	first, ok := reparse(data)
	if !ok {
		return [][]byte{data}
	}
	var replaced [][]byte
	for _, e := range list.apply(c, first) {
		replaced = append(replaced, e.Append(nil, nsClient))
	}
	return replaced
}

func (h hooks) apply(c *Conn, e xmlstream.Element) []xmlstream.Element {
	current := []xmlstream.Element{e}
	for _, f := range h {
		var next []xmlstream.Element
		for _, e := range current {
			for _, r := range (*f)(c, stanza.Element(e)) {
				next = append(next, xmlstream.Element(r))
			}
		}
		current = next
	}
	return current
}
