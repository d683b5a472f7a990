package carbons

import (
	"encoding/xml"
	"errors"
	"fmt"

	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/forward"
)

// NS is the namespace of the protocol and the feature that announces it.
const NS = "urn:xmpp:carbons:2"

// A Received holds the copy of a message that another device of ours got (XEP-0280
// §7). As such it proves nothing, see the package's comment.
type Received struct{ Forwarded forward.Forwarded }

// A Sent holds the copy of a message that another device of ours sent (XEP-0280
// §8). As such it proves nothing, see the package's comment.
type Sent struct{ Forwarded forward.Forwarded }

// A NoCopies asks servers not to copy the message it stands in (XEP-0280 §9). See
// [Private].
type NoCopies struct{}

// ElementName returns the name of the payload.
func (*Received) ElementName() xml.Name { return xml.Name{Space: NS, Local: "received"} }

// DecodeElement reads the payload.
func (r *Received) DecodeElement(e stanza.Element) error { return decode(&r.Forwarded, e) }

// AppendElement writes the payload.
func (r Received) AppendElement(w *stanza.Writer) error { return write(w, "received", r.Forwarded) }

// ElementName returns the name of the payload.
func (*Sent) ElementName() xml.Name { return xml.Name{Space: NS, Local: "sent"} }

// DecodeElement reads the payload.
func (s *Sent) DecodeElement(e stanza.Element) error { return decode(&s.Forwarded, e) }

// AppendElement writes the payload.
func (s Sent) AppendElement(w *stanza.Writer) error { return write(w, "sent", s.Forwarded) }

// ElementName returns the name of the payload.
func (*NoCopies) ElementName() xml.Name { return xml.Name{Space: NS, Local: "private"} }

// DecodeElement reads the payload, which is empty.
func (*NoCopies) DecodeElement(stanza.Element) error { return nil }

// AppendElement writes the payload.
func (NoCopies) AppendElement(w *stanza.Writer) error {
	w.TextElement(NS, "private", "")
	return w.Err()
}

// decode reads what is inside: one message, so that all who read it mean the same.
func decode(f *forward.Forwarded, e stanza.Element) error {
	found := false
	for c := range e.Children() {
		if !c.Is(forward.NS, "forwarded") {
			continue
		}
		if found {
			return errors.New("carbons: there is more than one message")
		}
		found = true
		got, err := stanza.Decode[forward.Forwarded](c)
		if err != nil {
			return err
		}
		*f = got
	}
	switch {
	case !found:
		return errors.New("carbons: there is no message")
	case f.Message() == nil:
		return fmt.Errorf("carbons: there is a %v, not a message", f.Stanza.Kind())
	}
	return nil
}

func write(w *stanza.Writer, name string, f forward.Forwarded) error {
	if f.Message() == nil {
		return errors.New("carbons: there is no message")
	}
	w.Start(NS, name)
	_ = w.Value(f) // the Writer keeps the error
	w.End()
	return w.Err()
}

// The requests to the server (XEP-0280 §4, §5), and a hint (XEP-0334 §4.3).
type (
	enable struct {
		XMLName xml.Name `xml:"urn:xmpp:carbons:2 enable"`
	}
	disable struct {
		XMLName xml.Name `xml:"urn:xmpp:carbons:2 disable"`
	}
	noCopy struct {
		XMLName xml.Name `xml:"urn:xmpp:hints no-copy"`
	}
)
