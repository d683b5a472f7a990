package hostile_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/xmpptest"
)

// later is a client that is online, loses the connection and walks into the trap with its next one, as it does by
// itself: check sees its error, nil while it goes on, and how many connections it made since.
func later(name string, set trap, check func(err error, state xmpp.State, dials int) error) scene {
	return scene{name: "with a connection lost, " + name, cut: true, play: func(t *testing.T) error {
		return serve(t, nil, func(srv *xmpptest.Server) error {
			for _, way := range cuts(name) {
				if err := walksBack(t, srv, way, set, check); err != nil {
					return whenCut(way, err)
				}
			}
			return nil
		})
	}}
}

func walksBack(t *testing.T, srv *xmpptest.Server, way cut, set trap, check func(err error, state xmpp.State, dials int) error) error {
	c, err := xmpp.NewConnection(configuration(srv, password))
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Login(t.Context(), "", ""); err != nil {
		return err
	}
	moment()
	script := srv.Script(func(s *xmpptest.ScriptConn) error {
		trigger, err := set(s)
		if err == nil {
			_ = way.deliver(trigger, s.Send) // its error would be that the client has gone
		}
		return errors.Join(err, drain(s))
	})
	before := srv.Dialer().Dials()
	srv.Drop("romeo")
	pass(10 * time.Minute)
	return errors.Join(script.Wait(t.Context()), check(c.Err(), c.State(), srv.Dialer().Dials()-before))
}

// ends says that the client gave up at once, for this error.
func ends(want func(error) error) func(error, xmpp.State, int) error {
	return func(err error, _ xmpp.State, dials int) error {
		if dials != 1 {
			return fmt.Errorf("it made %d connections", dials)
		}
		return want(err)
	}
}

// comesBack says that the client tried again and is online.
func comesBack(err error, state xmpp.State, dials int) error {
	if err != nil || state != xmpp.Online || dials != 2 {
		return fmt.Errorf("it is %v after %d connections: %w", state, dials, err)
	}
	return nil
}

// What a lost connection makes possible: the client calls again by itself, and whoever answers may be somebody else.
var _ = add(
	row{id: "S043a", title: "Who answers a client that calls again proves nothing, or takes it for somebody else", oracle: abortRow, scenes: []scene{
		later("a success without a proof", proven("<success xmlns='"+nsSASL+"'/>"), ends(is(sasl.ErrServerSignature))),
		later("a nonce of its own", challenge("r=%.3sX,s=c2FsdA==,i=4096"), ends(as[*sasl.ProtocolError])),
		later("a resource of another account", boundAs("mallory@localhost/x"), ends(is(xmpp.ErrWrongAccount))),
	}},
	row{id: "S022a", title: "What ends a client for good is said before TLS, where anybody can say it", oracle: ignoreRow, scenes: []scene{
		later("host-unknown in clear", clear(header+"<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"), comesBack),
		later("policy-violation in clear", clear(header+"<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"), comesBack),
		later("policy-violation in place of proceed", wantTLS("<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"), comesBack),
		later("twin: host-unknown behind TLS", secured("<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"), func(err error, _ xmpp.State, dials int) error {
			if err == nil || dials != 1 {
				return fmt.Errorf("%d connections: %w", dials, err)
			}
			return nil
		}),
	}},
)
