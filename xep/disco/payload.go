package disco

import (
	"encoding/xml"
	"errors"
	"fmt"
	"slices"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// The namespaces of the protocol, which are also the features that announce it.
const (
	NSInfo  = "http://jabber.org/protocol/disco#info"
	NSItems = "http://jabber.org/protocol/disco#items"

	nsForm = "jabber:x:data"
)

// Faults are the entries of a received answer that were left out, and why. They
// are never written.
type Faults []error

// An Entity is what an address or node is and can (XEP-0030 §3). The empty one,
// with a node or none, is the question.
type Entity struct {
	Node       string
	Identities []Identity
	Features   []string
	Forms      []stanza.Element // jabber:x:data (XEP-0128)

	Faults Faults
}

// An Identity is one thing that an entity is, such as a client of type bot.
type Identity struct {
	Category string // required
	Type     string // required
	Name     string // for people
	Lang     string // of Name
}

// Has tells whether the entity announces a feature.
func (e Entity) Has(feature string) bool { return slices.Contains(e.Features, feature) }

// Is tells whether the entity has an identity of this category and type.
func (e Entity) Is(category, typ string) bool {
	return slices.ContainsFunc(e.Identities, func(i Identity) bool { return i.Category == category && i.Type == typ })
}

// ElementName returns the name of the payload.
func (*Entity) ElementName() xml.Name { return xml.Name{Space: NSInfo, Local: "query"} }

// DecodeElement reads the payload: every entry that is one, in order, also
// those that stand twice.
func (e *Entity) DecodeElement(x stanza.Element) error {
	e.Node = x.Attr("node")
	for c := range x.Children() {
		switch {
		case c.Is(NSInfo, "identity"):
			i := Identity{c.Attr("category"), c.Attr("type"), c.Attr("name"), c.Lang()}
			if i.Category == "" || i.Type == "" {
				e.Faults = append(e.Faults, errors.New("identity without category or type"))
				continue
			}
			e.Identities = append(e.Identities, i)
		case c.Is(NSInfo, "feature"):
			if c.Attr("var") == "" {
				e.Faults = append(e.Faults, errors.New("feature without var"))
				continue
			}
			e.Features = append(e.Features, c.Attr("var"))
		case c.Is(nsForm, "x"):
			e.Forms = append(e.Forms, c)
		}
	}
	return nil
}

// AppendElement writes the payload.
func (e Entity) AppendElement(w *stanza.Writer) error {
	w.Start(NSInfo, "query")
	attr(w, "node", e.Node)
	for _, i := range e.Identities {
		w.Start(NSInfo, "identity")
		w.Lang(i.Lang)
		w.Attr("category", i.Category)
		w.Attr("type", i.Type)
		attr(w, "name", i.Name)
		w.End()
	}
	for _, f := range e.Features {
		w.Start(NSInfo, "feature")
		w.Attr("var", f)
		w.End()
	}
	for _, f := range e.Forms {
		w.Element(f)
	}
	w.End()
	return w.Err()
}

// An Item is something that belongs to an entity: an address, or a node of one.
type Item struct {
	JID  jid.JID // required
	Node string
	Name string // for people
}

// An ItemList is what belongs to an address or node (XEP-0030 §4). The empty
// one, with a node or none, is the question.
type ItemList struct {
	Node  string
	Items []Item

	Faults Faults
}

// ElementName returns the name of the payload.
func (*ItemList) ElementName() xml.Name { return xml.Name{Space: NSItems, Local: "query"} }

// DecodeElement reads the payload: every item with a good address, in order.
func (l *ItemList) DecodeElement(x stanza.Element) error {
	l.Node = x.Attr("node")
	for c := range x.Children() {
		if !c.Is(NSItems, "item") {
			continue
		}
		address, err := jid.Parse(c.Attr("jid"))
		if err != nil {
			l.Faults = append(l.Faults, fmt.Errorf("item: jid: %w", err))
			continue
		}
		l.Items = append(l.Items, Item{address, c.Attr("node"), c.Attr("name")})
	}
	return nil
}

// AppendElement writes the payload.
func (l ItemList) AppendElement(w *stanza.Writer) error {
	w.Start(NSItems, "query")
	attr(w, "node", l.Node)
	for _, i := range l.Items {
		if i.JID.IsZero() {
			return errors.New("item: jid: it is empty")
		}
		w.Start(NSItems, "item")
		w.Attr("jid", i.JID.String())
		attr(w, "node", i.Node)
		attr(w, "name", i.Name)
		w.End()
	}
	w.End()
	return w.Err()
}

// attr adds an attribute that may be left out.
func attr(w *stanza.Writer, name, value string) {
	if value != "" {
		w.Attr(name, value)
	}
}
