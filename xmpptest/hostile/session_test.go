package hostile_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// Who is who. romeo logs in as ownFull.
const (
	own         = "romeo@localhost"
	ownFull     = "romeo@localhost/orchard"
	ownOther    = "romeo@localhost/balcony"
	domain      = "localhost"
	contact     = "juliet@localhost"
	contactFull = "juliet@localhost/chamber"
	stranger    = "mallory@evil.example/x"
)

// A session is romeo, online, with a listener at everything, and the server's end of the stream.
type session struct {
	*xmpp.Connection
	srv     *xmpptest.Server
	conn    *xmpptest.ScriptConn
	store   *xmpp.MemoryStore
	managed bool           // it has stream management
	heard   record[string] // what reached a listener or a handler
	fails   record[error]  // what was reported
}

// A probe is a payload that a handler of the program's own answers.
type probe struct {
	XMLName struct{} `xml:"urn:example:probe probe"`
	Text    string   `xml:",chardata"`
}

// meet runs f with a session. prepare, if there is one, attaches extensions before it connects.
func meet(t *testing.T, options *xmpptest.Options, change with, prepare func(*session), f func(*session) error) error {
	t.Helper()
	return serve(t, options, func(srv *xmpptest.Server) error {
		s := &session{srv: srv, store: xmpp.NewMemoryStore()}
		started := make(chan *xmpptest.ScriptConn, 1)
		script := srv.Script(func(c *xmpptest.ScriptConn) error {
			if _, err := c.Login("romeo"); err != nil {
				return err
			}
			started <- c
			return c.Serve()
		})
		cfg := configuration(srv, func(cfg *xmpp.ConnectionConfiguration) {
			cfg.Resource, cfg.Store, cfg.OnError = "orchard", s.store, s.fails.add
			cfg.DisableReconnection = true
			cfg.Mechanisms = []string{"PLAIN"} // the quickest: it is not what these scenes are about
			// The server's count would miss what a script sends in pieces.
			cfg.DisableStreamManagement = true
		}, change)
		s.managed = !cfg.DisableStreamManagement
		c, err := xmpp.NewConnection(cfg)
		if err != nil {
			return err
		}
		s.Connection = c
		if prepare != nil {
			prepare(s)
		}
		s.listen()
		if err := c.Login(t.Context(), "", ""); err != nil {
			return err
		}
		s.conn = <-started
		if err := s.befriend(t.Context()); err != nil {
			return err
		}
		err = f(s)
		_ = c.Close()
		if bad := script.Wait(t.Context()); err == nil && bad != nil {
			err = fmt.Errorf("the script: %w", bad)
		}
		return err
	})
}

// befriend makes juliet a contact that sees our presence and whose presence we see.
func (s *session) befriend(ctx context.Context) error {
	if err := s.Roster().Add(ctx, jid.MustParse(contact), "Juliet"); err != nil {
		return err
	}
	send := s.say
	if s.managed {
		send = func(data string) { s.conn.Conn.Send(data); synctest.Wait() } // counted
	}
	send("<iq type='set' id='friends'><query xmlns='jabber:iq:roster'><item jid='" + contact + "' name='Juliet' subscription='both'/></query></iq>" +
		"<presence from='" + contactFull + "'/>")
	return nil
}

// listen attaches a listener to everything that a program can hear.
func (s *session) listen() {
	say := func(format string, args ...any) { s.heard.add(fmt.Sprintf(format, args...)) }
	s.OnMessage(func(_ context.Context, m *stanza.Message) {
		say("message %s from %v to %v: %q %q", m.Type, m.From, m.To, m.Body, m.Subject)
	})
	s.OnMessageError(func(_ context.Context, m *stanza.Message, e *stanza.Error) {
		say("message error from %v: %v", m.From, e)
	})
	s.ChatManager().OnMessage(func(_ context.Context, c *xmpp.Chat, m *stanza.Message) { say("chat with %v: %q", c.Peer(), m.Body) })
	s.ChatManager().OnSent(func(_ context.Context, c *xmpp.Chat, m *stanza.Message) { say("sent to %v: %q", c.Peer(), m.Body) })
	s.PresenceManager().OnPresence(func(_ context.Context, p *stanza.Presence) { say("presence %s from %v: %q", p.Type, p.From, p.Status) })
	s.Roster().OnChange(func(_ context.Context, c xmpp.RosterChange) {
		say("roster %s %v %q", c.Kind, c.Contact.JID, c.Contact.Name)
	})
	s.Roster().OnPresence(func(_ context.Context, a xmpp.Availability) { say("availability %+v", a) })
	s.Roster().OnRequest(func(_ context.Context, q xmpp.SubscriptionRequest) { say("request of %v: %q", q.From, q.Note) })
	s.Handle(xmpp.OnGet(func(_ context.Context, q probe, iq *stanza.IQ) (any, error) {
		say("get of %v: %q", iq.From, q.Text)
		return probe{Text: "answer"}, nil
	}))
	s.Handle(xmpp.OnSet(func(_ context.Context, q probe, iq *stanza.IQ) (any, error) {
		say("set of %v: %q", iq.From, q.Text)
		return nil, nil
	}))
	s.OnState(func(c xmpp.StateChange) { say("state %v", c.State) })
}

// state is all that a program can ask for, and all that is stored, as text.
func (s *session) state() string {
	var b strings.Builder
	for c := range s.Roster().Contacts() {
		fmt.Fprintf(&b, "contact %+v\n", c)
	}
	for _, j := range []string{own, domain, contact, "mallory@evil.example", "evil.example", "room@chat.example"} {
		for a := range s.Roster().Presences(jid.MustParse(j)) {
			fmt.Fprintf(&b, "available %+v\n", a)
		}
		fmt.Fprintf(&b, "%s sees us: %v\n", j, s.Roster().SeesUs(jid.MustParse(j)))
	}
	fmt.Fprintf(&b, "state %v user %v presence %v features %v\n", s.State(), s.User(), s.PresenceManager().Current(), slices.Collect(s.Features()))
	ctx := context.Background()
	for key := range s.store.Keys(ctx, "") {
		value, _ := s.store.Get(ctx, key)
		fmt.Fprintf(&b, "stored %s %q\n", key, value)
	}
	return b.String()
}

// A mark is a moment of the session.
type mark struct {
	heard, wrote int
	state        string
}

func (s *session) mark() mark {
	synctest.Wait()
	return mark{s.heard.len(), len(s.conn.Log()), s.state()}
}

// A change is what happened since a mark.
type change struct {
	heard []string
	wrote []stanza.Element // without what stream management says on its own
	raw   string
	state string // empty: it is as it was
}

func (s *session) since(m mark) (change, error) {
	synctest.Wait()
	c := change{heard: s.heard.since(m.heard), raw: s.conn.Log()[m.wrote:]}
	if now := s.state(); now != m.state {
		c.state = now
	}
	e, err := stanza.Parse("<all xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>" + strings.TrimSuffix(c.raw, "</stream:stream>") + "</all>")
	if err != nil {
		return c, fmt.Errorf("what the client wrote is not whole: %w: %q", err, short(c.raw))
	}
	for child := range e.Children() {
		if child.Space() != "urn:xmpp:sm:3" {
			c.wrote = append(c.wrote, child)
		}
	}
	return c, nil
}

func (c change) String() string {
	return fmt.Sprintf("heard %q, wrote %v, state %q", c.heard, c.wrote, c.state)
}

// nothing tells whether nothing happened.
func (c change) nothing() bool { return len(c.heard) == 0 && len(c.wrote) == 0 && c.state == "" }

// send sends as the server, behind the test server's back, and waits until all is done about it.
func (s *session) send(way cut, data string) {
	_ = way.deliver(data, s.conn.Send)
	synctest.Wait()
}

// say sends whole.
func (s *session) say(data string) { s.send(cut{}, data) }
