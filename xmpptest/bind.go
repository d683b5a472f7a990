package xmpptest

import (
	"crypto/rand"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// boundFeatures is what a client can do once it is authenticated.
const boundFeatures = "<bind xmlns='" + nsBind + "'/>" +
	"<session xmlns='" + nsSession + "'><optional/></session>" +
	"<ver xmlns='urn:xmpp:features:rosterver'/>" +
	"<sub xmlns='urn:xmpp:features:pre-approval'/>"

// bind plays resource binding, RFC 6120 §7, until it succeeds.
func (c *Conn) bind() error {
	c.features(boundFeatures)
	for {
		e, err := c.next()
		if err != nil {
			return err
		}
		request := e.Child(nsBind, "bind")
		if !e.Is(nsClient, "iq") || e.Attr("type") != "set" || request.IsZero() {
			return streamError(stanza.StreamNotAuthorized, "bind a resource first")
		}
		condition := c.claim(request.Child(nsBind, "resource").Text())
		if condition != "" {
			c.deliver(errorFor(e, "", "", condition))
			continue
		}
		c.push(outgoing{data: build(func(w *xmlstream.Writer) {
			w.Start(nsClient, "iq")
			w.Attr("type", "result")
			w.Attr("id", e.Attr("id"))
			w.Start(nsBind, "bind")
			w.Start(nsBind, "jid")
			w.Text(c.Address().String())
			w.End()
			w.End()
			w.End()
		})})
		return nil
	}
}

// claim gives the connection a resource, or says why not.
func (c *Conn) claim(resource string) stanza.Condition {
	if resource == "" {
		resource = rand.Text()
	}
	address, err := c.user.address.WithResource(resource)
	if err != nil {
		return stanza.BadRequest
	}
	s := c.server
	for {
		s.mu.Lock()
		old := c.user.sessions[address.Resource()]
		if old == nil || s.options.Conflict == ConflictRename {
			if old != nil {
				address, _ = c.user.address.WithResource(rand.Text()) // always valid
			}
			c.session = session{account: c.user, address: address, directed: map[jid.JID]bool{}}
			c.user.sessions[address.Resource()] = c
			s.mu.Unlock()
			s.log.Debug("bound", "address", address.String())
			return ""
		}
		s.mu.Unlock()
		if s.options.Conflict == ConflictRefuse {
			return stanza.Conflict
		}
		old.Kick(stanza.StreamConflict)
	}
}

// unbind ends what a connection is to others; a second time it does nothing.
func (s *Server) unbind(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.account == nil {
		return
	}
	s.leave(c, silence)
	if c.account.sessions[c.address.Resource()] == c {
		delete(c.account.sessions, c.address.Resource())
	}
	c.account = nil
}
