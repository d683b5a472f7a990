package hostile_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// S015 to S020: where a server or DNS may send us.
var _ = add(
	row{id: "S015", title: "see-other-host leads to somebody else", oracle: abortRow + ", " + boundRow, scenes: slices.Concat(
		aborts(
			abort{name: "in clear", trap: clear(header + seeOther("evil.example")), err: seesOther, step: "stream"},
			abort{name: "in place of proceed", trap: wantTLS(seeOther("evil.example")), err: seesOther, step: "starttls"},
			abort{name: "no address", trap: secured(seeOther("mallory@evil.example")), err: seesOther, step: "stream"},
			abort{name: "two of them", trap: secured(seeOther("evil.example other.example")), err: seesOther, step: "stream"},
			abort{name: "no port", trap: secured(seeOther("evil.example:0")), err: seesOther, step: "stream"},
			abort{name: "empty", trap: secured(seeOther("")), err: seesOther, step: "stream"},
			abort{name: "while online", trap: online(seeOther("evil.example")), err: seesOther, online: true, returns: sentAway, with: unmanaged},
		),
		[]scene{{name: "to a host with a certificate of its own", play: redirected("evil.example:5222", false)}},
		[]scene{{name: "twin: to a host with ours", play: redirected("b.example", true)}},
		bounds(bound{name: "in a circle", limit: 6, unit: "connections", figure: circle}),
	)},
	row{id: "S016", title: "The location of a session that broke off leads to somebody else", oracle: abortRow, also: "TestLocation", scenes: []scene{
		{name: "STARTTLS", play: relocated("evil.example:5222", 2)},
		{name: "direct TLS", play: relocated("evil.example:5223", 2)},
		{name: "no address", play: relocated("mallory@evil.example", 1)},
		{name: "twin: to a host with our certificate", play: relocated("b.example", 1)},
	}},
	row{id: "S020", title: "Tricks with SRV records", oracle: boundRow, also: "internal/discover.TestLookup", scenes: bounds(
		bound{name: "5000 targets where nobody is", limit: 16, unit: "connections", figure: many(&zone{srv: map[string][]*net.SRV{"xmpp-client": srvTargets(5000), "xmpps-client": srvTargets(5000)}})},
		bound{name: "5000 targets that are silent", limit: 35_000, unit: "ms", figure: patience},
		bound{name: "no service", limit: 0, unit: "connections", figure: many(&zone{srv: map[string][]*net.SRV{"xmpp-client": {{Target: "."}}, "xmpps-client": {{Target: "."}}}})},
		bound{name: "targets that are no names", limit: 0, unit: "connections", figure: many(&zone{srv: map[string][]*net.SRV{
			"xmpps-client": {{Target: "."}},
			"xmpp-client":  {{Target: "127.0.0.1", Port: 5222}, {Target: "::1", Port: 5222}, {Target: "", Port: 5222}, {Target: "a b", Port: 5222}, {Target: "x.example.", Port: 0}},
		}})},
	)},
)

func seesOther(err error) error { return is(stanza.StreamSeeOtherHost)(err) }

func srvTargets(n int) []*net.SRV {
	all := make([]*net.SRV, n)
	for i := range all {
		all[i] = &net.SRV{Target: fmt.Sprintf("h%d.example.", i), Port: 5222, Priority: uint16(i % 7), Weight: uint16(i)}
	}
	return all
}

// redirected is sent from a.example to another host.
func redirected(host string, good bool) func(*testing.T) error {
	return func(t *testing.T) error {
		return serve(t, shows("localhost", nil), func(srv *xmpptest.Server) error {
			return serve(t, shows("localhost", wildcard("evil.example")), func(evil *xmpptest.Server) error {
				z := &zone{hosts: map[string]*xmpptest.Server{"a.example": srv, "b.example": srv, "evil.example": evil}}
				var log string
				trapped := evil.Script(func(c *xmpptest.ScriptConn) error {
					defer func() { log = c.Log() }()
					_ = c.Greet()
					_ = drain(c)
					return nil
				})
				srv.Script(func(c *xmpptest.ScriptConn) error { return errors.Join(c.Greet(), c.Send(seeOther(host)), drain(c)) })
				c, err := xmpp.NewConnection(configuration(srv, trusting, z.use, func(cfg *xmpp.ConnectionConfiguration) { cfg.Host = "a.example" }))
				if err != nil {
					return err
				}
				defer c.Close()
				err = c.Login(t.Context(), "", "")
				if good {
					return err
				}
				if err := trapped.Wait(t.Context()); err != nil {
					return err
				}
				var f faults
				f = append(f, badCert(err), seesOther(err))
				if got := z.dialed.list(); !slices.Equal(got, []string{"a.example:5222", host}) {
					f.addf("it connected to %v", got)
				}
				if w := containsAny(log, "<auth", "<iq", "from="); w != "" {
					f.addf("it wrote %s to the other host", w)
				}
				return f.err()
			})
		})
	}
}

// circle is how often a client connects that is sent from one host to the other and back.
func circle(t *testing.T) (dials int64, err error) {
	err = serve(t, nil, func(srv *xmpptest.Server) error {
		z := &zone{hosts: map[string]*xmpptest.Server{"a.example": srv, "b.example": srv}}
		var n atomic.Int32
		srv.ScriptAll(func(c *xmpptest.ScriptConn) error {
			return errors.Join(c.Greet(), c.Send(seeOther([]string{"a.example", "b.example"}[n.Add(1)%2])), drain(c))
		})
		c, err := xmpp.NewConnection(configuration(srv, z.use, func(cfg *xmpp.ConnectionConfiguration) { cfg.Host = "a.example" }))
		if err != nil {
			return err
		}
		err = seesOther(c.Login(t.Context(), "", ""))
		pass(10 * time.Minute)
		dials = int64(z.dialed.len())
		return errors.Join(err, c.Close())
	})
	return dials, err
}

// relocated loses its connection, whose session the server said to be at another place.
func relocated(place string, dials int) func(*testing.T) error {
	return func(t *testing.T) error {
		options := shows("localhost", nil)
		options.StreamManagement.Location = place
		return serve(t, options, func(srv *xmpptest.Server) error {
			return serve(t, shows("localhost", wildcard("evil.example")), func(evil *xmpptest.Server) error {
				z := &zone{hosts: map[string]*xmpptest.Server{"localhost": srv, "b.example": srv, "evil.example": evil}}
				var said record[string]
				evil.ScriptAll(func(c *xmpptest.ScriptConn) error {
					_ = c.Greet()
					_ = drain(c)
					said.add(c.Log())
					return nil
				})
				c, err := xmpp.NewConnection(configuration(srv, trusting, z.use))
				if err != nil {
					return err
				}
				defer c.Close()
				if err := c.Login(t.Context(), "", ""); err != nil {
					return err
				}
				before := z.dialed.len()
				moment()
				srv.Drop("romeo")
				pass(10 * time.Second)
				var f faults
				if c.State() != xmpp.Online || c.Stats().Resumed != 1 {
					f.addf("it is %v, resumed %d times", c.State(), c.Stats().Resumed)
				}
				if got := z.dialed.since(before); len(got) != dials {
					f.addf("it connected to %v", got)
				}
				if w := containsAny(strings.Join(said.list(), ""), "<auth", "<resume", "previd", "<iq", "from="); w != "" {
					f.addf("it wrote %s to the other host", w)
				}
				return f.err()
			})
		})
	}
}

// many is to how many places a client connects that finds nobody.
func many(z *zone) func(*testing.T) (int64, error) {
	return func(t *testing.T) (int64, error) {
		_, err := z.connect(t)
		return int64(z.dialed.len()), err
	}
}

// connect fails to connect to example.org, and tells how long that took.
func (z *zone) connect(t *testing.T) (ms int64, err error) {
	c, err := xmpp.NewConnection(&xmpp.ConnectionConfiguration{Address: romeo("example.org"), Password: canary, Dialer: z, Resolver: z})
	if err != nil {
		return 0, err
	}
	defer c.Close()
	return clock(func() error {
		err := c.Connect(context.WithoutCancel(t.Context()))
		if strings.Contains(fmt.Sprint(err), canary) {
			return errors.New("the password is in the error")
		}
		return as[*xmpp.ConnectError](err)
	})
}

// patience is how long many silent targets keep a client that has no time limit of its own.
func patience(t *testing.T) (int64, error) {
	z := &zone{silent: true, srv: map[string][]*net.SRV{"xmpp-client": srvTargets(5000)}}
	return z.connect(t)
}
