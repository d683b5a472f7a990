package stanza

import (
	"errors"
	"strconv"
	"strings"

	"github.com/gosmack/xmpp/jid"
)

// nsErrors qualifies the conditions and the text of a stanza error.
const nsErrors = "urn:ietf:params:xml:ns:xmpp-stanzas"

// Error is a stanza error (RFC 6120 §8.3). errors.Is finds its condition:
// errors.Is(err, stanza.ItemNotFound).
type Error struct {
	Type      ErrorType // "" is written as the condition's own
	Condition Condition // "" is written as undefined-condition
	By        jid.JID   // who found the error, if said
	Text      string    // for people; say nothing that the peer must not know
	Lang      string    // of Text
	URI       string    // the new address of gone and redirect

	// Application is the application-specific condition: the first child in a
	// namespace of its own (RFC 6120 §8.3.4).
	Application Element
}

// Error returns the condition, with the text if there is one, quoted and cut:
// it comes from a peer and may end in a log.
func (e *Error) Error() string { return describe(e.condition().Error(), e.Text) }

// Is tells whether target is the error's [Condition].
func (e *Error) Is(target error) bool {
	c, ok := target.(Condition)
	return ok && c == e.condition()
}

func (e *Error) condition() Condition {
	if e.Condition == "" {
		return UndefinedCondition
	}
	return e.Condition
}

func (e *Error) clone() *Error {
	if e == nil {
		return nil
	}
	c := *e
	return &c
}

// ErrorFrom reads an <error/> of any namespace, never with an error of its
// own: a condition that is missing or not defined, also that of a zero
// Element, reads as undefined-condition, a missing type as the condition's.
func ErrorFrom(e Element) *Error {
	x := &Error{Type: ErrorType(e.Attr("type"))}
	if by := e.Attr("by"); by != "" {
		x.By, _ = jid.Parse(by) // a hint about the hint: not worth the error
	}
	for c := range e.raw().Children() {
		c := Element(c)
		switch {
		case c.Space() == e.Space():
		case c.Space() != nsErrors:
			if x.Application.IsZero() {
				x.Application = c
			}
		case c.Local() == "text":
			if text := c.Text(); text != "" && x.Text == "" {
				x.Text, x.Lang = text, c.Lang()
			}
		case x.Condition == "" && Condition(c.Local()).Type() != "":
			x.Condition = Condition(c.Local())
			if x.Condition == Gone || x.Condition == Redirect {
				x.URI = trimSpace(c.Text())
			}
		}
	}
	if x.Condition == "" {
		x.Condition = UndefinedCondition
	}
	if x.Type == "" {
		x.Type = x.Condition.Type()
	}
	return x
}

// checkError reports what ErrorFrom forgave in the error of a stanza.
func checkError(stanza Element) error {
	e := stanza.Child(NS, "error")
	if e.IsZero() {
		return errors.New("stanza: type is error, but there is no error element")
	}
	if _, err := jid.Parse(e.Attr("by")); err != nil && e.Attr("by") != "" {
		return &AddressError{Attribute: "by", Err: err}
	}
	for c := range e.Children() {
		if c.Space() == nsErrors && Condition(c.Local()).Type() != "" {
			return nil
		}
	}
	return errors.New("stanza: error has no defined condition")
}

// AppendElement writes the <error/> of a stanza. A condition that RFC 6120
// doesn't define is an error: an own one belongs into Application.
func (e *Error) AppendElement(w *Writer) error {
	condition, kind := e.condition(), e.Type
	if condition.Type() == "" {
		w.fail("error", "condition "+quote(string(condition))+" is not one of RFC 6120 §8.3.3")
	}
	if kind == "" {
		kind = condition.Type()
	}
	w.Start(NS, "error")
	w.Attr("type", string(kind))
	if !e.By.IsZero() {
		w.Attr("by", e.By.String())
	}
	w.Start(nsErrors, string(condition))
	if e.URI != "" && (condition == Gone || condition == Redirect) {
		w.Text(e.URI)
	}
	w.End()
	writeErrorText(w, nsErrors, e.Text, e.Lang)
	if !e.Application.IsZero() {
		w.Element(e.Application)
	}
	w.End()
	return w.Err()
}

func writeErrorText(w *Writer, space, text, lang string) {
	if text == "" {
		return
	}
	w.Start(space, "text")
	if lang != "" {
		w.AttrNS(xmlNS, "lang", lang)
	}
	w.Text(text)
	w.End()
}

// describe joins what is ours and what a peer said.
func describe(what, text string) string {
	if text == "" {
		return what
	}
	return what + ": " + quote(text)
}

// errorOf turns what a handler returned into what its peer is told. The text
// of an error that was not made for the peer stays here.
func errorOf(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok && e != nil {
		e = e.clone()
		if e.condition().Type() == "" {
			e.Condition = UndefinedCondition // the peer gets an answer, whatever the handler made up
		}
		return e
	}
	if c, ok := errors.AsType[Condition](err); ok && c.Type() != "" {
		return &Error{Type: c.Type(), Condition: c}
	}
	return &Error{Type: InternalServerError.Type(), Condition: InternalServerError}
}

// quote makes peers' text safe to print, at most 256 bytes of it.
func quote(s string) string {
	const most = 256
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strconv.Quote(s)
}
