package delay_test

import (
	"fmt"
	"time"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/delay"
)

func Example() {
	m := &stanza.Message{Body: "Too flattering-sweet to be substantial."}
	stanza.Add(m, delay.Delay{From: jid.MustParse("capulet.example"), Stamp: time.Date(2002, 9, 10, 23, 8, 25, 0, time.UTC)})

	if d, err := delay.By(m, jid.MustParse("capulet.example")); err == nil {
		fmt.Println("kept by", d.From, "since", delay.FormatDateTime(d.Stamp))
	}
	// Output: kept by capulet.example since 2002-09-10T23:08:25Z
}
