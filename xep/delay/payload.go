package delay

import (
	"encoding/xml"
	"errors"
	"fmt"
	"time"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// NS is the namespace of the protocol.
const NS = "urn:xmpp:delay"

// A Delay says when a stanza was sent that was delivered later (XEP-0203 §2).
type Delay struct {
	From   jid.JID   // who kept it, or its sender; zero if not told
	Stamp  time.Time // when it was sent, required; written to the microsecond
	Reason string    // for people
}

// ElementName returns the name of the payload.
func (*Delay) ElementName() xml.Name { return xml.Name{Space: NS, Local: "delay"} }

// DecodeElement reads the payload. Without a good stamp it is none; an address
// that isn't one is an error too, because what it stood for can't be judged.
func (d *Delay) DecodeElement(e stanza.Element) error {
	stamp, err := ParseDateTime(e.Attr("stamp"))
	if err != nil {
		return fmt.Errorf("delay: stamp: %w", err)
	}
	if from := e.Attr("from"); from != "" {
		if d.From, err = jid.Parse(from); err != nil {
			return fmt.Errorf("delay: from: %w", err)
		}
	}
	d.Stamp, d.Reason = stamp, e.Text()
	return nil
}

// AppendElement writes the payload.
func (d Delay) AppendElement(w *stanza.Writer) error {
	if d.Stamp.IsZero() {
		return errors.New("delay: stamp: it is empty")
	}
	if y := d.Stamp.UTC().Year(); y < 1 || y > 9999 {
		return fmt.Errorf("delay: stamp: year %d can't be written", y)
	}
	w.Start(NS, "delay")
	if !d.From.IsZero() {
		w.Attr("from", d.From.String())
	}
	w.Attr("stamp", FormatDateTime(d.Stamp))
	if d.Reason != "" {
		w.Text(d.Reason)
	}
	w.End()
	return w.Err()
}
