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

// message routes a message, RFC 6121 §8.5.
func (s *Server) message(c *Conn, e xmlstream.Element, to jid.JID) {
	if to.IsZero() {
		to = c.address.Bare() // RFC 6120 §10.3.1
	}
	if to.Domain() != s.domain {
		s.bounce(c, e, stanza.RemoteServerNotFound)
		return
	}
	a := s.account(to)
	if a == nil {
		s.bounce(c, e, stanza.ServiceUnavailable)
		return
	}
	if to.IsFull() {
		if target := a.sessions[to.Resource()]; target != nil {
			target.deliver(readdress(e, c.address.String(), to.String(), nil))
			return
		}
	}
	s.messageToAccount(c, e, to, a)
}

// messageToAccount is for a bare address (§8.5.2) and for a resource that is
// not there (§8.5.3.2.1).
func (s *Server) messageToAccount(c *Conn, e xmlstream.Element, to jid.JID, a *account) {
	switch e.Attr("type") {
	case "error":
		return
	case "groupchat":
		s.bounce(c, e, stanza.ServiceUnavailable)
		return
	case "headline":
		if to.IsBare() {
			for _, target := range a.available() {
				if target.priority >= 0 {
					target.deliver(readdress(e, c.address.String(), to.String(), nil))
				}
			}
		}
		return
	}
	targets := a.best()
	for _, target := range targets {
		target.deliver(readdress(e, c.address.String(), to.String(), nil))
	}
	if len(targets) == 0 {
		s.store(c, e, to, a)
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
func (s *Server) store(c *Conn, e xmlstream.Element, to jid.JID, a *account) {
	if len(a.offline) >= offlineLimit {
		s.bounce(c, e, stanza.ServiceUnavailable)
		return
	}
	if onlyChatState(e) {
		return
	}
	stamp := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	a.offline = append(a.offline, readdress(e, c.address.String(), to.String(), func(w *xmlstream.Writer) {
		start(w, nsDelay, "delay", "from", s.domain, "stamp", stamp)
		w.End()
	}))
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
