package stanza

import (
	"errors"
	"sync"

	"github.com/gosmack/xmpp/internal/xmlstream"
)

// writers are kept because a Writer escapes into codecs. They hold memory and
// nothing else.
var writers = sync.Pool{New: func() any { return new(Writer) }}

// release returns a Writer to the pool without what it wrote to or about.
func (w *Writer) release() {
	w.w.Reset(nil, "")
	clear(w.spaces[:cap(w.spaces)])
	w.err = nil
	writers.Put(w)
}

// Append appends the stanza as it stands in a stream whose default namespace is
// jabber:client. It appends all or, with an error, nothing: dst is then
// returned as it was. The error is a *[WriteError] that names the field, or
// that of a codec.
func Append(dst []byte, s Stanza) ([]byte, error) { return AppendAs(dst, "", s) }

// AppendAs is [Append] that gives the stanza an ID, in place of its own, without changing it. With "" it is Append.
func AppendAs(dst []byte, id string, s Stanza) ([]byte, error) {
	if s == nil || s.extra() == nil {
		return dst, errors.New("stanza: there is no stanza: it is nil")
	}
	if m, ok := s.(*Message); ok && m.isPlain() {
		if out, ok := m.appendPlain(dst, id); ok {
			return out, nil
		}
	}
	return appendByWriter(dst, id, s)
}

func appendByWriter(dst []byte, id string, s Stanza) ([]byte, error) {
	w := writers.Get().(*Writer)
	w.reset(dst, NS)
	w.id = id
	err := s.AppendElement(w)
	if err == nil {
		out := w.w.Bytes()
		w.release()
		return out, nil
	}
	w.release()
	if we, ok := errors.AsType[*WriteError](err); ok && we.Stanza == "" {
		named := *we
		named.Stanza = s.Kind().String()
		return dst, &named
	}
	return dst, err
}

// isPlain tells whether all of the message is To, ID, Type and Body, as of most that are sent.
func (m *Message) isPlain() bool {
	return m.Body != "" && m.Type != MessageError && m.From.IsZero() && m.Lang == "" && m.Subject == "" && m.Thread == "" && m.ParentThread == "" && m.Error == nil &&
		len(m.Bodies) == 0 && len(m.Subjects) == 0 && m.rest.element.IsZero() && m.rest.changed == nil
}

// appendPlain is AppendAs for a plain message, at a fraction of what a Writer costs; false: it has something that can't be written.
func (m *Message) appendPlain(dst []byte, id string) (out []byte, ok bool) {
	if id == "" {
		id = m.ID
	}
	out, ok = append(dst, "<message"...), true
	attr := func(name, value string) {
		if value == "" || !ok {
			return
		}
		if out, ok = xmlstream.AppendValue(append(out, name...), value); ok {
			out = append(out, '\'')
		}
	}
	attr(" to='", m.To.String())
	attr(" id='", id)
	attr(" type='", string(m.Type))
	if !ok {
		return dst, false
	}
	if out, ok = xmlstream.AppendText(append(out, "><body>"...), m.Body); !ok {
		return dst, false
	}
	return append(out, "</body></message>"...), true
}

// Marshal encodes a value as [Add] would, as an element of its own. It returns
// an Element as it is.
func Marshal(v any) (Element, error) {
	if e, ok := v.(Element); ok && !e.IsZero() {
		return e, nil
	}
	w := writers.Get().(*Writer)
	defer w.release()
	w.reset(nil, "")
	w.Start(NS, "message") // so that a name without namespace means what it means in a stanza
	if err := w.Value(v); err != nil {
		return Element{}, err
	}
	w.End()
	around, err := xmlstream.Parse(string(w.w.Bytes()), xmlstream.Limits{})
	if err != nil {
		return Element{}, &WriteError{Field: "payload", Reason: err.Error()}
	}
	e := Element(around.First())
	if e.IsZero() {
		return Element{}, &WriteError{Field: "payload", Reason: "the value wrote no element"}
	}
	return e, nil
}
