package xmlstream

import "errors"

// Conditions of RFC 6120 §4.9.3 that reading may end with.
const (
	BadFormat           = "bad-format"           // §4.9.3.1
	BadNamespacePrefix  = "bad-namespace-prefix" // §4.9.3.2
	NotWellFormed       = "not-well-formed"      // §4.9.3.13
	PolicyViolation     = "policy-violation"     // §4.9.3.14
	RestrictedXML       = "restricted-xml"       // §4.9.3.18
	UnsupportedEncoding = "unsupported-encoding" // §4.9.3.22
)

// Error says why the peer's XML is refused. The stream can't go on after it.
type Error struct {
	Condition string // name of the stream error, RFC 6120 §4.9.3
	Text      string // what was wrong; never holds the peer's bytes
}

// Error returns the condition and the text.
func (e *Error) Error() string { return "XML: " + e.Condition + ": " + e.Text }

var (
	errNoHeader = errors.New("xmlstream: Next before Header")
	errHeader   = errors.New("xmlstream: Header called twice without Restart")
	errBadRead  = errors.New("xmlstream: source returned an impossible count")
)
