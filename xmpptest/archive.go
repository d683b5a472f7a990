package xmpptest

import (
	"crypto/rand"
	"slices"
	"time"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

const (
	nsMAM      = "urn:xmpp:mam:2"
	nsStanzaID = "urn:xmpp:sid:0"
	nsRSM      = "http://jabber.org/protocol/rsm"
	nsForms    = "jabber:x:data"
)

// archiveLimit is how many messages an archive keeps, the newest.
const archiveLimit = 100_000

// archived is one message in an account's archive (XEP-0313 §3).
type archived struct {
	id       string
	at       time.Time
	from, to jid.JID
	data     []byte // without a stanza-id
}

// archivable says whether a message belongs into archives (§6.1.1): one in a
// conversation, with text.
func archivable(e xmlstream.Element) bool {
	switch e.Attr("type") {
	case "error", "headline", "groupchat":
		return false
	}
	return !e.Child(nsClient, "body").IsZero() && !isCarbon(e) &&
		e.Child(nsHints, "no-store").IsZero() && e.Child(nsHints, "no-permanent-store").IsZero()
}

// keep archives a message and returns its id there.
func (a *account) keep(from, to jid.JID, data []byte) string {
	m := archived{id: rand.Text(), at: time.Now().UTC().Truncate(time.Millisecond), from: from, to: to, data: data}
	if a.archive = append(a.archive, m); len(a.archive) > archiveLimit {
		a.archive[0] = archived{}
		a.archive = a.archive[1:]
	}
	return m.id
}

// place returns the index of a message in the archive, or -1.
func (a *account) place(id string) int {
	return slices.IndexFunc(a.archive, func(m archived) bool { return m.id == id })
}

// archiveIQ answers what a client asks of its own archive, and says whether it
// was that.
func (s *Server) archiveIQ(c *Conn, e, payload xmlstream.Element) bool {
	if s.options.NoArchive {
		return false
	}
	switch e.Attr("type") + " " + payload.Local() {
	case "set query":
		if condition := s.archiveQuery(c, e, payload); condition != "" {
			s.bounce(c, e, condition)
		}
	case "get query":
		c.deliver(result(e, c.address, writeArchiveForm))
	case "get metadata":
		c.deliver(result(e, c.address, c.account.writeMetadata))
	default:
		return false
	}
	return true
}

// archiveQuery sends the messages that a query asks for, and how far they reach
// (§4). A refusal is returned.
func (s *Server) archiveQuery(c *Conn, e, query xmlstream.Element) stanza.Condition {
	a := c.account
	filter, condition := a.readFilter(query)
	if condition != "" {
		return condition
	}
	var found []int
	for i := range a.archive {
		if filter.matches(i, &a.archive[i], a.address) {
			found = append(found, i)
		}
	}
	p, condition := a.readPage(query, found)
	if condition != "" {
		return condition
	}
	shown := slices.Clone(p.items)
	if !query.Child(nsMAM, "flip-page").IsZero() {
		slices.Reverse(shown) // §4.3.4
	}
	for _, i := range shown {
		c.deliver(a.archive[i].result(query.Attr("queryid"), a.address, c.address))
	}
	c.deliver(result(e, c.address, func(w *xmlstream.Writer) { a.writeFin(w, p, len(found)) }))
	return ""
}

// result is one message of the answer, §4.2.
func (m *archived) result(query string, from, to jid.JID) []byte {
	inner, ok := reparse(m.data)
	if !ok {
		return nil
	}
	return build(func(w *xmlstream.Writer) {
		start(w, nsClient, "message", "from", from.String(), "to", to.String(), "id", stanza.NewID())
		start(w, nsMAM, "result", "queryid", query, "id", m.id)
		w.Start(nsForward, "forwarded")
		start(w, nsDelay, "delay", "stamp", stamp(m.at))
		w.End()
		w.Element(inner)
		w.End()
		w.End()
		w.End()
	})
}

// writeMetadata is §5.
func (a *account) writeMetadata(w *xmlstream.Writer) {
	w.Start(nsMAM, "metadata")
	if n := len(a.archive); n > 0 {
		first, last := a.archive[0], a.archive[n-1]
		start(w, nsMAM, "start", "id", first.id, "timestamp", stamp(first.at))
		w.End()
		start(w, nsMAM, "end", "id", last.id, "timestamp", stamp(last.at))
		w.End()
	}
	w.End()
}
