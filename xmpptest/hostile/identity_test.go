package hostile_test

import (
	"github.com/gosmack/xmpp/stanza"
)

// S120 to S158: who said it.
var _ = add(
	row{id: "S123", title: "A roster push by somebody else", oracle: ignoreRow, scenes: spoof(ignore{
		send:    "<iq type='set' id='p'%s><query xmlns='jabber:iq:roster'><item jid='mallory@evil.example' name='Mum' subscription='both'/></query></iq>",
		answers: []stanza.Condition{stanza.ServiceUnavailable},
		twin:    "<iq type='set' id='p'%s><query xmlns='jabber:iq:roster'><item jid='nurse@localhost' name='Nurse' subscription='both'/></query></iq>",
		shows:   "roster added nurse@localhost",
	}, "absent", "own bare")},
)
