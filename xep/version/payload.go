package version

import (
	"encoding/xml"

	"github.com/gosmack/xmpp/stanza"
)

// NS is the namespace of the protocol and the feature that announces it.
const NS = "jabber:iq:version"

// Software is what an entity says it runs (XEP-0092 §2). The empty one is the
// question.
type Software struct {
	Name    string
	Version string
	OS      string // "" if not told
}

// ElementName returns the name of the payload.
func (*Software) ElementName() xml.Name { return xml.Name{Space: NS, Local: "query"} }

// DecodeElement reads the payload. Name and version are required of an answer
// but often left out; they read as empty then.
func (s *Software) DecodeElement(e stanza.Element) error {
	s.Name = e.Child(NS, "name").Text()
	s.Version = e.Child(NS, "version").Text()
	s.OS = e.Child(NS, "os").Text()
	return nil
}

// AppendElement writes the payload.
func (s Software) AppendElement(w *stanza.Writer) error {
	w.Start(NS, "query")
	for _, f := range [...]struct{ name, value string }{{"name", s.Name}, {"version", s.Version}, {"os", s.OS}} {
		if f.value != "" {
			w.TextElement(NS, f.name, f.value)
		}
	}
	w.End()
	return w.Err()
}
