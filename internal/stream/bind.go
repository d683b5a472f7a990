package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// Bind binds a resource (RFC 6120 §7) and, where the server insists, establishes the
// session of RFC 3921. A conflict over the resource is retried once without it.
func (t *Transport) Bind(ctx context.Context, resource string) (jid.JID, error) {
	var bound jid.JID
	err := t.step(ctx, "bind", func() error {
		if !t.Features.Bind && !t.awaits {
			return errors.New("the server offers no resource binding")
		}
		var err error
		bound, err = t.bind(resource)
		if resource != "" && errors.Is(err, stanza.Conflict) {
			bound, err = t.bind("")
		}
		return err
	})
	if err != nil || !t.Features.Session {
		return bound, err
	}
	return bound, t.step(ctx, "session", func() error {
		_, err := t.request(func(w *xmlstream.Writer) {
			w.Start(NSSess, "session")
			w.End()
		})
		return err
	})
}

func (t *Transport) bind(resource string) (jid.JID, error) {
	iq, err := t.request(func(w *xmlstream.Writer) {
		w.Start(NSBind, "bind")
		if resource != "" {
			w.Start(NSBind, "resource")
			w.Text(resource)
			w.End()
		}
		w.End()
	})
	if err != nil {
		return jid.JID{}, err
	}
	j, err := jid.Parse(iq.Element().Child(NSBind, "bind").Child(NSBind, "jid").Text())
	if err != nil {
		return j, fmt.Errorf("the address that the server assigned: %w", err)
	}
	if !j.IsFull() {
		return j, fmt.Errorf("the server assigned %v, which has no resource", j)
	}
	return j, nil
}

// request sends an IQ-set to the server and waits for its answer; nothing else may come
// before a resource is bound.
func (t *Transport) request(payload func(w *xmlstream.Writer)) (*stanza.IQ, error) {
	id := stanza.NewID()
	err := t.element(func(w *xmlstream.Writer) {
		w.Start(stanza.NS, "iq")
		w.Attr("type", "set")
		w.Attr("id", id)
		payload(w)
		w.End()
	})
	if err != nil {
		return nil, err
	}
	e, err := t.reply()
	if err != nil {
		return nil, err
	}
	s, err := stanza.FromElement(stanza.Element(e))
	if err != nil {
		return nil, err
	}
	iq, ok := s.(*stanza.IQ)
	if !ok || iq.ID != id {
		return nil, fmt.Errorf("%s in place of the answer", name(e))
	}
	if iq.Error != nil {
		return nil, iq.Error
	}
	if iq.Type != stanza.IQResult {
		return nil, fmt.Errorf("an iq of type %.64q in place of the answer", iq.Type)
	}
	return iq, nil
}
