package hostile_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// A trap plays the server up to the trigger, which it returns. What it sends itself comes whole.
type trap func(c *xmpptest.ScriptConn) (trigger string, err error)

// abort is a scene that the client must end.
type abort struct {
	name    string
	trap    trap
	err     func(error) error      // what the error must be; nil only where says names it
	step    string                 // of the attempt that failed; empty: none is named
	says    stanza.StreamCondition // the stream error that the client must send, and name in a *xmpp.ProtocolError; empty: none is asked for
	options *xmpptest.Options
	lazy    func() *xmpptest.Options // options that take time to make
	with    with
	// random is how many random ways of cutting it is run with; 0: as many as all.
	random int
	// before is a login that is in order, with the same configuration and so with the same Store.
	before bool
	// after looks at what else must hold.
	after func(*xmpp.ConnectionConfiguration) error
	// online: the trigger comes to a client that is online. Its session must end, with the error.
	online bool
	// reconnect: the client was online, has lost its connection and walks into the trap by itself.
	reconnect bool
	// returns says why it is right to call again after that end of a client that was online. Who answers then has to prove
	// itself anew, and hears nothing before. Where it is empty the connection must be closed for good.
	returns string
	// handshake: what the trigger makes it write may be the beginning of TLS.
	handshake bool
	// whole: the trigger must come in one piece to be one.
	whole bool
	// client is what is tested; nil: the library.
	client func(*xmpp.ConnectionConfiguration) (client, error)
}

func (a abort) scene() scene { return scene{name: a.name, play: a.play, cut: !a.whole} }

// aborts makes scenes of them.
func aborts(list ...abort) []scene {
	var all []scene
	for _, a := range list {
		all = append(all, a.scene())
	}
	return all
}

// again adds the scenes of clients that were online and come back by themselves.
func again(list ...abort) []scene {
	all := aborts(list...)
	for _, a := range list {
		a.name += ", on a reconnect"
		a.before, a.reconnect = false, true
		all = append(all, a.scene())
	}
	return all
}

func (a abort) play(t *testing.T) error {
	ways := cuts(a.name)
	if a.whole {
		ways = ways[:1]
	}
	for n := len(ways); a.random > 0 && n < a.random && !few(); n++ {
		ways = append(ways, random(a.name, n))
	}
	if a.random > 0 {
		note(t, "%s: %d", a.name, len(ways))
	}
	if err := a.all(t, ways); err != nil || a.options != openHouse {
		return err
	}
	// Who was let in without TLS has nothing to prove. So once it is on TLS, where it has.
	a.options, a.with = nil, unmanaged
	return a.all(t, ways[:1])
}

// all runs it in each of these ways, with one server.
func (a abort) all(t *testing.T, ways []cut) error {
	options := a.options
	if a.lazy != nil {
		options = a.lazy()
	}
	return serve(t, options, func(srv *xmpptest.Server) error {
		for n, c := range ways {
			if err := a.once(t, srv, c, n < quickCuts); err != nil {
				return whenCut(c, err)
			}
		}
		return nil
	})
}

// An observation is what one run showed.
type observation struct {
	err    error
	after  string // what the client wrote when the trigger had come
	wrote  string // all that it wrote to who set the trap
	took   time.Duration
	ended  bool // the client had closed by then
	seen   string
	known  []string // secrets that only this run has
	dials  int
	state  xmpp.State
	closed bool // its connection is closed for good
	calls  calls
}

// once lets one client walk into the trap. upToIt: what leads up to the trigger is cut like it.
func (a abort) once(t *testing.T, srv *xmpptest.Server, way cut, upToIt bool) error {
	seen := new(sink)
	cfg := configuration(srv, func(cfg *xmpp.ConnectionConfiguration) {
		cfg.Trace = func(e xmpp.TraceEvent) { fmt.Fprintf(seen, "%s\n", e.Data) }
		cfg.Logger = slog.New(slog.NewTextHandler(seen, &slog.HandlerOptions{Level: slog.LevelDebug}))
		cfg.OnError = func(err error) { fmt.Fprintf(seen, "%v %+v %#v\n", err, err, err) }
		cfg.Store = xmpp.NewMemoryStore()
	}, a.with)
	if a.before {
		if err := a.good(t, cfg); err != nil {
			return fmt.Errorf("the login before: %w", err)
		}
	}
	line := &tap{Dialer: cfg.Dialer}
	cfg.Dialer = line
	under := a.client
	if under == nil {
		under = library
	}
	c, err := under(cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	lost := make(chan error, 100)
	c.OnState(func(s xmpp.StateChange) {
		if s.State == xmpp.Reconnecting {
			lost <- s.Err
		}
	})
	if a.reconnect {
		if err := c.Login(t.Context(), "", ""); err != nil {
			return fmt.Errorf("the login before: %w", err)
		}
		moment()
	}
	var o observation
	var triggered time.Time
	var failed error
	if upToIt {
		srv.Next(func(c *xmpptest.Conn) { c.SetFaults(way.faults()) })
	}
	script := srv.Script(func(s *xmpptest.ScriptConn) error {
		trigger, err := a.trap(s)
		if failed = err; err != nil {
			return nil
		}
		s.SetFaults(xmpptest.Faults{})
		said := len(s.Log())
		triggered = time.Now()
		s.SetPatience(10 * time.Second)
		sent := make(chan error, 1)
		go func() { sent <- way.deliver(trigger, s.Send) }() // beside reading: a client that goes early is heard out
		_ = drain(s)
		<-sent // its error would be that the client has gone
		o.wrote = s.Log()
		o.after = o.wrote[said:]
		return nil
	})
	var imposed *impostors
	if a.online || a.returns != "" {
		if imposed, err = impose(srv, line, cfg.Security == xmpp.SecurityPlaintext); err != nil {
			return err
		}
		defer imposed.close()
	}
	if a.reconnect {
		srv.Drop("romeo")
		<-lost // the connection before
	} else {
		o.err = c.Login(t.Context(), "", "")
	}
	if a.online && o.err != nil {
		return fmt.Errorf("it never came online: %w", o.err)
	}
	if a.online || a.reconnect {
		select {
		case <-c.Done():
			o.err = c.Err()
		case o.err = <-lost:
		case <-time.After(5 * time.Second): // sooner than the script's patience ends
			o.err = errors.New("it has no end")
		}
	}
	returned := time.Now()
	if err := script.Wait(t.Context()); err != nil {
		return fmt.Errorf("the script: %w", err)
	}
	if failed != nil {
		return fmt.Errorf("the script: %w", failed)
	}
	pass(3 * time.Minute)
	o.took, o.state, o.dials = returned.Sub(triggered), c.State(), line.dials.len()
	o.closed = o.state == xmpp.Closed
	if imposed != nil {
		o.calls = imposed.over(t, c, a.returns != "")
	}
	trapped := 0 // the number of the connection
	if a.reconnect {
		trapped = 1
	}
	o.ended = line.closed.len() > trapped && line.closed.list()[trapped].Sub(triggered) < time.Second
	if cfg.Store != nil {
		o.known = append(secrets(cfg.Store), kept(cfg.Store, own+"/device"))
	}
	if way.whole() && a.client == nil {
		_ = printed(seen, o.err, c, cfg)
	}
	fmt.Fprintf(seen, "%v %+v %#v", o.err, o.err, o.err)
	o.seen = seen.text()
	err = a.judge(o)
	if a.after != nil {
		err = errors.Join(err, a.after(cfg))
	}
	return err
}

// good is a login that is in order, with the configuration as it is.
func (a abort) good(t *testing.T, cfg *xmpp.ConnectionConfiguration) error {
	c, err := library(cfg)
	if err != nil {
		return err
	}
	if err := c.Login(t.Context(), "", ""); err != nil {
		return err
	}
	pass(time.Second)
	return c.Close()
}

// A tap is a dialer that notes when its connections begin and when the client closes them.
type tap struct {
	xmpp.Dialer
	dials  record[string]
	closed record[time.Time]
}

func (d *tap) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	d.dials.add(address)
	c, err := d.Dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &tapped{Conn: c, tap: d}, nil
}

type tapped struct {
	net.Conn
	tap  *tap
	once sync.Once
}

func (c *tapped) Close() error {
	c.once.Do(func() { c.tap.closed.add(time.Now()) })
	return c.Conn.Close()
}

// drain reads until the client closes. Its error says that it stays.
func drain(s *xmpptest.ScriptConn) error {
	for {
		err := s.ExpectEnd("")
		if err == nil || strings.Contains(err.Error(), "stays") {
			return err
		}
	}
}

var (
	streamErrors = regexp.MustCompile(`<stream:error><([a-z-]+) xmlns='urn:ietf:params:xml:ns:xmpp-streams'.*</stream:error>`)
	aborted      = regexp.MustCompile(`<abort xmlns='(urn:ietf:params:xml:ns:xmpp-sasl|urn:xmpp:sasl:2)'/>`)
)

// judge is the oracle: what of ABORT does not hold.
func (a abort) judge(o observation) error {
	var f faults
	switch {
	case o.err == nil:
		f.addf("the call returned no error")
	case a.err == nil && a.says == "":
		f.addf("the row names no error, and %w came", o.err)
	case a.err != nil:
		if bad := a.err(o.err); bad != nil {
			f.addf("the wrong error: %w", bad)
		}
	}
	f = append(f, a.attempt(o.err))
	if o.took >= time.Second {
		f.addf("the error came after %v", o.took)
	}
	if !o.ended {
		f.addf("the connection was not closed within a second")
	}
	said := ""
	if m := streamErrors.FindStringSubmatch(o.after); m != nil {
		said = m[1]
	}
	if a.says != "" && said != string(a.says) {
		f.addf("the stream error is %q, not %q", said, string(a.says))
	}
	if e, ok := errors.AsType[*xmpp.ProtocolError](o.err); a.says != "" && (!ok || e.Condition != a.says) {
		f.addf("%v: it is no *xmpp.ProtocolError with %q", o.err, string(a.says))
	}
	rest := aborted.ReplaceAllString(streamErrors.ReplaceAllString(o.after, ""), "")
	rest = strings.ReplaceAll(rest, "</stream:stream>", "")
	switch {
	case rest == "":
	case a.handshake && rest[0] == 0x16 && !strings.Contains(rest, "xmlns"): // a TLS record of a handshake
	default:
		f.addf("it wrote %q after the trigger", short(rest))
	}
	least, most := 1, 1
	if a.reconnect {
		least, most = 2, 2
	}
	switch was := a.online || a.reconnect; {
	case was && a.returns != "":
		f = append(f, o.calls.judge(o.state))
		least, most = 2, 40 // it waits between two of them
	case was && !o.closed:
		f.addf("the connection goes on")
	case !was && o.state != xmpp.Disconnected:
		f.addf("it is left %v", o.state)
	}
	if o.dials < least || o.dials > most {
		f.addf("it connected %d times", o.dials)
	}
	return append(f, exposed(o.seen, o.wrote, o.known...)).err()
}

// attempt looks at the step that the error names.
func (a abort) attempt(err error) error {
	if a.online || err == nil {
		return nil // a session that was online names no step
	}
	failed, ok := errors.AsType[*xmpp.ConnectError](err)
	switch {
	case !ok:
		return fmt.Errorf("%v: it is no *xmpp.ConnectError", err)
	case a.step == "":
	case len(failed.Attempts) == 0:
		return fmt.Errorf("%v: it names no attempt", err)
	case failed.Attempts[len(failed.Attempts)-1].Step != a.step:
		return fmt.Errorf("%v: the step is %q, not %q", err, failed.Attempts[len(failed.Attempts)-1].Step, a.step)
	}
	return nil
}
