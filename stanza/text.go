package stanza

import "strings"

// Text is a text in a language. An empty Lang is the stanza's own language.
type Text struct {
	Lang  string // BCP 47 tag as in xml:lang
	Value string
}

// takeText files one body, subject or status: the first text in the stanza's
// own language goes to own, every other to others.
func takeText(own *string, others *[]Text, stanzaLang string, c Element) {
	lang, value := c.Lang(), c.Text()
	if *own == "" && value != "" && (lang == "" || strings.EqualFold(lang, stanzaLang)) {
		*own = value
		return
	}
	*others = append(*others, Text{Lang: lang, Value: value})
}

func writeTexts(w *Writer, local, own string, others []Text) {
	if own != "" {
		w.TextElement(NS, local, own)
	}
	for _, t := range others {
		w.Start(NS, local)
		if t.Lang != "" {
			w.AttrNS(xmlNS, "lang", t.Lang)
		}
		w.Text(t.Value)
		w.End()
	}
}

// textFor returns the text in the first of the wanted languages that there is,
// else the own one, else any. A wanted "de" also takes "de-CH" and the other
// way round (RFC 4647 §3.4 in both directions), an exact match first.
func textFor(own, ownLang string, others []Text, want []string) string {
	for _, lang := range want {
		if own != "" && strings.EqualFold(lang, ownLang) {
			return own
		}
		for _, t := range others {
			if t.Value != "" && strings.EqualFold(lang, t.Lang) {
				return t.Value
			}
		}
		if own != "" && sameLanguage(lang, ownLang) {
			return own
		}
		for _, t := range others {
			if t.Value != "" && sameLanguage(lang, t.Lang) {
				return t.Value
			}
		}
	}
	if own != "" {
		return own
	}
	for _, t := range others {
		if t.Value != "" {
			return t.Value
		}
	}
	return ""
}

func sameLanguage(a, b string) bool {
	a, _, _ = strings.Cut(a, "-")
	b, _, _ = strings.Cut(b, "-")
	return a != "" && strings.EqualFold(a, b)
}
