package stanza

import (
	"iter"
	"slices"

	"github.com/gosmack/xmpp/jid"
)

// MessageType is the type of a message (RFC 6121 §5.2.2). A value that the RFC
// doesn't define is kept as it was received; see [MessageType.IsNormal].
type MessageType string

// The defined types. MessageNormal is the zero value: a type that is absent or
// spelled out as "normal" reads as it, and it is written as an absent one.
const (
	MessageNormal    MessageType = ""
	MessageChat      MessageType = "chat"
	MessageGroupchat MessageType = "groupchat"
	MessageHeadline  MessageType = "headline"
	MessageError     MessageType = "error"
)

// IsNormal tells whether a receiver must treat the type as normal: it is
// MessageNormal or none that RFC 6121 §5.2.2 defines.
func (t MessageType) IsNormal() bool {
	switch t {
	case MessageChat, MessageGroupchat, MessageHeadline, MessageError:
		return false
	}
	return true
}

// String returns the type's name, "normal" for MessageNormal.
func (t MessageType) String() string {
	if t == MessageNormal {
		return "normal"
	}
	return string(t)
}

// Message is a message stanza (RFC 6121 §5). The zero value is an empty normal
// message to one's own account. A received one is read-only and may be shared
// by goroutines; take a [Message.Clone] to change it.
type Message struct {
	ID       string
	From, To jid.JID
	Type     MessageType
	Lang     string // xml:lang: the language of Body and Subject, "" = not said

	// Body and Subject are the ones in the message's own language. Texts in
	// other languages, and received ones that say nothing or say it twice,
	// are in Bodies and Subjects; a Text without Lang and Value there is
	// written as an empty element.
	Body     string
	Subject  string
	Bodies   []Text
	Subjects []Text

	Thread       string // RFC 6121 §5.2.5
	ParentThread string // only together with Thread

	Error *Error // never nil on a received message of type error

	rest extra
}

func messageFrom(e Element) (*Message, error) {
	h, err := readHead(e)
	if err != nil {
		return nil, err
	}
	m := &Message{ID: h.ID, From: h.From, To: h.To, Type: MessageType(h.Type), Lang: h.Lang}
	m.rest.element = e
	if m.Type == "normal" {
		m.Type = MessageNormal
	}
	for c := range e.raw().Children() {
		c := Element(c)
		if c.Space() != NS {
			continue
		}
		switch c.Local() {
		case "body":
			takeText(&m.Body, &m.Bodies, m.Lang, c)
		case "subject":
			takeText(&m.Subject, &m.Subjects, m.Lang, c)
		case "thread":
			if text := c.Text(); text != "" && m.Thread == "" {
				m.Thread, m.ParentThread = text, c.Attr("parent")
			}
		}
	}
	if m.Type == MessageError {
		m.Error = ErrorFrom(e.Child(NS, "error"))
	}
	return m, nil
}

// AppendElement writes the message.
func (m *Message) AppendElement(w *Writer) error {
	w.startStanza(m)
	writeTexts(w, "subject", m.Subject, m.Subjects)
	writeTexts(w, "body", m.Body, m.Bodies)
	if m.Thread != "" || m.ParentThread != "" {
		if m.Thread == "" {
			w.fail("thread", "there is a parent, but no thread")
		}
		w.Start(NS, "thread")
		if m.ParentThread != "" {
			w.Attr("parent", m.ParentThread)
		}
		w.Text(m.Thread)
		w.End()
	}
	w.endStanza(m, m.Error)
	return w.Err()
}

// Kind returns KindMessage.
func (m *Message) Kind() Kind { return KindMessage }

// Head returns the attributes.
func (m *Message) Head() Head {
	return Head{ID: m.ID, From: m.From, To: m.To, Type: string(m.Type), Lang: m.Lang}
}

// Element returns the message as it was received, or the zero Element.
func (m *Message) Element() Element { return m.rest.element }

// Payloads yields the children that are no fields of m: received ones, then
// added ones.
func (m *Message) Payloads() iter.Seq[Element] { return m.rest.payloads(m) }

// Clone returns a copy that is the caller's to change: fields, payloads and
// marks of the copy are not seen by the original. It may be called on a
// received message by any number of goroutines. What was added by pointer is
// shared.
func (m *Message) Clone() *Message {
	c := *m
	c.Bodies, c.Subjects = slices.Clone(m.Bodies), slices.Clone(m.Subjects)
	c.Error = m.Error.clone()
	return &c
}

// BodyFor returns the body in the first of the languages that the message has,
// else Body, else any body. "de" also finds "de-CH" and the other way round.
func (m *Message) BodyFor(lang ...string) string { return textFor(m.Body, m.Lang, m.Bodies, lang) }

// SubjectFor does for the subject what [Message.BodyFor] does for the body.
func (m *Message) SubjectFor(lang ...string) string {
	return textFor(m.Subject, m.Lang, m.Subjects, lang)
}

// HasBody tells whether there is a body that says something, in any language.
func (m *Message) HasBody() bool { return m.BodyFor() != "" }

// HasSubject tells whether there is a subject in any language, also an empty
// one, which clears the subject of a room (XEP-0045 §8.1).
func (m *Message) HasSubject() bool { return m.Subject != "" || len(m.Subjects) > 0 }

func (m *Message) extra() *extra {
	if m == nil {
		return nil
	}
	return &m.rest
}

func (m *Message) element() Element { return m.rest.element }

func (m *Message) isCore(local string) bool {
	switch local {
	case "body", "subject", "thread":
		return true
	case "error":
		return m.element().Attr("type") == "error"
	}
	return false
}
