package xmpptest

import (
	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/jid"
)

const (
	nsCarbons = "urn:xmpp:carbons:2"
	nsForward = "urn:xmpp:forward:0"
	nsHints   = "urn:xmpp:hints"
	nsMUCUser = "http://jabber.org/protocol/muc#user"
)

// carbonable says whether other resources get a copy of a message, by the
// rules of XEP-0280 §6.1. Errors get none: what they answer is not remembered.
func carbonable(e xmlstream.Element) bool {
	if !e.Child(nsCarbons, "private").IsZero() || !e.Child(nsHints, "no-copy").IsZero() || isCarbon(e) {
		return false
	}
	switch e.Attr("type") {
	case "chat":
		return e.Child(nsMUCUser, "x").IsZero() || invites(e)
	case "groupchat", "headline", "error":
		return false
	}
	if !e.Child(nsClient, "body").IsZero() || invites(e) {
		return true
	}
	for child := range e.Children() {
		switch child.Space() {
		case nsChatStates, "urn:xmpp:receipts", "urn:xmpp:chat-markers:0":
			return true
		}
	}
	return false
}

// invites says whether a message invites into a room, XEP-0249 or XEP-0045 §7.8.
func invites(e xmlstream.Element) bool {
	return !e.Child("jabber:x:conference", "x").IsZero() || !e.Child(nsMUCUser, "x").Child(nsMUCUser, "invite").IsZero()
}

func isCarbon(e xmlstream.Element) bool {
	return !e.Child(nsCarbons, "received").IsZero() || !e.Child(nsCarbons, "sent").IsZero()
}

// copies sends a message to the account's resources that want copies, apart
// from those that know it already: under "received" (§7) or "sent" (§8).
func (a *account) copies(direction string, message []byte, kind string, known map[*Conn]bool) {
	var inner xmlstream.Element
	for _, c := range a.all() {
		if !c.carbons || known[c] {
			continue
		}
		if inner.IsZero() {
			var ok bool
			if inner, ok = reparse(message); !ok {
				return
			}
		}
		c.deliver(carbon(direction, inner, kind, a.address, c.address))
	}
}

func carbon(direction string, message xmlstream.Element, kind string, from, to jid.JID) []byte {
	return build(func(w *xmlstream.Writer) {
		start(w, nsClient, "message", "from", from.String(), "to", to.String(), "type", kind)
		w.Start(nsCarbons, direction)
		w.Start(nsForward, "forwarded")
		w.Element(message)
		w.End()
		w.End()
		w.End()
	})
}

// setCarbons answers a request to send copies, or not any more (§4, §5).
func (s *Server) setCarbons(c *Conn, e, payload xmlstream.Element) bool {
	switch payload.Local() {
	case "enable":
		c.carbons = true
	case "disable":
		c.carbons = false
	default:
		return false
	}
	c.deliver(result(e, c.address, nil))
	return true
}
