package xmpp

import (
	"fmt"
	"io"
)

// Format prints where the configuration leads, for every verb alike: a Secret inside a struct
// would show itself to some of them.
func (cfg ConnectionConfiguration) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "xmpp.ConnectionConfiguration"+cfg.LogValue().String())
}

// Format prints whose connection it is and its state, and nothing of what it holds.
func (c *Connection) Format(f fmt.State, _ rune) {
	if c == nil {
		_, _ = io.WriteString(f, "xmpp.Connection(nil)")
		return
	}
	_, _ = fmt.Fprintf(f, "xmpp.Connection(%v, %v)", c.User(), c.State())
}

// Format prints whose it is: what it holds changes while package fmt would read it.
func (m *ChatManager) Format(f fmt.State, _ rune) { m.c.formatPart(f, "ChatManager") }

// Format prints whose it is.
func (r *Roster) Format(f fmt.State, _ rune) { r.c.formatPart(f, "Roster") }

// Format prints whose it is.
func (m *PresenceManager) Format(f fmt.State, _ rune) { m.c.formatPart(f, "PresenceManager") }

func (c *Connection) formatPart(f fmt.State, name string) {
	_, _ = fmt.Fprintf(f, "xmpp.%s(%v)", name, c.User())
}
