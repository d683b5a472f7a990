package xmpptest

import "github.com/gosmack/xmpp/internal/xmlstream"

const nsCSI = "urn:xmpp:csi:0"

// heldLimit is how many stanzas wait for an inactive client.
const heldLimit = 256

// csiNonza acts on what a client says about its user's attention (XEP-0352),
// and says whether it was that.
func (c *Conn) csiNonza(e xmlstream.Element) bool {
	inactive := e.Is(nsCSI, "inactive")
	if !inactive && !e.Is(nsCSI, "active") {
		return false
	}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	if !c.attached() {
		return true
	}
	if !inactive {
		c.flushHeld()
	}
	c.inactive = inactive
	return true
}

// hold keeps a stanza back if an inactive client can do without it for now, and
// says whether. Any other goes behind what was held, so that the order stays.
// The caller holds the server's lock.
func (c *Conn) hold(data []byte) bool {
	if !c.inactive {
		return false
	}
	if e, ok := reparse(data); !ok || !unimportant(e) || len(c.held) >= heldLimit {
		c.flushHeld()
		return false
	}
	c.held = append(c.held, data)
	return true
}

// unimportant is presence of the kind that comes and goes, and a mere chat state.
func unimportant(e xmlstream.Element) bool {
	kind := e.Attr("type")
	switch e.Local() {
	case "presence":
		return kind == "" || kind == "unavailable"
	case "message":
		return kind != "error" && onlyChatState(e)
	}
	return false
}

// flushHeld sends what was held. The caller holds the server's lock.
func (c *Conn) flushHeld() {
	held := c.held
	c.held = nil
	for _, data := range held {
		c.hand(data, true, true)
	}
}
