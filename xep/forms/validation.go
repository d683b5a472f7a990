package forms

import (
	"encoding/xml"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/gosmack/xmpp/stanza"
)

// NSValidate is the namespace of data types in forms and the feature that
// announces them (XEP-0122).
const NSValidate = "http://jabber.org/protocol/xdata-validate"

// maxPattern bounds a regular expression.
const maxPattern = 1024

// A Method is how values are judged beyond their data type (XEP-0122 §3.2).
type Method string

// The methods. Those besides Basic let a list have values that are no option.
const (
	Basic Method = ""
	Open  Method = "open"
	Range Method = "range" // from Min to Max
	Regex Method = "regex" // the whole value matches Pattern
)

// A Validation says which values of a field are good (XEP-0122 §3).
type Validation struct {
	// Datatype is a type of XML Schema such as xs:dateTime, or another; "" is
	// xs:string. Unknown ones count as it.
	Datatype string
	Method   Method
	// Min and Max are for Range, "" for no bound.
	Min, Max string
	// Pattern is for Regex: a POSIX extended regular expression.
	Pattern string
	// ListMin and ListMax are how many values a ListMulti must have (XEP-0122
	// §3.3); 0 for no bound.
	ListMin, ListMax int
}

// ElementName returns the name of the payload.
func (*Validation) ElementName() xml.Name { return xml.Name{Space: NSValidate, Local: "validate"} }

// DecodeElement reads the payload. A method that isn't known is Basic (XEP-0122
// §4.1). Numbers that are none are errors.
func (v *Validation) DecodeElement(e stanza.Element) (err error) {
	v.Datatype = e.Attr("datatype")
	for c := range e.Children() {
		switch {
		case c.Space() != NSValidate:
		case c.Local() == "list-range":
			if v.ListMin, err = bound("list-range min", c.Attr("min")); err != nil {
				return err
			}
			if v.ListMax, err = bound("list-range max", c.Attr("max")); err != nil {
				return err
			}
		case v.Method != Basic: // there may be only one
		case c.Local() == "open":
			v.Method = Open
		case c.Local() == "range":
			v.Method, v.Min, v.Max = Range, c.Attr("min"), c.Attr("max")
		case c.Local() == "regex":
			v.Method, v.Pattern = Regex, c.Text()
		}
	}
	return nil
}

func bound(name, s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("validate: %s: it is not a number from 0 to 2147483647", name)
	}
	return int(n), nil
}

// AppendElement writes the payload. A Pattern that can't be used is an error.
func (v Validation) AppendElement(w *stanza.Writer) error {
	if v.ListMin < 0 || v.ListMax < 0 {
		return errors.New("validate: list-range: it is negative")
	}
	w.Start(NSValidate, "validate")
	attr(w, "datatype", v.Datatype)
	switch v.Method {
	case Basic:
		w.TextElement(NSValidate, "basic", "")
	case Open:
		w.TextElement(NSValidate, "open", "")
	case Range:
		w.Start(NSValidate, "range")
		attr(w, "min", v.Min)
		attr(w, "max", v.Max)
		w.End()
	case Regex:
		if _, err := compile(v.Pattern); err != nil {
			return fmt.Errorf("validate: regex: %w", err)
		}
		w.TextElement(NSValidate, "regex", v.Pattern)
	default:
		return fmt.Errorf("validate: there is no method %q", v.Method)
	}
	if v.ListMin > 0 || v.ListMax > 0 {
		w.Start(NSValidate, "list-range")
		if v.ListMin > 0 {
			w.Attr("min", strconv.Itoa(v.ListMin))
		}
		if v.ListMax > 0 {
			w.Attr("max", strconv.Itoa(v.ListMax))
		}
		w.End()
	}
	w.End()
	return w.Err()
}

// compile makes a pattern that matches the longest text there is.
func compile(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("it has %d bytes, more than %d", len(pattern), maxPattern)
	}
	return regexp.CompilePOSIX(pattern)
}

// judge returns what tells why a value isn't good; "" if it is.
func (v Validation) judge() func(value string) string {
	switch v.Method {
	case Regex:
		pattern, err := compile(v.Pattern)
		if err != nil {
			break // who sent it can't expect more than the type
		}
		return func(value string) string {
			if at := pattern.FindStringIndex(value); at == nil || at[0] != 0 || at[1] != len(value) {
				return "it doesn't match the pattern"
			}
			return v.wrongType(value)
		}
	case Range:
		return v.outside
	}
	return v.wrongType
}

func (v Validation) wrongType(value string) string {
	if _, ok := parse(v.Datatype, value); !ok {
		return "it is not of type " + v.Datatype
	}
	return ""
}

func (v Validation) outside(value string) string {
	got, ok := parse(v.Datatype, value)
	if !ok {
		return "it is not of type " + v.Datatype
	}
	if least, ok := parse(v.Datatype, v.Min); ok && v.Min != "" && less(got, least) {
		return "it is less than the minimum"
	}
	if most, ok := parse(v.Datatype, v.Max); ok && v.Max != "" && less(most, got) {
		return "it is more than the maximum"
	}
	return ""
}
