package stream

import "github.com/gosmack/xmpp/stanza"

// A ProtocolError says that the server broke the stream's rules and that we ended the stream for it (RFC 6120 §4.9).
type ProtocolError struct {
	Condition stanza.StreamCondition // the stream error that it was told
	Err       error                  // what was wrong, without the server's bytes
}

func (e *ProtocolError) Error() string { return e.Err.Error() }

// Unwrap returns what was wrong.
func (e *ProtocolError) Unwrap() error { return e.Err }
