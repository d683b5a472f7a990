package forward

import (
	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
)

// Handle announces that this program shows forwarded messages (XEP-0297 §4), so
// that others send them. It does nothing else: a message that holds a [Forwarded] is
// heard as the forwarder's own. It panics where [xmpp.Connection.Use] does: after the
// first Connect, and when called twice.
func Handle(conn *xmpp.Connection) {
	conn.Use(xmpp.Extension{Name: "forward", Features: []string{NS}})
}

// Message returns what was forwarded if it is a message, as it mostly is, else nil.
func (f Forwarded) Message() *stanza.Message {
	m, _ := f.Stanza.(*stanza.Message)
	return m
}
