package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/gosmack/xmpp/internal/sm"
	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/stanza"
)

// Manages tells whether the server offers stream management on the stream as it stands.
func (f Features) Manages() bool { return has(f.Element, sm.NS, "sm") }

// Awaits tells whether the features that follow a success of SASL2 are to come yet.
func (t *Transport) Awaits() bool { return t.awaits }

// Enable asks the server to keep the session (XEP-0198 §3). It doesn't wait for the answer, which the session's reader
// takes. What is written behind it counts. Without resume there are acknowledgements only.
func (t *Transport) Enable(ctx context.Context, resume bool) error {
	return t.step(ctx, "enable", func() error {
		t.enabling = true
		return t.element(func(w *xmlstream.Writer) { sm.Enable{Resume: resume}.Write(w) })
	})
}

// EnableElement is what Enable sends, for Bind 2.
func EnableElement(resume bool) stanza.Element {
	var w xmlstream.Writer
	w.Reset(nil, stanza.NS)
	sm.Enable{Resume: resume}.Write(&w)
	e, _ := stanza.Parse(string(w.Bytes())) // a constant
	return e
}

// Resume asks for the session id, in place of binding a resource (XEP-0198 §5); h is what of it we have handled. A refusal is a
// sm.Failed, after which this same stream can bind.
func (t *Transport) Resume(ctx context.Context, id string, h uint32) (handled uint32, err error) {
	err = t.step(ctx, "resume", func() error {
		if err := t.element(func(w *xmlstream.Writer) { sm.Resume{PrevID: id, H: h}.Write(w) }); err != nil {
			return err
		}
		e, err := t.reply()
		if err != nil {
			return err
		}
		handled, err = resumption(stanza.Element(e), id)
		return err
	})
	return handled, err
}

// ErrAnswer says that the answer to a <resume/> was neither yes nor no: the same would come the next time.
var ErrAnswer = errors.New("stream management: no answer to that question")

// resumption reads the answer to a <resume/>, wherever it stands.
func resumption(e stanza.Element, id string) (handled uint32, err error) {
	switch {
	case e.Is(sm.NS, "resumed"):
		r, err := sm.ParseResumed(e, id)
		if err != nil {
			err = fmt.Errorf("%w: %w", ErrAnswer, err)
		}
		return r.H, err
	case e.Is(sm.NS, "failed"):
		f, err := sm.ParseFailed(e)
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrAnswer, err)
		}
		return 0, f
	}
	return 0, fmt.Errorf("%w: %s", ErrAnswer, name(xmlstream.Element(e)))
}
