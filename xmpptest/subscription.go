package xmpptest

import (
	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// subscription acts on a client's subscription stanza, RFC 6121 §3 and
// appendix A: the user's half here, the contact's in inbound.
func (s *Server) subscription(c *Conn, e xmlstream.Element, kind string, to jid.JID) {
	u := c.account
	if to.IsZero() {
		s.bounce(c, e, stanza.BadRequest)
		return
	}
	if to == u.address || !s.outbound(u, kind, to) {
		return
	}
	if to.Domain() != s.domain {
		s.bounce(c, e, stanza.RemoteServerNotFound)
		return
	}
	s.inbound(to, kind, u.address, readdress(e, u.address.String(), to.String(), nil))
	if kind == "subscribed" {
		s.introduce(u, s.account(to))
	}
}

// outbound changes the user's roster and says whether the stanza goes on to
// the contact (appendix A.2).
func (s *Server) outbound(u *account, kind string, to jid.JID) bool {
	it := u.roster.item(to)
	before := *it
	onward := true
	switch kind {
	case "subscribe":
		it.ask = !it.to
		it.listed = true
	case "unsubscribe":
		it.ask, it.to = false, false
	case "subscribed":
		onward = it.request != nil
		it.approved = it.approved || !onward && !it.from // §3.4
		it.from = it.from || onward
		it.listed, it.request = true, nil
	case "unsubscribed":
		onward = it.from || it.request != nil
		if it.from {
			s.withdraw(u, s.account(to))
		}
		it.from, it.approved, it.request = false, false, nil
	}
	s.changed(u, it, before)
	return onward
}

// inbound gives a subscription stanza to the account it is for (appendix A.3).
func (s *Server) inbound(to jid.JID, kind string, from jid.JID, data []byte) {
	a := s.account(to)
	if a == nil {
		return
	}
	it := a.roster.item(from)
	before := *it
	switch kind {
	case "subscribe":
		s.requested(a, it, data)
		return
	case "subscribed":
		if !it.ask {
			break
		}
		it.ask, it.to = false, true
		a.tell(data)
	case "unsubscribe":
		if !it.from && it.request == nil {
			break
		}
		a.tell(data)
		if it.from {
			s.withdraw(a, s.account(from))
		}
		it.from, it.request = false, nil
	case "unsubscribed":
		if !it.ask && !it.to {
			break
		}
		it.ask, it.to = false, false
		a.tell(data)
	}
	s.changed(a, it, before)
}

// requested acts on a request that came in (§3.1.3): the server answers for an
// account that agreed already, else the account's clients see the request.
func (s *Server) requested(a *account, it *item, data []byte) {
	before := *it
	switch {
	case it.from || it.approved:
		it.from = true
		s.changed(a, it, before)
		s.inbound(it.address, "subscribed", a.address, empty("presence", "subscribed", a.address, it.address))
		s.introduce(a, s.account(it.address))
	case it.request == nil:
		it.request = data
		for _, c := range a.available() {
			c.deliver(data)
		}
	}
}

// tell sends a subscription stanza to the interested resources (§3.1.6).
func (a *account) tell(data []byte) {
	for _, c := range a.interested() {
		c.deliver(data)
	}
}

// introduce sends an account's presence to one that may see it now (§3.1.5).
func (s *Server) introduce(a, to *account) {
	if to == nil {
		return
	}
	for _, c := range a.available() {
		s.sendPresence(c, c.presence, to)
	}
}

// withdraw sends that an account's resources are unavailable to one that may
// not see its presence any more (§3.2.2, §3.3.3).
func (s *Server) withdraw(a, from *account) {
	for _, c := range a.available() {
		s.sendPresence(c, silence, from)
	}
}
