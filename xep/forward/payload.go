package forward

import (
	"encoding/xml"
	"errors"
	"fmt"

	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/delay"
)

// NS is the namespace of the protocol and the feature that announces it.
const NS = "urn:xmpp:forward:0"

// A Forwarded is a stanza inside another (XEP-0297 §3). A received one is as
// untrusted as who sent it.
type Forwarded struct {
	// Stanza is what was forwarded, required: with all its payloads, and its own
	// from and to. It is read-only like any that was received.
	Stanza stanza.Stanza
	// Delay says when the forwarder had received it; zero if not told.
	Delay delay.Delay

	// Fault says what was wrong with a delay of a received one, which is left
	// out. It is never written.
	Fault error
}

// ElementName returns the name of the payload.
func (*Forwarded) ElementName() xml.Name { return xml.Name{Space: NS, Local: "forwarded"} }

// DecodeElement reads the payload. It must hold one stanza and no second, so that
// all who read it mean the same.
func (f *Forwarded) DecodeElement(e stanza.Element) error {
	for c := range e.Children() {
		switch {
		case c.Is(delay.NS, "delay"):
			f.decodeDelay(c)
		case c.Space() != stanza.NS:
		case f.Stanza != nil:
			return errors.New("forwarded: there is more than one stanza")
		default:
			s, err := stanza.FromElement(c)
			if err != nil {
				return fmt.Errorf("forwarded: %w", err)
			}
			f.Stanza = s
		}
	}
	if f.Stanza == nil {
		return errors.New("forwarded: there is no stanza")
	}
	return nil
}

func (f *Forwarded) decodeDelay(e stanza.Element) {
	if !f.Delay.Stamp.IsZero() {
		f.Fault = errors.New("forwarded: there is more than one delay")
		return
	}
	d, err := stanza.Decode[delay.Delay](e)
	if err != nil {
		f.Fault = fmt.Errorf("forwarded: %w", err)
		return
	}
	f.Delay = d
}

// AppendElement writes the payload.
func (f Forwarded) AppendElement(w *stanza.Writer) error {
	if f.Stanza == nil {
		return errors.New("forwarded: there is no stanza")
	}
	w.Start(NS, "forwarded")
	if !f.Delay.Stamp.IsZero() {
		_ = w.Value(f.Delay) // the Writer keeps the error
	}
	_ = w.Value(f.Stanza)
	w.End()
	return w.Err()
}
