package forms

import (
	"math"
	"math/big"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gosmack/xmpp/xep/delay"
)

// maxNumber bounds the digits of numbers that may have any.
const maxNumber = 128

// integers are the types of whole numbers and their bounds (XML Schema Part 2 §3.3).
var integers = map[string]struct{ min, max string }{
	"xs:byte":               {"-128", "127"},
	"xs:short":              {"-32768", "32767"},
	"xs:int":                {"-2147483648", "2147483647"},
	"xs:long":               {"-9223372036854775808", "9223372036854775807"},
	"xs:unsignedByte":       {"0", "255"},
	"xs:unsignedShort":      {"0", "65535"},
	"xs:unsignedInt":        {"0", "4294967295"},
	"xs:unsignedLong":       {"0", "18446744073709551615"},
	"xs:integer":            {"", ""},
	"xs:nonNegativeInteger": {"0", ""},
	"xs:positiveInteger":    {"1", ""},
	"xs:nonPositiveInteger": {"", "0"},
	"xs:negativeInteger":    {"", "-1"},
}

var (
	integer  = regexp.MustCompile(`^[+-]?[0-9]+$`)
	decimal  = regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)$`)
	double   = regexp.MustCompile(`^([+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|-?INF|NaN)$`)
	language = regexp.MustCompile(`^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*$`)
)

// parse reads a value of a data type (XEP-0122 §7.2.2.1): a *big.Rat, float64 or
// time.Time where the type has an order, else nil. ok is false if it is none of the
// type. Types that aren't known take everything.
func parse(datatype, s string) (v any, ok bool) {
	if datatype == "" || datatype == "xs:string" {
		return nil, true
	}
	s = strings.Trim(s, " \t\r\n")
	if limits, is := integers[datatype]; is {
		return parseNumber(s, integer, limits.min, limits.max)
	}
	var t time.Time
	var err error
	switch datatype {
	case "xs:decimal":
		return parseNumber(s, decimal, "", "")
	case "xs:double", "xs:float":
		return parseDouble(s)
	case "xs:date":
		t, err = delay.ParseDate(s)
	case "xs:dateTime":
		t, err = delay.ParseDateTime(s)
	case "xs:time":
		t, err = delay.ParseTime(s)
	case "xs:boolean":
		_, ok := Field{Values: []string{s}}.Bool()
		return nil, ok
	case "xs:language":
		return nil, language.MatchString(s)
	case "xs:anyURI":
		_, err := url.Parse(s)
		return nil, err == nil
	default:
		return nil, true
	}
	return t, err == nil
}

func parseNumber(s string, form *regexp.Regexp, least, most string) (any, bool) {
	if len(s) > maxNumber || !form.MatchString(s) {
		return nil, false
	}
	n, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil, false
	}
	if bound, ok := new(big.Rat).SetString(least); ok && n.Cmp(bound) < 0 {
		return nil, false
	}
	if bound, ok := new(big.Rat).SetString(most); ok && n.Cmp(bound) > 0 {
		return nil, false
	}
	return n, true
}

func parseDouble(s string) (any, bool) {
	if len(s) > maxNumber || !double.MatchString(s) {
		return nil, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil || math.IsInf(f, 0) // too big is infinite
}

// less compares two values of one type. What has no order is never less.
func less(a, b any) bool {
	switch a := a.(type) {
	case *big.Rat:
		return a.Cmp(b.(*big.Rat)) < 0
	case float64:
		return a < b.(float64)
	case time.Time:
		return a.Before(b.(time.Time))
	}
	return false
}
