package xmpptest

import (
	"slices"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

const (
	nsDiscoInfo  = "http://jabber.org/protocol/disco#info"
	nsDiscoItems = "http://jabber.org/protocol/disco#items"
	nsPing       = "urn:xmpp:ping"
	nsVersion    = "jabber:iq:version"
)

// features are what the server announces of itself and of each account
// (XEP-0030).
var features = []string{nsDiscoInfo, nsDiscoItems, nsPing, nsRoster, nsVersion, "msgoffline", nsCarbons}

// archiveFeatures are what it announces of accounts besides, XEP-0313 §7.
var archiveFeatures = []string{nsMAM, nsMAM + "#extended", nsStanzaID}

// iq routes a request or an answer, RFC 6120 §8.2.3 and RFC 6121 §8.5.
func (s *Server) iq(c *Conn, e xmlstream.Element, to jid.JID) {
	kind := e.Attr("type")
	request := kind == "get" || kind == "set"
	children := slices.Collect(e.Children())
	switch {
	case !request && kind != "result" && kind != "error", e.Attr("id") == "", request && len(children) != 1:
		s.bounce(c, e, stanza.BadRequest)
	case to.IsZero() || to == c.account.address:
		if request {
			s.answer(c, e, children[0], true)
		}
	case to.Domain() != s.domain:
		s.bounce(c, e, stanza.RemoteServerNotFound)
	case to.Local() == "" && to.IsBare():
		if request {
			s.answer(c, e, children[0], false)
		}
	default:
		s.iqToClient(c, e, to)
	}
}

// iqToClient hands an IQ to the resource it is for.
func (s *Server) iqToClient(c *Conn, e xmlstream.Element, to jid.JID) {
	if a := s.account(to); a != nil && to.IsFull() {
		if target := a.sessions[to.Resource()]; target != nil {
			target.deliver(readdress(e, c.address.String(), to.String(), nil))
			return
		}
	}
	if e.Attr("type") == "set" && !e.Child(nsRoster, "query").IsZero() {
		s.bounce(c, e, stanza.Forbidden) // RFC 6121 §2.1.5
		return
	}
	s.bounce(c, e, stanza.ServiceUnavailable)
}

// answer answers a request to the server, or to the client's own account.
func (s *Server) answer(c *Conn, e, payload xmlstream.Element, account bool) {
	switch e.Attr("type") + " " + payload.Space() {
	case "get " + nsRoster:
		if account {
			s.rosterGet(c, e, payload)
			return
		}
	case "set " + nsRoster:
		if account {
			s.rosterSet(c, e, payload)
			return
		}
	case "set " + nsCarbons:
		if account && s.setCarbons(c, e, payload) {
			return
		}
	case "set " + nsMAM, "get " + nsMAM:
		if account && s.archiveIQ(c, e, payload) {
			return
		}
	case "set " + nsSession, "get " + nsPing:
		c.deliver(result(e, c.address, nil))
		return
	case "get " + nsVersion:
		c.deliver(result(e, c.address, writeVersion))
		return
	case "get " + nsDiscoInfo, "get " + nsDiscoItems:
		s.disco(c, e, payload, account)
		return
	}
	s.bounce(c, e, stanza.ServiceUnavailable)
}

// writeVersion is XEP-0092.
func writeVersion(w *xmlstream.Writer) {
	w.Start(nsVersion, "query")
	for _, field := range [][2]string{{"name", "xmpptest"}, {"version", "1"}} {
		w.Start(nsVersion, field[0])
		w.Text(field[1])
		w.End()
	}
	w.End()
}

// disco is XEP-0030. The server has no nodes and no items.
func (s *Server) disco(c *Conn, e, query xmlstream.Element, account bool) {
	if query.Attr("node") != "" {
		s.bounce(c, e, stanza.ItemNotFound)
		return
	}
	c.deliver(result(e, c.address, func(w *xmlstream.Writer) {
		w.Start(query.Space(), "query")
		if query.Space() == nsDiscoInfo {
			s.writeInfo(w, account)
		}
		w.End()
	}))
}

func (s *Server) writeInfo(w *xmlstream.Writer, account bool) {
	announced := features
	if account {
		start(w, nsDiscoInfo, "identity", "category", "account", "type", "registered")
		if !s.options.NoArchive {
			announced = slices.Concat(features, archiveFeatures)
		}
	} else {
		start(w, nsDiscoInfo, "identity", "category", "server", "type", "im", "name", "xmpptest")
	}
	w.End()
	for _, f := range announced {
		start(w, nsDiscoInfo, "feature", "var", f)
		w.End()
	}
}
