package hostile_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/xep/mam"
	"github.com/gosmack/xmpp/xmpptest"
)

// Who logs in without an Address leaves it to the server who that is.
var _ = add(
	row{id: "S061a", title: "The server says who a client without an Address is", oracle: abortRow + ", " + ignoreRow, scenes: []scene{
		renamed("EXTERNAL, somebody else with the next connection", asWhom("mallory@localhost/x"), ends(is(xmpp.ErrWrongAccount))),
		renamed("twin: EXTERNAL, the same again", nil, stays),
		leavesNothing("ANONYMOUS"),
		leavesNothing("EXTERNAL"),
		{name: "Durable needs an Address", play: undurable},
	}},
)

// nameless logs in without an Address, by what names no account.
func nameless(srv *xmpptest.Server, mechanism string, changes ...with) (*xmpp.ConnectionConfiguration, error) {
	cert, err := srv.ClientCertificate("romeo")
	return configuration(srv, append([]with{func(cfg *xmpp.ConnectionConfiguration) {
		cfg.Address, cfg.Password, cfg.Domain = jid.JID{}, "", "localhost"
		cfg.Mechanisms, cfg.DisableStreamManagement = []string{mechanism}, true
		cfg.TLS.Certificates = []tls.Certificate{cert}
	}}, changes...)...), err
}

func nobodys(mechanisms ...string) *xmpptest.Options {
	return &xmpptest.Options{Mechanisms: mechanisms}
}

// renamed is later for a client whose certificate says who it is.
func renamed(name string, set trap, check func(err error, state xmpp.State, dials int) error) scene {
	return scene{name: name, play: func(t *testing.T) error {
		return serve(t, nobodys("EXTERNAL"), func(srv *xmpptest.Server) error {
			cfg, err := nameless(srv, "EXTERNAL")
			if err != nil {
				return err
			}
			c, err := xmpp.NewConnection(cfg)
			if err != nil {
				return err
			}
			defer c.Close()
			if err := c.Login(t.Context(), "", ""); err != nil {
				return err
			}
			moment()
			var script *xmpptest.Script
			if set != nil {
				script = srv.Script(func(s *xmpptest.ScriptConn) error {
					trigger, err := set(s)
					return errors.Join(err, s.Send(trigger), drain(s))
				})
			}
			before := srv.Dialer().Dials()
			srv.Drop("romeo")
			pass(10 * time.Minute)
			err = check(c.Err(), c.State(), srv.Dialer().Dials()-before)
			if script != nil {
				err = errors.Join(err, script.Wait(t.Context()))
			}
			return err
		})
	}}
}

// asWhom takes the client's certificate for this address's.
func asWhom(address string) trap {
	return func(c *xmpptest.ScriptConn) (string, error) {
		err := errors.Join(c.Greet(), c.Send(offer("EXTERNAL")), second(c.Expect("auth")), c.Send("<success xmlns='"+nsSASL+"'/>"))
		c.Restart()
		err = errors.Join(err, second(c.Header()), c.Send(header+"<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>"))
		iq, e := c.Expect("xmpp-bind")
		return "<iq type='result' id='" + iq.Attr("id") + "'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>" + address + "</jid></bind></iq>", errors.Join(err, e)
	}
}

// stays says that the client is back with its first try.
func stays(err error, state xmpp.State, dials int) error {
	if err != nil || state != xmpp.Online || dials != 1 {
		return fmt.Errorf("it is %v after %d connections: %w", state, dials, err)
	}
	return nil
}

// leavesNothing sees that neither the library nor an extension stores anything of who the server made us: the next one to
// use the Store is somebody else. Where an Address is given it stores the like, and loses it by a broken connection in neither case.
func leavesNothing(mechanism string) scene {
	return scene{name: mechanism + " leaves nothing in the Store", play: func(t *testing.T) error {
		return serve(t, nobodys(mechanism, "PLAIN"), func(srv *xmpptest.Server) error {
			store := xmpp.NewMemoryStore()
			cfg, err := nameless(srv, mechanism, func(cfg *xmpp.ConnectionConfiguration) { cfg.Store = store })
			if err != nil {
				return err
			}
			if err := goesThrough(t, srv, cfg); err != nil {
				return err
			}
			if keys, err := stored(t, store); err != nil || len(keys) > 0 {
				return fmt.Errorf("it stored %q: %v", keys, err)
			}
			cfg = configuration(srv, plain, func(cfg *xmpp.ConnectionConfiguration) { cfg.Store = store })
			if err := goesThrough(t, srv, cfg); err != nil {
				return fmt.Errorf("twin: %w", err)
			}
			keys, err := stored(t, store)
			if !slices.Contains(keys, own+"/roster") || !slices.Contains(keys, own+"/mam/position") {
				return fmt.Errorf("the twin stored only %q: %v", keys, err)
			}
			return nil
		})
	}}
}

// goesThrough logs in, loses the connection, comes back and closes, with an extension that stores something.
func goesThrough(t *testing.T, srv *xmpptest.Server, cfg *xmpp.ConnectionConfiguration) error {
	c, err := xmpp.NewConnection(cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	mam.New(c, &mam.Options{Sync: true})
	if err := c.Login(t.Context(), "", ""); err != nil {
		return err
	}
	pass(time.Minute)
	srv.Drop(c.User().Local())
	pass(time.Minute)
	if c.State() != xmpp.Online {
		return fmt.Errorf("it is %v: %w", c.State(), c.Err())
	}
	err = c.Close()
	pass(time.Minute)
	return err
}

func stored(t *testing.T, store xmpp.Store) (keys []string, err error) {
	for key, err := range store.Keys(t.Context(), "") {
		if err != nil {
			return keys, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// undurable: nobody could come back for what is promised to be kept.
func undurable(t *testing.T) error {
	return serve(t, nobodys("ANONYMOUS"), func(srv *xmpptest.Server) error {
		cfg, err := nameless(srv, "ANONYMOUS", func(cfg *xmpp.ConnectionConfiguration) { cfg.Store, cfg.Durable = xmpp.NewMemoryStore(), true })
		if err != nil {
			return err
		}
		c, err := xmpp.NewConnection(cfg)
		if err != nil {
			return err
		}
		defer c.Close()
		return as[*xmpp.ConfigError](c.Login(t.Context(), "", ""))
	})
}
