package mam

import (
	"context"
	"encoding/xml"
	"fmt"
	"time"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/delay"
)

// A Metadata says how far an archive reaches (XEP-0313 §5). Both ends of an empty one are zero.
type Metadata struct {
	Start, End Place
}

// A Place is one message's in an archive.
type Place struct {
	ID   string
	Time time.Time
}

// Metadata asks how far an archive reaches: a room's, or our own for the zero address. It needs a
// server with extended queries. It blocks for the answer and may be called from any callback; its
// errors are those of [xmpp.Connection.Get].
func (a *Archive) Metadata(ctx context.Context, archive jid.JID) (Metadata, error) {
	var m Metadata
	err := a.conn.Get(ctx, archive, Metadata{}, &m)
	return m, err
}

// ElementName returns the name of the payload.
func (*Metadata) ElementName() xml.Name { return xml.Name{Space: NS, Local: "metadata"} }

// DecodeElement reads the payload.
func (m *Metadata) DecodeElement(e stanza.Element) (err error) {
	if m.Start, err = place(e.Child(NS, "start")); err != nil {
		return err
	}
	m.End, err = place(e.Child(NS, "end"))
	return err
}

func place(e stanza.Element) (p Place, err error) {
	if e.IsZero() {
		return p, nil
	}
	if p.ID = e.Attr("id"); p.ID == "" || len(p.ID) > maxID {
		return p, fmt.Errorf("mam: metadata: %s: an id of %d bytes", e.Local(), len(p.ID))
	}
	if p.Time, err = delay.ParseDateTime(e.Attr("timestamp")); err != nil {
		return p, fmt.Errorf("mam: metadata: %s: timestamp: %w", e.Local(), err)
	}
	return p, nil
}

// AppendElement writes the payload.
func (m Metadata) AppendElement(w *stanza.Writer) error {
	w.Start(NS, "metadata")
	m.Start.append(w, "start")
	m.End.append(w, "end")
	w.End()
	return w.Err()
}

func (p Place) append(w *stanza.Writer, name string) {
	if p.ID == "" {
		return
	}
	w.Start(NS, name)
	w.Attr("id", p.ID)
	w.Attr("timestamp", delay.FormatDateTime(p.Time))
	w.End()
}
