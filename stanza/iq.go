package stanza

import (
	"iter"

	"github.com/gosmack/xmpp/jid"
)

// IQType is the type of an IQ (RFC 6120 §8.2.3). A value that the RFC doesn't
// define, also an absent one, is kept as it was received.
type IQType string

// The defined types.
const (
	IQGet    IQType = "get"
	IQSet    IQType = "set"
	IQResult IQType = "result"
	IQError  IQType = "error"
)

// IsRequest tells whether the receiver must answer: get or set.
func (t IQType) IsRequest() bool { return t == IQGet || t == IQSet }

// IQ is a request or the answer to one (RFC 6120 §8.2.3). One that is written
// has an ID and a Type, a request exactly one payload, a result at most one.
// A received one is read-only and may be shared by goroutines; take an
// [IQ.Clone] to change it.
type IQ struct {
	ID       string
	From, To jid.JID
	Type     IQType
	Lang     string // xml:lang, "" = not said

	Error *Error // never nil on a received IQ of type error

	rest extra
}

func iqFrom(e Element) (*IQ, error) {
	h, err := readHead(e)
	if err != nil {
		return nil, err
	}
	iq := &IQ{ID: h.ID, From: h.From, To: h.To, Type: IQType(h.Type), Lang: h.Lang}
	iq.rest.element = e
	if iq.Type == IQError {
		iq.Error = ErrorFrom(e.Child(NS, "error"))
	}
	return iq, nil
}

// AppendElement writes the IQ.
func (iq *IQ) AppendElement(w *Writer) error {
	switch {
	case iq.ID == "":
		w.fail("id", "an iq needs one (RFC 6120 §8.2.3)")
	case iq.Type == "":
		w.fail("type", "an iq needs one (RFC 6120 §8.2.3)")
	}
	w.startStanza(iq)
	w.endStanza(iq, iq.Error)
	return w.Err()
}

// checkPayloads says what is wrong with n payloads, "" for nothing.
func (iq *IQ) checkPayloads(n int) string {
	switch {
	case iq.Type.IsRequest() && n != 1:
		return "a request has exactly one (RFC 6120 §8.2.3)"
	case iq.Type == IQResult && n > 1:
		return "a result has at most one (RFC 6120 §8.2.3)"
	}
	return ""
}

// Kind returns KindIQ.
func (iq *IQ) Kind() Kind { return KindIQ }

// Head returns the attributes.
func (iq *IQ) Head() Head {
	return Head{ID: iq.ID, From: iq.From, To: iq.To, Type: string(iq.Type), Lang: iq.Lang}
}

// Element returns the IQ as it was received, or the zero Element.
func (iq *IQ) Element() Element { return iq.rest.element }

// Payloads yields the children but the error: received ones, then added ones.
func (iq *IQ) Payloads() iter.Seq[Element] { return iq.rest.payloads(iq) }

// Payload returns the first payload, which names the request, or the zero
// Element.
func (iq *IQ) Payload() Element {
	for e := range iq.Payloads() {
		return e
	}
	return Element{}
}

// Clone returns a copy that is the caller's to change, as [Message.Clone] does.
func (iq *IQ) Clone() *IQ {
	c := *iq
	c.Error = iq.Error.clone()
	return &c
}

func (iq *IQ) extra() *extra {
	if iq == nil {
		return nil
	}
	return &iq.rest
}

func (iq *IQ) element() Element { return iq.rest.element }

func (iq *IQ) isCore(local string) bool {
	return local == "error" && iq.element().Attr("type") == "error"
}
