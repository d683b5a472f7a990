package hostile_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/xmpptest"
)

// A login is a twin: it must come online, in each of the quick ways of cutting.
type login struct {
	name    string
	options *xmpptest.Options
	lazy    func() *xmpptest.Options
	with    with
	script  func(*xmpptest.ScriptConn) error // plays the server; nil: the server itself
	before  bool                             // there was a login with the same Store
	check   func(c *xmpp.Connection) error
	slow    bool // once is enough: it is played whole, and not in each of the quick ways of cutting
}

// accepted makes scenes of them.
func accepted(list ...login) []scene {
	var all []scene
	for _, l := range list {
		all = append(all, scene{name: l.name, play: l.play})
	}
	return all
}

func (l login) play(t *testing.T) error {
	options := l.options
	if l.lazy != nil {
		options = l.lazy()
	}
	ways := cuts(l.name)[:quickCuts]
	if l.slow {
		ways = ways[:1]
	}
	return serve(t, options, func(srv *xmpptest.Server) error {
		for _, way := range ways {
			if err := l.once(t, srv, way); err != nil {
				return whenCut(way, err)
			}
		}
		return nil
	})
}

func (l login) once(t *testing.T, srv *xmpptest.Server, way cut) error {
	cfg := configuration(srv, func(cfg *xmpp.ConnectionConfiguration) { cfg.Store = xmpp.NewMemoryStore() }, l.with)
	if l.before {
		if err := (abort{}).good(t, cfg); err != nil {
			return fmt.Errorf("the login before: %w", err)
		}
	}
	srv.Next(func(c *xmpptest.Conn) { c.SetFaults(way.faults()) })
	var script *xmpptest.Script
	if l.script != nil {
		script = srv.Script(l.script)
	}
	c, err := xmpp.NewConnection(cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Login(t.Context(), "", ""); err != nil {
		return err
	}
	if c.State() != xmpp.Online {
		return fmt.Errorf("it is %v", c.State())
	}
	if l.check != nil {
		err = l.check(c)
	}
	err = errors.Join(err, c.Close())
	if script != nil {
		err = errors.Join(err, script.Wait(t.Context()))
	}
	return err
}

// A refusal is a configuration that is refused before there is a connection.
type refusal struct {
	name string
	with with
}

// refusals makes scenes of them.
func refusals(list ...refusal) []scene {
	var all []scene
	for _, r := range list {
		all = append(all, scene{name: r.name, play: func(t *testing.T) error {
			return serve(t, nil, func(srv *xmpptest.Server) error {
				if _, err := xmpp.NewConnection(configuration(srv)); err != nil {
					return fmt.Errorf("without it: %w", err)
				}
				_, err := xmpp.NewConnection(configuration(srv, r.with))
				return as[*xmpp.ConfigError](err)
			})
		}})
	}
	return all
}
