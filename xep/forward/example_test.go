package forward_test

import (
	"fmt"
	"time"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/delay"
	"github.com/gosmack/xmpp/xep/forward"
)

func Example() {
	received := &stanza.Message{From: jid.MustParse("juliet@capulet.example/orchard"), Type: stanza.MessageChat, Body: "Yet I should kill thee with much cherishing."}

	m := &stanza.Message{To: jid.MustParse("mercutio@verona.example"), Type: stanza.MessageChat, Body: "A most courteous exposition!"}
	stanza.Add(m, forward.Forwarded{Stanza: received, Delay: delay.Delay{Stamp: time.Date(2010, 7, 10, 23, 8, 25, 0, time.UTC)}})

	if f, err := stanza.Payload[forward.Forwarded](m); err == nil && f.Message() != nil {
		fmt.Printf("%s (%v is said to have written at %s: %s)\n", m.Body, f.Message().From.Bare(), f.Delay.Stamp.Format(time.TimeOnly), f.Message().Body)
	}
	// Output: A most courteous exposition! (juliet@capulet.example is said to have written at 23:08:25: Yet I should kill thee with much cherishing.)
}
