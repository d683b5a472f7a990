package hostile_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/xmpptest"
)

// S022: a server that goes silent at any step. The login has five seconds.
var _ = add(row{id: "S022", title: "A server that falls silent, at each step", oracle: boundRow, also: "TestEveryPhaseObeysItsContext", scenes: bounds(
	silent("the network", nil, func(cfg *xmpp.ConnectionConfiguration) { cfg.Dialer = &zone{silent: true} }),
	silent("the header", clear("")),
	silent("half a header", clear(header[:40])),
	silent("features", clear(header)),
	silent("proceed", wantTLS("")),
	silent("TLS", wantTLS(proceed)),
	silent("TLS at once", at(""), direct),
	silent("the header behind TLS", headed("")),
	silent("features behind TLS", secured("")),
	silent("half of them", secured(offer("SCRAM-SHA-1")[:30])),
	silent("the challenge", challenged(func(string) string { return "" })),
	silent("the success", proven("")),
	silent("the header behind SASL", authenticated(false, "")),
	silent("features behind SASL", authenticated(true, "")),
	silent("the resource", bindable),
	silent("SASL2's challenge", always2("")),
	silent("SASL2's success", proven2("")),
	silent("the roster", func(c *xmpptest.ScriptConn) (string, error) { return "", second(c.Login("romeo")) }),
)})

// authenticated has logged romeo in, and has answered the header that follows or not.
func authenticated(answer bool, trigger string) trap {
	return func(c *xmpptest.ScriptConn) (string, error) {
		if answer {
			return trigger, errors.Join(c.Greet(), c.Authenticate("romeo"))
		}
		err := errors.Join(c.Greet(), c.Send(offer("PLAIN")), second(c.Expect("auth")), c.Send("<success xmlns='"+nsSASL+"'/>"))
		c.Restart()
		return trigger, err
	}
}

// bindable waits for the request for a resource.
func bindable(c *xmpptest.ScriptConn) (string, error) {
	err := errors.Join(c.Greet(), c.Authenticate("romeo"), c.Send("<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>"))
	return "", errors.Join(err, second(c.Expect("xmpp-bind")))
}

// silent is how long a login lasts when the server says nothing from there on.
func silent(name string, up trap, changes ...with) bound {
	return bound{name: name, limit: 5000, unit: "ms", figure: func(t *testing.T) (ms int64, err error) {
		err = serve(t, nil, func(srv *xmpptest.Server) error {
			if up != nil {
				srv.Script(func(c *xmpptest.ScriptConn) error {
					trigger, err := up(c)
					if err != nil {
						return err
					}
					_ = c.Send(trigger)
					time.Sleep(time.Minute)
					return nil
				})
			}
			cfg := configuration(srv, changes...)
			if name == "the header behind SASL" {
				cfg.Mechanisms = []string{"PLAIN"}
			}
			c, err := xmpp.NewConnection(cfg)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			ms, err = clock(func() error {
				err := c.Login(ctx, "", "")
				return errors.Join(is(context.DeadlineExceeded)(err), as[*xmpp.ConnectError](err))
			})
			return err // without Close: the bubble sees that no goroutine is left
		})
		return ms, err
	}}
}
