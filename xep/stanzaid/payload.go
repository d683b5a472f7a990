package stanzaid

import (
	"encoding/xml"
	"errors"
	"fmt"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// NS is the namespace of the protocol and the feature of those that assign IDs.
const NS = "urn:xmpp:sid:0"

// maxID bounds what is kept of a message for long: IDs go into positions and
// lists of what was seen.
const maxID = 1024

// A StanzaID is an ID that an account or a room gave to a message (XEP-0359 §2.1).
type StanzaID struct {
	ID string  // unique for By; at most 1 KiB
	By jid.JID // who gave it
}

// An OriginID is an ID that the sender gave to a message (XEP-0359 §2.2).
type OriginID struct {
	ID string // at most 1 KiB
}

// ElementName returns the name of the payload.
func (*StanzaID) ElementName() xml.Name { return xml.Name{Space: NS, Local: "stanza-id"} }

// DecodeElement reads the payload. Both parts are required.
func (s *StanzaID) DecodeElement(e stanza.Element) (err error) {
	if s.By, err = jid.Parse(e.Attr("by")); err != nil {
		return fmt.Errorf("stanza-id: by: %w", err)
	}
	s.ID = e.Attr("id")
	return checkID("stanza-id", s.ID)
}

// AppendElement writes the payload.
func (s StanzaID) AppendElement(w *stanza.Writer) error {
	if err := checkID("stanza-id", s.ID); err != nil {
		return err
	}
	if s.By.IsZero() {
		return errors.New("stanza-id: by: it is empty")
	}
	w.Start(NS, "stanza-id")
	w.Attr("id", s.ID)
	w.Attr("by", s.By.String())
	w.End()
	return w.Err()
}

// ElementName returns the name of the payload.
func (*OriginID) ElementName() xml.Name { return xml.Name{Space: NS, Local: "origin-id"} }

// DecodeElement reads the payload. The ID is required.
func (o *OriginID) DecodeElement(e stanza.Element) error {
	o.ID = e.Attr("id")
	return checkID("origin-id", o.ID)
}

// AppendElement writes the payload.
func (o OriginID) AppendElement(w *stanza.Writer) error {
	if err := checkID("origin-id", o.ID); err != nil {
		return err
	}
	w.Start(NS, "origin-id")
	w.Attr("id", o.ID)
	w.End()
	return w.Err()
}

func checkID(element, id string) error {
	switch {
	case id == "":
		return fmt.Errorf("%s: id: it is empty", element)
	case len(id) > maxID:
		return fmt.Errorf("%s: id: it has %d bytes, more than %d", element, len(id), maxID)
	}
	return nil
}
