package xmpptest

import (
	"maps"
	"slices"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// converseBound takes stanzas until the stream ends.
func (c *Conn) converseBound() error {
	for {
		e, err := c.next()
		if err != nil {
			return err
		}
		if c.out.ending() {
			continue // the stream is over for the server, RFC 6120 §4.4
		}
		if done, err := c.nonza(e); done || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		if err := c.check(e); err != nil {
			return err
		}
		c.server.take(c, c.server.received(c, e))
	}
}

// nonza acts on what is no stanza, and says whether it was that.
func (c *Conn) nonza(e xmlstream.Element) (bool, error) {
	if done, err := c.smNonza(e); done || err != nil {
		return done, err
	}
	return c.csiNonza(e), nil
}

// check says whether an element may stand in a bound stream at all.
func (c *Conn) check(e xmlstream.Element) error {
	if e.Space() != nsClient || !slices.Contains([]string{"message", "presence", "iq"}, e.Local()) {
		return streamError(stanza.StreamUnsupportedStanzaType, "")
	}
	if from := e.Attr("from"); from != "" {
		own := c.Address()
		// RFC 6120 §8.1.2.1: only the client's own address, full or bare.
		if address, err := jid.Parse(from); err != nil || (address != own && address != own.Bare()) {
			return streamError(stanza.StreamInvalidFrom, "")
		}
	}
	return nil
}

// take acts on what became of one stanza of a client. In one step with that it
// counts as handled (XEP-0198 §4), or, if the session is gone from the
// connection by now, neither.
func (s *Server) take(c *Conn, stanzas []xmlstream.Element) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !c.attached() {
		return
	}
	if c.managed != nil {
		c.managed.received++
	}
	for _, e := range stanzas {
		s.route(c, e)
	}
}

// attached says whether the connection has a session that it carries itself,
// rather than one that waits to be resumed. The caller holds the server's lock.
func (c *Conn) attached() bool {
	return c.account != nil && (c.managed == nil || c.managed.timer == nil)
}

// route acts on one stanza of a client.
func (s *Server) route(c *Conn, e xmlstream.Element) {
	var to jid.JID
	if raw := e.Attr("to"); raw != "" {
		var err error
		if to, err = jid.Parse(raw); err != nil {
			s.bounce(c, e, stanza.JIDMalformed)
			return
		}
	}
	switch e.Local() {
	case "message":
		s.message(c, e, to)
	case "presence":
		s.presence(c, e, to)
	case "iq":
		s.iq(c, e, to)
	}
}

// bounce answers a stanza with an error, unless it is an answer itself
// (RFC 6120 §8.3.1).
func (s *Server) bounce(c *Conn, e xmlstream.Element, condition stanza.Condition) {
	if kind := e.Attr("type"); kind == "error" || kind == "result" && e.Local() == "iq" {
		return
	}
	c.deliver(errorFor(e, e.Attr("to"), c.address.String(), condition))
}

// account returns the account that an address of this server names, or nil.
func (s *Server) account(to jid.JID) *account { return s.accounts[to.Bare()] }

// available returns the available resources in a fixed order.
func (a *account) available() []*Conn {
	var found []*Conn
	for _, resource := range slices.Sorted(maps.Keys(a.sessions)) {
		if c := a.sessions[resource]; !c.presence.IsZero() {
			found = append(found, c)
		}
	}
	return found
}

// interested returns the resources that asked for the roster.
func (a *account) interested() []*Conn {
	var found []*Conn
	for _, resource := range slices.Sorted(maps.Keys(a.sessions)) {
		if c := a.sessions[resource]; c.interested {
			found = append(found, c)
		}
	}
	return found
}
