package hostile_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/xmpptest"
)

// S022: a server that goes silent at any step. The login has five seconds.
var _ = add(row{id: "S022", title: "A server that falls silent, at each step", oracle: boundRow, also: "TestEveryPhaseObeysItsContext", scenes: bounds(
	silent("the network", nil, func(cfg *xmpp.ConnectionConfiguration) { cfg.Dialer = &zone{silent: true} }),
	silent("DNS, asked for servers", nil, muteDNS(false)),
	silent("DNS, asked for addresses", nil, muteDNS(true)),
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
	silent("<enabled/>", enabling),
	silent("<resumed/>", resumable, func(cfg *xmpp.ConnectionConfiguration) { cfg.Store = xmpp.NewMemoryStore() }),
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

// enabling has bound a resource and waits for the request for stream management (XEP-0198 §3). The client needs no answer to go on: it is
// the roster's that it misses.
func enabling(c *xmpptest.ScriptConn) (string, error) {
	err := errors.Join(c.Greet(), c.Authenticate("romeo"), c.Send(managing))
	bind, bad := c.Expect("xmpp-bind")
	err = errors.Join(err, bad, c.Send("<iq type='result' id='"+bind.Attr("id")+"'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>"+ownFull+"</jid></bind></iq>"))
	return "", errors.Join(err, second(c.Await("enable")))
}

// resumable waits for the request for the session that was suspended (XEP-0198 §5).
func resumable(c *xmpptest.ScriptConn) (string, error) {
	return "", errors.Join(c.Greet(), c.Authenticate("romeo"), c.Send(managing), second(c.Expect("resume")))
}

const managing = "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='" + nsSM + "'/></stream:features>"

// mute is DNS that says nothing, or only which servers there are. Their addresses are asked for where the dialer is not the program's own.
type mute struct{ servers bool }

func muteDNS(servers bool) with {
	return func(cfg *xmpp.ConnectionConfiguration) { cfg.Host, cfg.Dialer, cfg.Resolver = "", nil, mute{servers} }
}

func (m mute) LookupSRV(ctx context.Context, _, _, _ string) (string, []*net.SRV, error) {
	if m.servers {
		return "", []*net.SRV{{Target: "xmpp.example.", Port: 5222}}, nil
	}
	<-ctx.Done()
	return "", nil, context.Cause(ctx)
}

func (mute) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

// suspended leaves a session behind in the configuration's store.
func suspended(t *testing.T, cfg *xmpp.ConnectionConfiguration) error {
	c, err := xmpp.NewConnection(cfg)
	if err != nil {
		return err
	}
	if err := c.Login(t.Context(), "", ""); err != nil {
		return errors.Join(err, c.Close())
	}
	moment()
	return c.Suspend(t.Context())
}

// silent is how long a login lasts when the server says nothing from there on. Where there is a store, a session in it could be resumed.
func silent(name string, up trap, changes ...with) bound {
	return bound{name: name, limit: 5000, unit: "ms", figure: func(t *testing.T) (ms int64, err error) {
		err = serve(t, nil, func(srv *xmpptest.Server) error {
			cfg := configuration(srv, changes...)
			if cfg.Store != nil {
				if err := suspended(t, cfg); err != nil {
					return err
				}
			}
			var reached atomic.Bool
			if up != nil {
				srv.Script(func(c *xmpptest.ScriptConn) error {
					trigger, err := up(c)
					if err != nil {
						return err
					}
					reached.Store(true)
					_ = c.Send(trigger)
					time.Sleep(time.Minute)
					return nil
				})
			}
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
			if up != nil && !reached.Load() {
				err = errors.Join(err, errors.New("it did not come so far"))
			}
			return err // without Close: the bubble sees that no goroutine is left
		})
		return ms, err
	}}
}
