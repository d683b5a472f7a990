package jid

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// MixedScript reports whether a word of s mixes scripts that no language
// writes together, such as a Cyrillic "а" amid Latin letters. It is a hint for
// showing an address or a nickname with care (RFC 7622 §7.3, UTS #39 §5.1),
// never a reason to refuse one. Words end at anything that is no letter or
// mark, so a whole address may be given. Chinese, Japanese and Korean scripts
// count as one and go with Latin.
func MixedScript(s string) bool {
	var latin, asian bool
	var other string
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsMark(r) {
			latin, asian, other = false, false, ""
			continue
		}
		switch name := script(r); name {
		case "":
			continue
		case "Latin":
			latin = true
		case "Han", "Hiragana", "Katakana", "Bopomofo", "Hangul":
			asian = true
		default:
			if other != "" && other != name {
				return true
			}
			other = name
		}
		if other != "" && (latin || asian) {
			return true
		}
	}
	return false
}

// script names the script that r belongs to alone, or "" if it has no own.
func script(r rune) string {
	if unicode.In(r, unicode.Latin) {
		return "Latin"
	}
	if unicode.In(r, unicode.Common, unicode.Inherited) {
		return ""
	}
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return name
		}
	}
	return ""
}

// Skeleton maps s so that strings that look alike become equal: compare the
// skeleton of a newcomer's name with those of known ones. It covers the Latin
// look-alikes of Cyrillic, Greek and Armenian, digits that read as letters, and
// compatibility forms: the common part of UTS #39 §4, not its whole table. A
// skeleton is for comparing only, never an address or a thing to show.
func Skeleton(s string) string {
	return norm.NFC.String(lookalikes.Replace(strings.ToLower(norm.NFKD.String(s))))
}

var lookalikes = strings.NewReplacer(
	// Cyrillic
	"а", "a", "в", "b", "с", "c", "ԁ", "d", "е", "e", "һ", "h", "і", "i", "ј", "j", "к", "k",
	"ӏ", "l", "м", "m", "н", "h", "о", "o", "р", "p", "ԛ", "q", "г", "r", "ѕ", "s", "т", "t",
	"ѵ", "v", "ԝ", "w", "х", "x", "у", "y", "ү", "y",
	// Greek
	"α", "a", "γ", "y", "ε", "e", "ι", "i", "κ", "k", "ν", "v", "ο", "o", "ρ", "p", "σ", "o",
	"τ", "t", "υ", "u", "χ", "x", "ω", "w",
	// Armenian
	"ց", "g", "հ", "h", "ո", "n", "օ", "o", "զ", "q", "ս", "u", "յ", "j",
	// Latin among itself, and digits
	"ı", "i", "ɑ", "a", "ɡ", "g", "0", "o", "1", "l", "rn", "m",
)
