package hostile_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
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
	err     func(error) error      // what the error must be
	step    string                 // of the attempt that failed; empty: none is named
	says    stanza.StreamCondition // the stream error that the client must send, and name in a *xmpp.ProtocolError; empty: none is asked for
	options *xmpptest.Options
	lazy    func() *xmpptest.Options // options that take time to make
	with    with
	// random is how many random ways of cutting it is run with; 0: as many as all.
	random int
	// before is a login that is in order, with the same configuration and so with the same Store.
	before bool
	// honest leaves the account's own password in the configuration: the server can check it, as it is the test server up to the trigger.
	honest bool
	// after looks at what else must hold.
	after func(*xmpp.ConnectionConfiguration) error
	// online: the trigger comes to a client that is online. Its connection must end, with the error.
	online bool
	// handshake: what the trigger makes it write may be the beginning of TLS.
	handshake bool
	// bytewise is not possible where the trigger must come in one piece to be one.
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
	options := a.options
	if a.lazy != nil {
		options = a.lazy()
	}
	return serve(t, options, func(srv *xmpptest.Server) error {
		for _, c := range ways {
			if err := a.once(t, srv, c); err != nil {
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
	took   time.Duration
	ended  bool // the client had closed by then
	seen   []string
	dials  int
	state  xmpp.State
	closed bool // its connection is closed for good
}

// once lets one client walk into the trap.
func (a abort) once(t *testing.T, srv *xmpptest.Server, way cut) error {
	seen := new(record[string])
	cfg := configuration(srv, func(cfg *xmpp.ConnectionConfiguration) {
		cfg.Trace = func(e xmpp.TraceEvent) { seen.add(string(e.Data)) }
		cfg.Store = xmpp.NewMemoryStore()
		cfg.DisableReconnection = a.online
	}, a.with)
	if a.before {
		if err := a.good(t, cfg); err != nil {
			return fmt.Errorf("the login before: %w", err)
		}
	}
	if !a.online && !a.before && !a.honest {
		cfg.Password = canary
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
	var o observation
	var triggered time.Time
	var failed error
	script := srv.Script(func(s *xmpptest.ScriptConn) error {
		trigger, err := a.trap(s)
		if failed = err; err != nil {
			return nil
		}
		said := len(s.Log())
		triggered = time.Now()
		s.SetPatience(10 * time.Second)
		sent := make(chan error, 1)
		go func() { sent <- way.deliver(trigger, s.Send) }() // beside reading: a client that goes early is heard out
		_ = drain(s)
		<-sent // its error would be that the client has gone
		o.after = s.Log()[said:]
		return nil
	})
	o.err = c.Login(t.Context(), "", "")
	returned := time.Now()
	if a.online {
		if o.err != nil {
			return fmt.Errorf("it never came online: %w", o.err)
		}
		select {
		case <-c.Done():
			o.err, o.closed = c.Err(), true
		case <-time.After(5 * time.Second):
			o.err = errors.New("it has no end")
		}
		returned = time.Now()
	}
	if err := script.Wait(t.Context()); err != nil {
		return fmt.Errorf("the script: %w", err)
	}
	if failed != nil {
		return fmt.Errorf("the script: %w", failed)
	}
	o.took, o.state, o.seen = returned.Sub(triggered), c.State(), seen.list()
	pass(10 * time.Minute)
	o.dials = line.dials.len()
	o.ended = o.dials > 0 && line.closed.len() == o.dials && line.closed.list()[0].Sub(triggered) < time.Second
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
	if o.dials != 1 {
		f.addf("it connected %d times", o.dials)
	}
	switch {
	case a.online && !o.closed:
		f.addf("the connection goes on")
	case !a.online && o.state != xmpp.Disconnected:
		f.addf("it is left %v", o.state)
	}
	for _, text := range append(o.seen, fmt.Sprintf("%v %+v %#v", o.err, o.err, o.err)) {
		if w := containsAny(text, canary, base64.StdEncoding.EncodeToString([]byte(canary)), base64.StdEncoding.EncodeToString([]byte("\x00romeo\x00"+canary))); w != "" {
			f.addf("the password is in %q", short(text))
		}
	}
	return f.err()
}

// attempt looks at the step that the error names.
func (a abort) attempt(err error) error {
	if a.online || err == nil {
		return nil
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
