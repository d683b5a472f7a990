package xmpptest

import (
	"crypto/rand"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// session is the state of a bound client, guarded by the server's lock. It can
// go from one connection to another (XEP-0198 §5).
type session struct {
	account    *account          // nil: not bound, or not any more
	address    jid.JID           // full
	interested bool              // asked for the roster, RFC 6121 §2.2
	presence   xmlstream.Element // last broadcast presence; zero: not available
	priority   int8
	directed   map[jid.JID]bool // got directed presence, RFC 6121 §4.6
	managed    *managed         // nil: no stream management
	agent      string           // the id of SASL2's <user-agent/>
	carbons    bool             // wants copies, XEP-0280
	inactive   bool             // XEP-0352
	held       [][]byte         // waits until the client is active
}

// bindFeatures is how a client that is authenticated gets a resource.
const bindFeatures = "<bind xmlns='" + nsBind + "'/>" +
	"<session xmlns='" + nsSession + "'><optional/></session>"

// sessionFeatures announces what a client with a resource can do.
func (s *Server) sessionFeatures() string {
	features := "<ver xmlns='urn:xmpp:features:rosterver'/>" +
		"<sub xmlns='urn:xmpp:features:pre-approval'/>" +
		"<csi xmlns='" + nsCSI + "'/>"
	if !s.options.NoStreamManagement {
		features += "<sm xmlns='" + nsSM + "'/>"
	}
	return features
}

// bind plays resource binding, RFC 6120 §7, until it succeeds, or the
// resumption of a session in its place (XEP-0198 §5).
func (c *Conn) bind() error {
	if c.bound {
		return nil
	}
	c.features(bindFeatures + c.server.sessionFeatures())
	for {
		e, err := c.next()
		if err != nil {
			return err
		}
		if e.Space() == nsSM {
			resumed, err := c.smUnbound(e)
			if resumed || err != nil {
				return err
			}
			continue
		}
		request := e.Child(nsBind, "bind")
		if !e.Is(nsClient, "iq") || e.Attr("type") != "set" || request.IsZero() {
			return streamError(stanza.StreamNotAuthorized, "bind a resource first")
		}
		condition := c.claim(request.Child(nsBind, "resource").Text(), func() { c.tellBound(e) })
		if condition == "" {
			return nil
		}
		c.push(outgoing{data: errorFor(e, "", "", condition), stanza: true})
	}
}

// tellBound answers a request to bind. The caller holds the server's lock.
func (c *Conn) tellBound(e xmlstream.Element) {
	c.push(outgoing{data: build(func(w *xmlstream.Writer) {
		start(w, nsClient, "iq", "type", "result", "id", e.Attr("id"))
		w.Start(nsBind, "bind")
		w.Start(nsBind, "jid")
		w.Text(c.session.address.String())
		w.End()
		w.End()
		w.End()
	})})
}

// smUnbound acts on stream management before a resource is bound, and says
// whether a session was resumed.
func (c *Conn) smUnbound(e xmlstream.Element) (bool, error) {
	if e.Local() != "resume" {
		c.push(outgoing{data: []byte(smFailed("", stanza.UnexpectedRequest))}) // XEP-0198 §3
		return false, nil
	}
	failed, err := c.resumeSession(e, func(resumed string) { c.push(outgoing{data: []byte(resumed)}) })
	if failed != "" {
		c.push(outgoing{data: []byte(failed)})
	}
	return failed == "" && err == nil, err
}

// claim gives the connection a resource and calls announce before anything can
// be sent there, or says why not.
func (c *Conn) claim(resource string, announce func()) stanza.Condition {
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
			c.session = session{account: c.user, address: address, directed: map[jid.JID]bool{}, agent: c.agent}
			c.user.sessions[address.Resource()] = c
			announce()
			s.mu.Unlock()
			s.log.Debug("bound", "address", address.String())
			return ""
		}
		waits := old.managed != nil && old.managed.timer != nil
		s.mu.Unlock()
		if s.options.Conflict == ConflictRefuse && !waits {
			return stanza.Conflict
		}
		old.Kick(stanza.StreamConflict)
	}
}

// unbind ends what a connection is to others; a second time it does nothing.
func (s *Server) unbind(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finish(c)
}

// finish does so with s.mu held.
func (s *Server) finish(c *Conn) {
	if c.account == nil {
		return
	}
	s.leave(c, silence)
	a, m := c.account, c.managed
	if a.sessions[c.address.Resource()] == c {
		delete(a.sessions, c.address.Resource())
	}
	c.account, c.managed, c.held, c.inactive = nil, nil, nil, false
	if m != nil {
		s.retire(m, a)
	}
}
