package corpus

import (
	"bytes"
	"encoding/xml"
	"io"
	"testing"
)

func TestMean(t *testing.T) {
	for _, mix := range []Mix{Full, Live} {
		for _, n := range []int{1000, 20000} {
			b, count := Make(mix, n)
			if mean := float64(len(b)) / float64(n); mean < Mean-2 || mean > Mean+2 {
				t.Errorf("%v: %d stanzas have %.1f bytes on average", mix, n, mean)
			}
			if count.Total() != n {
				t.Errorf("%v: %d stanzas counted of %d", mix, count.Total(), n)
			}
		}
	}
}

// TestCount reads the corpus with the standard library and compares with what the generator says.
func TestCount(t *testing.T) {
	const n = 2000
	b, want := Make(Full, n)
	type message struct {
		From string `xml:"from,attr"`
		Type string `xml:"type,attr"`
		Body string `xml:"body"`
	}
	var got Count
	d := xml.NewDecoder(io.MultiReader(bytes.NewReader([]byte("<stream xmlns='jabber:client'>")), bytes.NewReader(b), bytes.NewReader([]byte("</stream>"))))
	depth := 0
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if depth++; depth == 1 {
			continue // the stream itself
		}
		var s struct {
			message
			Status    string   `xml:"status"`
			Forwarded *message `xml:"result>forwarded>message"`
		}
		if err := d.DecodeElement(&s, &start); err != nil {
			t.Fatal(err)
		}
		kind, m := Chat, s.message
		switch {
		case start.Name.Local == "presence":
			kind, m.Body = Presence, s.Status
		case s.Forwarded != nil:
			kind, m = Archive, *s.Forwarded
		case s.Type == "groupchat":
			kind = Groupchat
		}
		got.Stanzas[kind]++
		got.From += len(m.From)
		got.Text += len(m.Body)
	}
	if got != want {
		t.Errorf("there is %+v, the generator says %+v", got, want)
	}
}

func TestDeterministic(t *testing.T) {
	a, _ := Make(Full, 300)
	b, _ := Make(Full, 600)
	if !bytes.HasPrefix(b, a) {
		t.Error("a longer corpus does not begin with the shorter one")
	}
}
