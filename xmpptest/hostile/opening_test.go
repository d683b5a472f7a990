package hostile_test

import (
	"github.com/gosmack/xmpp"
)

// S001 to S025: what happens before anybody has logged in.
var _ = add(
	row{id: "S001", title: "STARTTLS is stripped", oracle: abortRow, scenes: aborts(
		abort{name: "no starttls", trap: clear(header + offer("PLAIN", "SCRAM-SHA-1")), err: is(xmpp.ErrTLSRequired), step: "starttls"},
		abort{name: "SASL2 in place of it", trap: clear(header + offer2("", "", "PLAIN", "SCRAM-SHA-1")), err: is(xmpp.ErrTLSRequired), step: "starttls"},
		abort{name: "nothing at all", trap: clear(header + "<stream:features/>"), err: is(xmpp.ErrTLSRequired), step: "starttls"},
	)},
	row{id: "S003", title: "Something else in place of <proceed/>", oracle: abortRow, scenes: aborts(
		abort{name: "failure", trap: wantTLS("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"), step: "starttls"},
		abort{name: "features", trap: wantTLS(offer("PLAIN")), step: "starttls"},
		abort{name: "message", trap: wantTLS("<message/>"), step: "starttls"},
	)},
)
