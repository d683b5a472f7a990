package stanza

const (
	nsStream       = "http://etherx.jabber.org/streams"
	nsStreamErrors = "urn:ietf:params:xml:ns:xmpp-streams"
)

// StreamError is the error that ends a stream (RFC 6120 §4.9). errors.Is finds
// its condition: errors.Is(err, stanza.StreamConflict).
type StreamError struct {
	Condition StreamCondition // "" is written as undefined-condition
	Text      string          // for people
	Lang      string          // of Text
	Host      string          // where see-other-host points, as it was sent

	// Application is the application-specific condition: the first child in a
	// namespace of its own (RFC 6120 §4.9.4).
	Application Element
}

// Error returns the condition, with the text if there is one, quoted and cut:
// it comes from a peer and may end in a log.
func (e *StreamError) Error() string { return describe(e.condition().Error(), e.Text) }

// Is tells whether target is the error's [StreamCondition].
func (e *StreamError) Is(target error) bool {
	c, ok := target.(StreamCondition)
	return ok && c == e.condition()
}

func (e *StreamError) condition() StreamCondition {
	if e.Condition == "" {
		return StreamUndefinedCondition
	}
	return e.Condition
}

// StreamErrorFrom reads a <stream:error/>. A condition that is missing or not
// defined reads as undefined-condition.
func StreamErrorFrom(e Element) *StreamError {
	x := &StreamError{}
	for c := range e.raw().Children() {
		c := Element(c)
		switch {
		case c.Space() == e.Space():
		case c.Space() != nsStreamErrors:
			if x.Application.IsZero() {
				x.Application = c
			}
		case c.Local() == "text":
			if text := c.Text(); text != "" && x.Text == "" {
				x.Text, x.Lang = text, c.Lang()
			}
		case x.Condition == "" && StreamCondition(c.Local()).defined():
			x.Condition = StreamCondition(c.Local())
			if x.Condition == StreamSeeOtherHost {
				x.Host = trimSpace(c.Text())
			}
		}
	}
	if x.Condition == "" {
		x.Condition = StreamUndefinedCondition
	}
	return x
}

// AppendElement writes the <error/> in the namespace of streams. A condition
// that RFC 6120 doesn't define is an error: an own one belongs into
// Application.
func (e *StreamError) AppendElement(w *Writer) error {
	condition := e.condition()
	if !condition.defined() {
		w.fail("error", "condition "+quote(string(condition))+" is not one of RFC 6120 §4.9.3")
	}
	w.Start(nsStream, "error")
	w.Start(nsStreamErrors, string(condition))
	if e.Host != "" && condition == StreamSeeOtherHost {
		w.Text(e.Host)
	}
	w.End()
	writeErrorText(w, nsStreamErrors, e.Text, e.Lang)
	if !e.Application.IsZero() {
		w.Element(e.Application)
	}
	w.End()
	return w.Err()
}
