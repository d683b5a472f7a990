package sasl

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"
)

// checkOptional is checkText for what may be empty.
func checkOptional(field, s string) error {
	if s == "" {
		return nil
	}
	return checkText(field, s)
}

// checkText refuses what no name or password may contain.
func checkText(field, s string) error {
	switch {
	case s == "":
		return &InputError{field, "is empty"}
	case !utf8.ValidString(s):
		return &InputError{field, "is not valid UTF-8"}
	case strings.ContainsFunc(s, unicode.IsControl):
		return &InputError{field, "has a control character"}
	}
	return nil
}

// prepare is SASLprep (RFC 4013) for a query: unassigned characters pass.
func prepare(field, s string) (string, error) {
	if err := checkText(field, s); err != nil {
		return "", err
	}
	s = norm.NFKC.String(strings.Map(mapRune, s))
	switch {
	case s == "":
		return "", &InputError{field, "is empty once invisible characters are removed"}
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(prohibited, r) || r&0xfffe == 0xfffe }):
		return "", &InputError{field, "has a character that RFC 4013 prohibits"}
	case !oneDirection(s):
		return "", &InputError{field, "mixes directions of writing as RFC 3454 §6 prohibits"}
	}
	return s, nil
}

// mapRune is the mapping of RFC 4013 §2.1.
func mapRune(r rune) rune {
	switch {
	case r < 0x80:
		return r
	case unicode.Is(spaces, r):
		return ' '
	case unicode.Is(nothing, r):
		return -1
	}
	return r
}

// oneDirection is the rule of RFC 3454 §6: with right-to-left characters, no
// left-to-right ones, and right-to-left at both ends.
func oneDirection(s string) bool {
	var left, right, first, last bool
	for i, r := range s {
		p, _ := bidi.LookupRune(r)
		c := p.Class()
		last = c == bidi.R || c == bidi.AL
		if i == 0 {
			first = last
		}
		left, right = left || c == bidi.L, right || last
	}
	return !right || !left && first && last
}

// spaces is RFC 3454 C.1.2, which becomes a space.
var spaces = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x00A0, 0x00A0, 1}, {0x1680, 0x1680, 1}, {0x2000, 0x200B, 1}, {0x202F, 0x202F, 1},
		{0x205F, 0x205F, 1}, {0x3000, 0x3000, 1},
	},
	LatinOffset: 1,
}

// nothing is RFC 3454 B.1, which vanishes.
var nothing = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x00AD, 0x00AD, 1}, {0x034F, 0x034F, 1}, {0x1806, 0x1806, 1}, {0x180B, 0x180D, 1},
		{0x200B, 0x200D, 1}, {0x2060, 0x2060, 1}, {0xFE00, 0xFE0F, 1}, {0xFEFF, 0xFEFF, 1},
	},
	LatinOffset: 1,
}

// prohibited is RFC 3454 C.2.1 to C.9 without the noncharacters at the end of
// each plane: what RFC 4013 §2.3 does not want in the output.
var prohibited = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x0000, 0x001F, 1}, {0x007F, 0x009F, 1}, {0x0340, 0x0341, 1}, {0x06DD, 0x06DD, 1},
		{0x070F, 0x070F, 1}, {0x180E, 0x180E, 1}, {0x200C, 0x200F, 1}, {0x2028, 0x202E, 1},
		{0x2060, 0x2063, 1}, {0x206A, 0x206F, 1}, {0x2FF0, 0x2FFB, 1}, {0xD800, 0xF8FF, 1},
		{0xFDD0, 0xFDEF, 1}, {0xFEFF, 0xFEFF, 1}, {0xFFF9, 0xFFFD, 1},
	},
	R32: []unicode.Range32{
		{0x1D173, 0x1D17A, 1}, {0xE0001, 0xE0001, 1}, {0xE0020, 0xE007F, 1},
		{0xF0000, 0xFFFFD, 1}, {0x100000, 0x10FFFD, 1},
	},
	LatinOffset: 2,
}
