package xmpptest

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/gosmack/xmpp/internal/xmlstream"
)

// Script is a function that plays the server on one connection.
type Script struct {
	play func(*ScriptConn) error
	done chan struct{}
	err  error // after done
}

// Script lets f play the server on the next connection that has no script yet;
// each call is for one connection. f owns it from before its first byte to its
// return. What f returns is the script's error; in a server of [NewServer] it
// is an error of the test, unless it came from closing the server. After f
// returned without one, the connection takes in what the client still writes,
// for a few seconds at most; use [Conn.Cut] for an abrupt end.
func (s *Server) Script(f func(*ScriptConn) error) *Script {
	script := &Script{play: f, done: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts = append(s.scripts, script)
	return script
}

// ScriptAll lets f play the server on every connection from now on for which
// no [Server.Script] waits. Nil ends that.
func (s *Server) ScriptAll(f func(*ScriptConn) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.every = f
}

// script returns what plays the next connection, nil for the server itself.
// The caller holds s.mu.
func (s *Server) script() *Script {
	switch {
	case len(s.scripts) > 0:
		next := s.scripts[0]
		s.scripts = s.scripts[1:]
		return next
	case s.every != nil:
		return &Script{play: s.every, done: make(chan struct{})}
	}
	return nil
}

// Wait returns the script's error when it has returned, or the context's.
func (p *Script) Wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// run plays the script.
func (p *Script) run(c *Conn) {
	sc := &ScriptConn{Conn: c, patience: time.Minute}
	p.err = p.play(sc)
	close(p.done)
	s := c.server
	if p.err == nil {
		c.finish()
		c.raw.SetReadDeadline(time.Time{})
		c.drain()
		return
	}
	s.mu.Lock()
	report := s.report
	if s.closed {
		report = nil
	}
	s.mu.Unlock()
	if report != nil {
		report(p.err)
	}
}

// finish ends the server's direction without another word.
func (c *Conn) finish() {
	c.out.add(outgoing{last: true})
	c.linger()
}

// ScriptConn is a connection that a script plays. The methods it has on top of
// those of [Conn] belong to the script's goroutine; those that wait for the
// client give up after the time of [ScriptConn.SetPatience].
type ScriptConn struct {
	*Conn
	patience time.Duration
}

// SetPatience sets how long each wait for the client lasts at most: a minute
// if it is never called.
func (c *ScriptConn) SetPatience(d time.Duration) { c.patience = d }

// Log returns all that the client wrote so far, without TLS.
func (c *ScriptConn) Log() string { return c.logging.String() }

// Send writes raw XML, or anything else, and returns when it was written. Its
// error says that the connection is gone.
func (c *ScriptConn) Send(raw string) error { return c.flush(raw) }

// waiting limits what follows by the patience.
func (c *ScriptConn) waiting() { c.raw.SetReadDeadline(time.Now().Add(c.patience)) }

// transcript is what was read.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// within reports whether an element is what a script expects.
func within(e xmlstream.Element, what string) bool {
	return e.Local() == what || strings.Contains(string(e.Append(nil, "")), what)
}
