package mam

import (
	"context"
	"encoding/xml"
	"fmt"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// Preferences say what our own archive keeps (XEP-0441 §2.1).
type Preferences struct {
	Default Policy
	// Always and Never are the exceptions. A bare address stands for all of its resources.
	Always, Never []jid.JID

	// Faults say which addresses of received preferences are left out, and why. They are never
	// written.
	Faults []error
}

// A Policy is whose messages are kept (XEP-0441 §2.1.1).
type Policy string

// The policies.
const (
	KeepAlways Policy = "always"
	KeepNever  Policy = "never"
	KeepRoster Policy = "roster" // those of contacts
)

// Preferences asks what our own archive keeps. It blocks for the answer and may be called from any
// callback; its errors are those of [xmpp.Connection.Get]: stanza.FeatureNotImplemented or
// stanza.ServiceUnavailable of a server that leaves no choice.
func (a *Archive) Preferences(ctx context.Context) (Preferences, error) {
	var p Preferences
	err := a.conn.Get(ctx, jid.JID{}, askPreferences{}, &p)
	return p, err
}

// SetPreferences replaces all preferences and returns those that hold now, which the server decides.
// Archives with holes break [Options.Sync] on every device of the account. It blocks for the answer
// and may be called from any callback; its errors are those of [xmpp.Connection.Set], stanza.NotAllowed
// and stanza.Forbidden among them.
func (a *Archive) SetPreferences(ctx context.Context, p Preferences) (Preferences, error) {
	var applied Preferences
	err := a.conn.Set(ctx, jid.JID{}, p, &applied)
	return applied, err
}

type askPreferences struct {
	XMLName xml.Name `xml:"urn:xmpp:mam:2 prefs"`
}

// ElementName returns the name of the payload.
func (*Preferences) ElementName() xml.Name { return xml.Name{Space: NS, Local: "prefs"} }

// DecodeElement reads the payload. Without a policy it is none; an address that isn't one costs only
// itself.
func (p *Preferences) DecodeElement(e stanza.Element) error {
	p.Default = Policy(e.Attr("default"))
	if !p.Default.known() {
		return fmt.Errorf("mam: preferences: default: it is %.20q", string(p.Default))
	}
	p.Always = p.list(e.Child(NS, "always"))
	p.Never = p.list(e.Child(NS, "never"))
	return nil
}

func (p Policy) known() bool { return p == KeepAlways || p == KeepNever || p == KeepRoster }

func (p *Preferences) list(e stanza.Element) (all []jid.JID) {
	for c := range e.Children() {
		if !c.Is(NS, "jid") {
			continue
		}
		j, err := jid.Parse(c.Text())
		if err != nil {
			p.Faults = append(p.Faults, fmt.Errorf("mam: preferences: %s: %w", e.Local(), err))
			continue
		}
		all = append(all, j)
	}
	return all
}

// AppendElement writes the payload.
func (p Preferences) AppendElement(w *stanza.Writer) error {
	if !p.Default.known() {
		return fmt.Errorf("mam: preferences: default: it is %.20q", string(p.Default))
	}
	w.Start(NS, "prefs")
	w.Attr("default", string(p.Default))
	for i, list := range [][]jid.JID{p.Always, p.Never} {
		w.Start(NS, [...]string{"always", "never"}[i])
		for _, j := range list {
			w.TextElement(NS, "jid", j.String())
		}
		w.End()
	}
	w.End()
	return w.Err()
}
