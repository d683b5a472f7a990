package xmpptest

import (
	"crypto/rand"
	"strings"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

const nsBind2 = "urn:xmpp:bind:0"

// bind2Features announces Bind 2 and what can be enabled along with it
// (XEP-0386 §3.1).
func (s *Server) bind2Features() string {
	list := []string{nsCarbons, nsCSI}
	if !s.options.NoStreamManagement {
		list = append(list, nsSM)
	}
	var b strings.Builder
	b.WriteString("<bind xmlns='" + nsBind2 + "'><inline>")
	for _, f := range list {
		b.WriteString("<feature var='" + f + "'/>")
	}
	b.WriteString("</inline></bind>")
	return b.String()
}

// bind2 binds a resource during authentication and calls announce with the
// address and the <bound/> before anything can be sent there (§3.2). Earlier
// sessions of the same client end first, so that what waits in them is cleared
// together with the offline messages: it is in the archive.
func (c *Conn) bind2(e xmlstream.Element, announce func(address jid.JID, bound string)) error {
	c.replaceAgent()
	resource := rand.Text()
	if tag := e.Child(nsBind2, "tag").Text(); tag != "" {
		resource = tag + "/" + resource
	}
	enable := func() {
		c.account.offline = nil
		announce(c.session.address, c.enableInline(e))
	}
	condition := c.claim(resource, enable)
	if condition != "" { // the tag can be no part of a resource
		condition = c.claim("", enable)
	}
	if condition != "" {
		return streamError(stanza.StreamInternalServerError, string(condition))
	}
	c.bound = true
	return nil
}

// replaceAgent ends other sessions of the client that authenticated.
func (c *Conn) replaceAgent() {
	if c.agent == "" {
		return
	}
	c.server.mu.Lock()
	var old []*Conn
	for _, other := range c.user.all() {
		if other.session.agent == c.agent {
			old = append(old, other)
		}
	}
	c.server.mu.Unlock()
	for _, other := range old {
		other.Kick(stanza.StreamConflict)
	}
}

// enableInline enables what was asked for and returns the <bound/>. The caller
// holds the server's lock.
func (c *Conn) enableInline(e xmlstream.Element) string {
	bound := "<bound xmlns='" + nsBind2 + "'>"
	if !c.server.options.NoArchive {
		bound += string(build(c.account.writeMetadata))
	}
	if enable := e.Child(nsSM, "enable"); !enable.IsZero() {
		bound += c.manage(enable)
	}
	c.carbons = !e.Child(nsCarbons, "enable").IsZero()
	c.inactive = !e.Child(nsCSI, "inactive").IsZero()
	return bound + "</bound>"
}
