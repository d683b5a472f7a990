package stanza

import (
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/gosmack/xmpp/jid"
)

// PresenceType is the type of a presence (RFC 6121 §4.7.1). A value that the
// RFC doesn't define is kept as it was received.
type PresenceType string

// The defined types; an absent type is PresenceAvailable.
const (
	PresenceAvailable    PresenceType = ""
	PresenceUnavailable  PresenceType = "unavailable"
	PresenceSubscribe    PresenceType = "subscribe"
	PresenceSubscribed   PresenceType = "subscribed"
	PresenceUnsubscribe  PresenceType = "unsubscribe"
	PresenceUnsubscribed PresenceType = "unsubscribed"
	PresenceProbe        PresenceType = "probe"
	PresenceError        PresenceType = "error"
)

// Show is the availability of an available resource (RFC 6121 §4.7.2.1). A
// value that the RFC doesn't define is kept as it was received.
type Show string

// The defined values; an absent show is ShowAvailable.
const (
	ShowAvailable Show = ""
	ShowAway      Show = "away"
	ShowChat      Show = "chat"
	ShowDND       Show = "dnd"
	ShowXA        Show = "xa"
)

// Presence is a presence stanza (RFC 6121 §4). The zero value says "available"
// to all who are subscribed. A received one is read-only and may be shared by
// goroutines; take a [Presence.Clone] to change it.
type Presence struct {
	ID       string
	From, To jid.JID
	Type     PresenceType
	Lang     string // xml:lang: the language of Status, "" = not said

	Show     Show
	Status   string // in the presence's own language
	Statuses []Text // in others
	Priority int8   // RFC 6121 §4.7.2.3; 0 if absent or not a priority, see Check

	Error *Error // never nil on a received presence of type error

	rest extra
}

func presenceFrom(e Element) (*Presence, error) {
	h, err := readHead(e)
	if err != nil {
		return nil, err
	}
	p := &Presence{ID: h.ID, From: h.From, To: h.To, Type: PresenceType(h.Type), Lang: h.Lang}
	p.rest.element = e
	for c := range e.raw().Children() {
		c := Element(c)
		if c.Space() == NS && c.Local() == "status" {
			takeText(&p.Status, &p.Statuses, p.Lang, c)
		}
	}
	p.Show = Show(trimSpace(e.Child(NS, "show").Text()))
	p.Priority, _ = parsePriority(e.Child(NS, "priority").Text())
	if p.Type == PresenceError {
		p.Error = ErrorFrom(e.Child(NS, "error"))
	}
	return p, nil
}

// parsePriority reads an xs:byte.
func parsePriority(s string) (int8, bool) {
	s = trimSpace(s)
	if s == "" {
		return 0, false // mostly there is none, and strconv's error costs
	}
	n, err := strconv.ParseInt(s, 10, 8)
	if err != nil {
		return 0, false
	}
	return int8(n), true
}

// trimSpace removes the white space of XML, and no other.
func trimSpace(s string) string { return strings.Trim(s, " \t\r\n") }

// AppendElement writes the presence.
func (p *Presence) AppendElement(w *Writer) error {
	w.startStanza(p)
	if p.Show != ShowAvailable {
		w.TextElement(NS, "show", string(p.Show))
	}
	writeTexts(w, "status", p.Status, p.Statuses)
	if p.Priority != 0 {
		w.TextElement(NS, "priority", strconv.Itoa(int(p.Priority)))
	}
	w.endStanza(p, p.Error)
	return w.Err()
}

// Kind returns KindPresence.
func (p *Presence) Kind() Kind { return KindPresence }

// Head returns the attributes.
func (p *Presence) Head() Head {
	return Head{ID: p.ID, From: p.From, To: p.To, Type: string(p.Type), Lang: p.Lang}
}

// Element returns the presence as it was received, or the zero Element.
func (p *Presence) Element() Element { return p.rest.element }

// Payloads yields the children that are no fields of p: received ones, then
// added ones.
func (p *Presence) Payloads() iter.Seq[Element] { return p.rest.payloads(p) }

// Clone returns a copy that is the caller's to change, as [Message.Clone] does.
func (p *Presence) Clone() *Presence {
	c := *p
	c.Statuses = slices.Clone(p.Statuses)
	c.Error = p.Error.clone()
	return &c
}

// StatusFor returns the status in the first of the languages that there is,
// else Status, else any.
func (p *Presence) StatusFor(lang ...string) string {
	return textFor(p.Status, p.Lang, p.Statuses, lang)
}

func (p *Presence) extra() *extra {
	if p == nil {
		return nil
	}
	return &p.rest
}

func (p *Presence) element() Element { return p.rest.element }

func (p *Presence) isCore(local string) bool {
	switch local {
	case "show", "status", "priority":
		return true
	case "error":
		return p.element().Attr("type") == "error"
	}
	return false
}
