package xmpp

import (
	"encoding/xml"
	"errors"
	"slices"
	"strings"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

const nsRoster = "jabber:iq:roster"

// A rosterQuery is <query xmlns='jabber:iq:roster'/> (RFC 6121 §2.1.1).
type rosterQuery struct {
	ver    string
	hasVer bool
	items  []rosterItem
	bad    []error // of items that are left out: they don't cost the list
}

type rosterItem struct{ Contact }

// ElementName implements stanza.Decoder.
func (*rosterQuery) ElementName() xml.Name { return xml.Name{Space: nsRoster, Local: "query"} }

// DecodeElement implements stanza.Decoder.
func (q *rosterQuery) DecodeElement(e stanza.Element) error {
	q.ver, q.hasVer = e.AttrNS("", "ver")
	n := 0
	for range e.Children() {
		n++
	}
	q.items = make([]rosterItem, 0, n) // growing by and by copies a large roster several times
	for c := range e.Children() {
		if !c.Is(nsRoster, "item") {
			continue
		}
		item, err := decodeItem(c)
		if err != nil {
			q.bad = append(q.bad, err)
			continue
		}
		q.items = append(q.items, item)
	}
	return nil
}

var errNoAddress = errors.New("an item without an address")

func decodeItem(e stanza.Element) (rosterItem, error) {
	var i rosterItem
	address := e.Attr("jid")
	if address == "" {
		return i, errNoAddress
	}
	j, err := jid.Parse(address)
	if err != nil {
		return i, err
	}
	i.JID, i.Name = j, e.Attr("name")
	i.Subscription = subscription(e.Attr("subscription"))
	i.Asked = e.Attr("ask") == "subscribe"
	a := e.Attr("approved")
	i.PreApproved = a == "true" || a == "1"
	for g := range e.Children() {
		if t := g.Text(); g.Is(nsRoster, "group") && t != "" {
			i.Groups = append(i.Groups, t)
		}
	}
	i.Groups = distinct(i.Groups)
	return i, nil
}

// distinct drops what stood already, in a time that doesn't grow with the square of their number: a stanza has room for very many.
func distinct(groups []string) []string {
	const few = 16
	if len(groups) <= few {
		kept := groups[:0]
		for _, g := range groups {
			if !slices.Contains(kept, g) {
				kept = append(kept, g)
			}
		}
		return kept
	}
	seen := make(map[string]bool, len(groups))
	return slices.DeleteFunc(groups, func(g string) bool {
		old := seen[g]
		seen[g] = true
		return old
	})
}

// subscription is one of the constants where it can be, which no stanza is kept for.
func subscription(s string) Subscription {
	switch s := Subscription(s); s {
	case SubscriptionBoth:
		return SubscriptionBoth
	case SubscriptionFrom:
		return SubscriptionFrom
	case SubscriptionTo:
		return SubscriptionTo
	case SubscriptionNone, "":
		return SubscriptionNone
	case subscriptionRemove:
		return subscriptionRemove
	default:
		return Subscription(strings.Clone(string(s)))
	}
}

// own is the contact without a hold on the stanza it came in, or on what lay beside its address.
func (i rosterItem) own() Contact {
	c := i.Contact
	c.JID = c.JID.Clone()
	c.Name = strings.Clone(c.Name)
	c.Groups = slices.Clone(c.Groups)
	for n, g := range c.Groups {
		c.Groups[n] = strings.Clone(g)
	}
	return c
}

// AppendElement implements stanza.Appender.
func (q rosterQuery) AppendElement(w *stanza.Writer) error {
	w.Start(nsRoster, "query")
	if q.hasVer {
		w.Attr("ver", q.ver)
	}
	for _, i := range q.items {
		i.append(w)
	}
	w.End()
	return w.Err()
}

func (i rosterItem) append(w *stanza.Writer) {
	w.Start(nsRoster, "item")
	w.Attr("jid", i.JID.String())
	if i.Name != "" {
		w.Attr("name", i.Name)
	}
	if i.Subscription != "" {
		w.Attr("subscription", string(i.Subscription))
	}
	if i.Asked {
		w.Attr("ask", "subscribe")
	}
	if i.PreApproved {
		w.Attr("approved", "true")
	}
	for _, g := range i.Groups {
		w.Start(nsRoster, "group")
		w.Text(g)
		w.End()
	}
	w.End()
}
