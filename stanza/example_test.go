package stanza_test

import (
	"encoding/xml"
	"errors"
	"fmt"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

type Mood struct {
	XMLName xml.Name `xml:"https://example.org/mood mood"`
	Colour  string   `xml:"colour,attr"`
}

func Example() {
	m := &stanza.Message{To: jid.MustParse("juliet@capulet.example"), Type: stanza.MessageChat, Body: "Good morrow!"}
	stanza.Add(m, Mood{Colour: "blue"})
	if mood, err := stanza.Payload[Mood](m); err == nil {
		fmt.Println(m.To, "will see", mood.Colour)
	}
	// Output: juliet@capulet.example will see blue
}

func ExampleFromElement() {
	e, err := stanza.Parse(`<presence xmlns="jabber:client" from="romeo@montague.example/orchard"><show>away</show></presence>`)
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := stanza.FromElement(e)
	if err != nil {
		fmt.Println(err)
		return
	}
	if p, ok := s.(*stanza.Presence); ok {
		fmt.Println(p.From.Bare(), p.Show)
	}
	// Output: romeo@montague.example away
}

func ExampleErrorReply() {
	iq := &stanza.IQ{ID: "1", From: jid.MustParse("romeo@montague.example/orchard"), Type: stanza.IQGet}
	reply := stanza.ErrorReply(iq, stanza.Forbidden).(*stanza.IQ)
	fmt.Println(reply.To, reply.Error.Type, errors.Is(reply.Error, stanza.Forbidden))
	// Output: romeo@montague.example/orchard auth true
}

func ExampleAppend() {
	_, err := stanza.Append(nil, &stanza.Message{Body: "a\x00b"})
	fmt.Println(err)
	// Output: message body: U+0000 at byte 1 can't stand in XML
}

func ExampleMark() {
	type seen struct{ times int }
	m := &stanza.Message{Body: "b"}
	stanza.Mark(m, seen{2})
	if s, ok := stanza.Marked[seen](m); ok {
		fmt.Println(s.times)
	}
	// Output: 2
}
