package hostile_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// A saga is a scene over several connections of one client, which connects anew by itself.
type saga struct {
	name string
	// parts play the server, on one connection each. On what comes behind them the server is itself.
	parts   []part
	options *xmpptest.Options // nil: in the clear, because TLS is not what it is about
	with    with
	// play is what the program does once it is logged in, and what must have come of it.
	play func(ctx context.Context, s *tale) error
}

// A part plays the server until it returns, and what the client writes behind that is read on. An error is the scene's.
type part func(l *leg) error

// A leg is one of the connections.
type leg struct {
	*xmpptest.ScriptConn
	way cut
}

// say sends, in pieces. The client may have left before the last one.
func (l *leg) say(data string) error {
	if err := l.way.deliver(data, l.Send); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// A tale is what happened.
type tale struct {
	*xmpp.Connection
	srv   *xmpptest.Server
	legs  record[string] // what the client wrote on each of the parts' connections
	heard record[string]
	fails record[error]
	dials *tap
}

// sagaCuts is in how many ways of cutting one is told: each takes several logins.
const sagaCuts = 12

func (s saga) scene() scene { return scene{name: s.name, play: s.run} }

// sagas makes scenes of them.
func sagas(list ...saga) []scene {
	var all []scene
	for _, s := range list {
		all = append(all, s.scene())
	}
	return all
}

func (s saga) run(t *testing.T) error {
	ways := cuts(s.name)
	ways = ways[:min(len(ways), sagaCuts)]
	for _, way := range ways {
		if err := s.once(t, way); err != nil {
			return whenCut(way, err)
		}
	}
	note(t, "%s: in %d ways of cutting", s.name, len(ways))
	return nil
}

func (s saga) once(t *testing.T, way cut) error {
	options := s.options
	if options == nil {
		options = &xmpptest.Options{Plaintext: true, Mechanisms: []string{"PLAIN"}}
	}
	return serve(t, options, func(srv *xmpptest.Server) error {
		g := &tale{srv: srv}
		cfg := configuration(srv, func(cfg *xmpp.ConnectionConfiguration) {
			if options.Plaintext {
				*cfg = *srv.Configuration("romeo")
			}
			cfg.Resource, cfg.OnError = "orchard", g.fails.add
		}, s.with)
		g.dials = &tap{Dialer: cfg.Dialer}
		cfg.Dialer = g.dials
		var scripts []*xmpptest.Script
		for n, p := range s.parts {
			scripts = append(scripts, srv.Script(func(c *xmpptest.ScriptConn) error {
				err := p(&leg{c, way})
				if err == nil {
					c.SetPatience(time.Hour)
					_ = drain(c)
				}
				g.legs.add(c.Log())
				if err != nil {
					return fmt.Errorf("connection %d: %w", n, err)
				}
				return nil
			}))
		}
		c, err := xmpp.NewConnection(cfg)
		if err != nil {
			return err
		}
		g.Connection = c
		defer c.Close()
		c.OnMessage(func(_ context.Context, m *stanza.Message) { g.heard.add(m.Body) })
		if err := c.Login(t.Context(), "", ""); err != nil {
			return err
		}
		err = s.play(t.Context(), g)
		_ = c.Close()
		srv.Close()
		for _, script := range scripts {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			err = errors.Join(err, script.Wait(ctx))
			cancel()
		}
		return err
	})
}

// text sends a chat message to the contact and returns its receipt.
func (g *tale) text(body string) (*xmpp.Ack, error) {
	return g.Submit(context.Background(), &stanza.Message{To: jid.MustParse(contact), Type: stanza.MessageChat, Body: body})
}

const nsSM = "urn:xmpp:sm:3"

// managed logs romeo in and gives him a session that can be resumed by id. Two stanzas count then: the request for the roster and presence.
func (l *leg) managed(id string) error {
	_, err := l.Login("romeo")
	return errors.Join(err, l.enable(id))
}

func (l *leg) enable(id string) error {
	err := second(l.Await("enable"))
	roster, bad := l.Await("jabber:iq:roster")
	err = errors.Join(err, bad, l.Send("<enabled xmlns='"+nsSM+"' id='"+id+"' resume='true'/><iq type='result' id='"+roster.Attr("id")+"'><query xmlns='jabber:iq:roster'/></iq>"), second(l.Await("presence")))
	moment()
	return err
}

// resuming has come to where the client asks for its session. It returns what it has handled of it.
func (l *leg) resuming(id string) (h string, err error) {
	err = errors.Join(l.Greet(), l.Authenticate("romeo"), l.Send("<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='"+nsSM+"'/></stream:features>"))
	e, bad := l.Expect("resume")
	if bad == nil && e.Attr("previd") != id {
		bad = fmt.Errorf("the client wants to resume %q", e.Attr("previd"))
	}
	return e.Attr("h"), errors.Join(err, bad)
}

// asked asks how many stanzas the client has handled.
func (l *leg) asked() (h string, err error) {
	if err := l.say("<r xmlns='" + nsSM + "'/>"); err != nil {
		return "", err
	}
	e, err := l.Await("<a ")
	return e.Attr("h"), err
}

// handled asks and wants this number.
func (l *leg) handled(want string) error {
	h, err := l.asked()
	if err == nil && h != want {
		err = fmt.Errorf("h is %s, not %s", h, want)
	}
	return err
}
