package xmpptest

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

const nsRoster = "jabber:iq:roster"

// longest is how many bytes a contact's name or group may have.
const longest = 1023

// rosterVersion names a state of a roster, on this server only.
func (s *Server) rosterVersion(n int) string { return s.id + "-" + strconv.Itoa(n) }

// writeItem writes an item, or that there is none any more.
func writeItem(w *xmlstream.Writer, it *item, address jid.JID) {
	if it == nil {
		start(w, nsRoster, "item", "jid", address.String(), "subscription", "remove")
		w.End()
		return
	}
	start(w, nsRoster, "item", "jid", address.String(), "name", it.name, "subscription", it.subscription())
	if it.ask {
		w.Attr("ask", "subscribe")
	}
	if it.approved {
		w.Attr("approved", "true")
	}
	for _, g := range it.groups {
		w.Start(nsRoster, "group")
		w.Text(g)
		w.End()
	}
	w.End()
}

// push returns a roster push, RFC 6121 §2.1.6.
func (s *Server) push(c *Conn, version int, it *item, address jid.JID) []byte {
	return build(func(w *xmlstream.Writer) {
		start(w, nsClient, "iq", "to", c.address.String(), "type", "set", "id", stanza.NewID())
		start(w, nsRoster, "query", "ver", s.rosterVersion(version))
		writeItem(w, it, address)
		w.End()
		w.End()
	})
}

// rosterGet answers with the roster, or, to a client that knows an earlier
// state, with nothing and then what changed since (§2.6.3).
func (s *Server) rosterGet(c *Conn, e, query xmlstream.Element) {
	r := &c.account.roster
	c.interested = true
	if known, ok := s.knownVersion(query, r.version); ok {
		c.deliver(result(e, c.address, nil))
		s.pushSince(c, known)
		return
	}
	c.deliver(result(e, c.address, func(w *xmlstream.Writer) {
		w.Start(nsRoster, "query")
		if _, versioned := query.AttrNS("", "ver"); versioned {
			w.Attr("ver", s.rosterVersion(r.version))
		}
		for _, it := range r.sorted() {
			if it.listed {
				writeItem(w, it, it.address)
			}
		}
		w.End()
	}))
}

func (s *Server) knownVersion(query xmlstream.Element, current int) (int, bool) {
	text, own := strings.CutPrefix(query.Attr("ver"), s.id+"-")
	n, err := strconv.Atoi(text)
	return n, own && err == nil && n >= 0 && n <= current
}

// pushSince pushes what changed after a version, in the order of the changes.
func (s *Server) pushSince(c *Conn, known int) {
	r := &c.account.roster
	type change struct {
		version int
		address jid.JID
	}
	var changes []change
	for _, it := range r.items {
		if it.listed && it.version > known {
			changes = append(changes, change{it.version, it.address})
		}
	}
	for address := range maps.Keys(r.removed) {
		if r.removed[address] > known {
			changes = append(changes, change{r.removed[address], address})
		}
	}
	slices.SortFunc(changes, func(a, b change) int { return cmp.Compare(a.version, b.version) })
	for _, ch := range changes {
		it := r.items[ch.address]
		if it != nil && !it.listed {
			it = nil
		}
		c.deliver(s.push(c, ch.version, it, ch.address))
	}
}

// rosterSet adds, changes or removes one item, §2.3 to §2.5.
func (s *Server) rosterSet(c *Conn, e, query xmlstream.Element) {
	condition := s.editRoster(c.account, query)
	if condition != "" {
		s.bounce(c, e, condition)
		return
	}
	c.deliver(result(e, c.address, nil))
}

func (s *Server) editRoster(a *account, query xmlstream.Element) stanza.Condition {
	given := slices.Collect(query.Children())
	if len(given) != 1 || !given[0].Is(nsRoster, "item") {
		return stanza.BadRequest // §2.3.3
	}
	address, err := jid.Parse(given[0].Attr("jid"))
	switch {
	case err != nil:
		return stanza.BadRequest
	case address.Bare() == a.address:
		return stanza.NotAllowed
	}
	address = address.Bare()
	if given[0].Attr("subscription") == "remove" {
		it := a.roster.items[address]
		if it == nil || !it.listed {
			return stanza.ItemNotFound
		}
		s.remove(a, it)
		return ""
	}
	name, groups, condition := readItem(given[0])
	if condition != "" {
		return condition
	}
	it := a.roster.item(address)
	it.name, it.groups, it.listed = name, groups, true
	s.update(a, it)
	return ""
}

// readItem reads what a client may say of a contact, §2.3.3.
func readItem(e xmlstream.Element) (name string, groups []string, condition stanza.Condition) {
	if name = e.Attr("name"); len(name) > longest {
		return "", nil, stanza.NotAcceptable
	}
	for child := range e.Children() {
		if !child.Is(nsRoster, "group") {
			continue
		}
		group := child.Text()
		switch {
		case group == "" || len(group) > longest:
			return "", nil, stanza.NotAcceptable
		case slices.Contains(groups, group):
			return "", nil, stanza.BadRequest
		}
		groups = append(groups, strings.Clone(group))
	}
	return strings.Clone(name), groups, ""
}
