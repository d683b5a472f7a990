package stream

import (
	"strings"

	"github.com/gosmack/xmpp/stanza"
)

// A ProtocolError says that the server broke the stream's rules and that we ended the stream for it (RFC 6120 §4.9).
type ProtocolError struct {
	Condition stanza.StreamCondition // the stream error that it was told
	Err       error                  // what was wrong, without the server's bytes
}

func (e *ProtocolError) Error() string { return e.Err.Error() }

// Unwrap returns what was wrong.
func (e *ProtocolError) Unwrap() error { return e.Err }

// prefixed is a stream error as it stands in a stream, whose header has declared the prefix: not all who read one look at namespaces alone (RFC 6120 §4.8.5).
func prefixed(e stanza.Element) string {
	text, ok := strings.CutPrefix(e.String(), "<error xmlns='"+NSStream+"'>")
	if !ok {
		return e.String()
	}
	return "<stream:error>" + strings.TrimSuffix(text, "</error>") + "</stream:error>"
}
