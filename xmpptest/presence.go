package xmpptest

import (
	"strconv"
	"strings"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// presence acts on a presence stanza, RFC 6121 §4.
func (s *Server) presence(c *Conn, e xmlstream.Element, to jid.JID) {
	switch kind := e.Attr("type"); kind {
	case "subscribe", "subscribed", "unsubscribe", "unsubscribed":
		s.subscription(c, e, kind, to.Bare())
	case "probe":
		s.probe(c, e, to)
	case "error":
		s.directed(c, e, to)
	case "", "unavailable":
		switch {
		case !to.IsZero():
			s.directed(c, e, to)
			c.directed[to] = kind == ""
		case kind == "":
			s.available(c, e)
		default:
			s.leave(c, e)
		}
	default:
		s.bounce(c, e, stanza.BadRequest)
	}
}

// available acts on broadcast presence, §4.2 and §4.4.
func (s *Server) available(c *Conn, e xmlstream.Element) {
	priority, ok := parsePriority(e)
	if !ok {
		s.bounce(c, e, stanza.BadRequest)
		return
	}
	first, deaf := c.presence.IsZero(), c.presence.IsZero() || c.priority < 0
	c.presence, c.priority = e.Clone(), priority
	s.broadcast(c, e)
	if first {
		s.catchUp(c)
	}
	if deaf && priority >= 0 {
		c.handOver()
	}
}

func parsePriority(e xmlstream.Element) (int8, bool) {
	child := e.Child(nsClient, "priority")
	if child.IsZero() {
		return 0, true
	}
	n, err := strconv.ParseInt(strings.TrimSpace(child.Text()), 10, 8)
	return int8(n), err == nil
}

// broadcast sends presence to those who may see it: contacts with a
// subscription and the account's own resources, this one included (§4.2.2).
// It returns which accounts those were.
func (s *Server) broadcast(c *Conn, e xmlstream.Element) map[jid.JID]bool {
	reached := map[jid.JID]bool{c.account.address: true}
	s.sendPresence(c, e, c.account)
	for _, it := range c.account.roster.sorted() {
		if it.from {
			reached[it.address] = true
			s.sendPresence(c, e, s.account(it.address))
		}
	}
	return reached
}

// sendPresence sends a resource's presence to all available resources of an
// account, which may be none.
func (s *Server) sendPresence(c *Conn, e xmlstream.Element, a *account) {
	if a == nil {
		return
	}
	for _, target := range a.available() {
		target.deliver(readdress(e, c.address.String(), a.address.String(), nil))
	}
}

// catchUp tells a new resource what it missed: presence of its own other
// resources and of contacts (§4.3), and requests that wait (§3.1.3).
func (s *Server) catchUp(c *Conn) {
	for _, other := range c.account.available() {
		if other != c {
			c.deliver(readdress(other.presence, other.address.String(), c.account.address.String(), nil))
		}
	}
	for _, it := range c.account.roster.sorted() {
		if it.to {
			s.presenceOf(s.account(it.address), c)
		}
		if it.request != nil {
			c.deliver(it.request)
		}
	}
}

// presenceOf sends the presence of all available resources of an account to
// one resource, if its owner may see it, and says whether.
func (s *Server) presenceOf(a *account, c *Conn) bool {
	if a == nil || !a.shares(c.account.address) {
		return false
	}
	for _, other := range a.available() {
		c.deliver(readdress(other.presence, other.address.String(), c.account.address.String(), nil))
	}
	return true
}

// shares says whether an account lets somebody see its presence.
func (a *account) shares(with jid.JID) bool {
	it := a.roster.items[with]
	return with == a.address || it != nil && it.from
}

// leave makes a resource unavailable: to all that knew it to be available,
// once each (§4.5).
func (s *Server) leave(c *Conn, e xmlstream.Element) {
	reached := map[jid.JID]bool{}
	if !c.session.presence.IsZero() {
		c.session.presence, c.priority = xmlstream.Element{}, 0
		reached = s.broadcast(c, e)
	}
	for to, available := range c.directed {
		if available && !reached[to.Bare()] {
			s.directed(c, e, to)
		}
	}
	clear(c.directed)
}

// silence is what the server says for a client that is gone without a word.
var silence, _ = xmlstream.Parse("<presence xmlns='jabber:client' type='unavailable'/>", xmlstream.Limits{})

// directed sends presence to the address it has (§4.6).
func (s *Server) directed(c *Conn, e xmlstream.Element, to jid.JID) {
	a := s.account(to)
	if a == nil {
		return
	}
	for _, target := range a.available() {
		if to.IsBare() || target.address == to {
			target.deliver(readdress(e, c.address.String(), to.String(), nil))
		}
	}
}

// probe answers a client that asks for somebody's presence (§4.3.2).
func (s *Server) probe(c *Conn, e xmlstream.Element, to jid.JID) {
	a := s.account(to)
	switch {
	case a == nil:
	case !s.presenceOf(a, c):
		c.deliver(empty("presence", "unsubscribed", a.address, c.account.address))
	case len(a.available()) == 0:
		c.deliver(empty("presence", "unavailable", a.address, c.account.address))
	}
}
