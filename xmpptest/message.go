package xmpptest

import (
	"time"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

const (
	nsDelay      = "urn:xmpp:delay"
	nsChatStates = "http://jabber.org/protocol/chatstates"
)

// offlineLimit is how many messages wait for one account.
const offlineLimit = 100_000

// stored is a message that waits for its account, ready to be sent.
type stored []byte

// message routes a message, RFC 6121 §8.5, with copies for other resources of
// both sides (XEP-0280) and their archives (XEP-0313).
func (s *Server) message(c *Conn, e xmlstream.Element, to jid.JID) {
	if to.IsZero() {
		to = c.address.Bare() // RFC 6120 §10.3.1
	}
	a := s.account(to)
	if a != c.account {
		s.sent(c, e, to)
	}
	if to.Domain() != s.domain {
		s.bounce(c, e, stanza.RemoteServerNotFound)
		return
	}
	if a == nil {
		s.bounce(c, e, stanza.ServiceUnavailable)
		return
	}
	m := s.arrive(c, e, to, a)
	data := m.data(nil)
	if target := a.sessions[to.Resource()]; to.IsFull() && target != nil {
		target.deliver(data)
		m.reached[target] = true
	} else {
		s.messageToAccount(c, m, data)
	}
	if carbonable(e) {
		a.copies("received", data, e.Attr("type"), m.reached)
	}
}

// sent is for the sender's own account.
func (s *Server) sent(c *Conn, e xmlstream.Element, to jid.JID) {
	store, copied := archivable(e) && !s.options.NoArchive, carbonable(e)
	if !store && !copied {
		return
	}
	m := arrival{e: e, from: c.address.String(), to: to.String(), by: c.account.address.String()}
	if store {
		m.id = c.account.keep(c.address, to, m.data(nil))
	}
	if copied {
		c.account.copies("sent", m.data(nil), e.Attr("type"), map[*Conn]bool{c: true})
	}
}

// arrival is a message on its way to an account.
type arrival struct {
	e        xmlstream.Element
	from, to string
	by, id   string         // the archive and the id there, if it is archived
	reached  map[*Conn]bool // who has it
	account  *account
	bare     bool // it is for the account, not for one resource
}

// arrive archives a message for the account it is for.
func (s *Server) arrive(c *Conn, e xmlstream.Element, to jid.JID, a *account) *arrival {
	m := &arrival{
		e: e, from: c.address.String(), to: to.String(), by: a.address.String(),
		reached: map[*Conn]bool{}, account: a, bare: to.IsBare(),
	}
	if a == c.account {
		m.reached[c] = true // knows what it sent
	}
	if archivable(e) && !s.options.NoArchive {
		m.id = a.keep(c.address, to, m.data(nil))
	}
	return m
}

// data returns the message as the account's clients get it: with the id that it
// has in the archive, and without one that somebody else made up (XEP-0359 §3).
func (m *arrival) data(extra func(*xmlstream.Writer)) []byte {
	forged := func(e xmlstream.Element) bool { return e.Is(nsStanzaID, "stanza-id") && e.Attr("by") == m.by }
	return rewrite(m.e, m.from, m.to, forged, func(w *xmlstream.Writer) {
		if m.id != "" {
			start(w, nsStanzaID, "stanza-id", "by", m.by, "id", m.id)
			w.End()
		}
		if extra != nil {
			extra(w)
		}
	})
}

// messageToAccount is for a bare address (§8.5.2) and for a resource that is
// not there (§8.5.3.2.1).
func (s *Server) messageToAccount(c *Conn, m *arrival, data []byte) {
	switch m.e.Attr("type") {
	case "error":
		return
	case "groupchat":
		s.bounce(c, m.e, stanza.ServiceUnavailable)
		return
	case "headline":
		for _, target := range m.account.available() {
			if m.bare && target.priority >= 0 {
				target.deliver(data)
			}
		}
		return
	}
	targets := m.account.best()
	for _, target := range targets {
		target.deliver(data)
		m.reached[target] = true
	}
	if len(targets) == 0 {
		s.store(c, m)
	}
}

// best returns the resources with the highest priority that is not negative.
func (a *account) best() []*Conn {
	var best []*Conn
	for _, c := range a.available() {
		switch {
		case c.priority < 0:
		case len(best) == 0 || c.priority > best[0].priority:
			best = []*Conn{c}
		case c.priority == best[0].priority:
			best = append(best, c)
		}
	}
	return best
}

// store keeps a message for an account that is not there (XEP-0160), with the
// time at which it came (XEP-0203). A mere chat state is not kept.
func (s *Server) store(c *Conn, m *arrival) {
	if len(m.account.offline) >= offlineLimit {
		s.bounce(c, m.e, stanza.ServiceUnavailable)
		return
	}
	if onlyChatState(m.e) {
		return
	}
	m.account.offline = append(m.account.offline, m.data(func(w *xmlstream.Writer) { writeDelay(w, s.domain, time.Now()) }))
}

func onlyChatState(e xmlstream.Element) bool {
	state := false
	for child := range e.Children() {
		if child.Space() != nsChatStates && !child.Is(nsClient, "thread") {
			return false
		}
		state = true
	}
	return state
}

// handOver sends an account's stored messages to a resource that is ready for
// messages, in their order.
func (c *Conn) handOver() {
	for _, m := range c.account.offline {
		c.deliver(m)
	}
	c.account.offline = nil
}
