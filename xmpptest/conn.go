package xmpptest

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// lingering is how long a stream that the server ended may take to be closed
// by the client.
const lingering = 5 * time.Second

// Conn is one client's connection, as the server sees it. Its methods may be
// called from any goroutine; those that send do not wait.
type Conn struct {
	server *Server
	raw    net.Conn
	direct bool        // TLS comes first
	low    *faultyConn // the network below TLS
	high   *faultyConn // the XMPP stream
	out    *outbox

	opened atomic.Bool   // the current stream has the server's header
	gone   chan struct{} // closed when the connection is cut
	once   sync.Once
	timer  *time.Timer // cuts what lingers; server.mu

	// Owned by the goroutine that reads.
	reader  *xmlstream.Reader
	tls     *tls.Conn
	peer    string
	user    *account // after authentication
	logging *transcript
	agent   string // the id of SASL2's <user-agent/>
	bound   bool   // with the success of SASL2 already

	// What the client is to others; server.mu.
	session
}

// serve starts a connection and says whether the server still takes any.
func (s *Server) serve(raw net.Conn, direct bool) bool {
	c := &Conn{server: s, raw: raw, direct: direct, gone: make(chan struct{}), out: newOutbox(s.options.QueueLimit)}
	c.low = newFaultyConn(raw, c.Cut, c.gone)
	c.high = newFaultyConn(c.low, c.Cut, c.gone)
	c.SetFaults(s.options.Faults)

	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		raw.Close()
		return false
	}
	s.conns[c] = struct{}{}
	var prepare func(*Conn)
	if len(s.next) > 0 {
		prepare, s.next = s.next[0], s.next[1:]
	}
	script := s.script()
	s.wg.Go(func() {
		defer s.forget(c)
		if prepare != nil {
			prepare(c)
		}
		if script != nil {
			c.logging = new(transcript)
		}
		c.start()
		if script != nil {
			script.run(c)
			return
		}
		c.end(c.converse())
		c.drain()
	})
	s.mu.Unlock()
	return true
}

// start makes the reader and the writing goroutine, which writes only when
// there is something to write.
func (c *Conn) start() {
	c.reader = c.newReader()
	c.server.wg.Go(c.write)
}

// forget is the last that happens on a connection.
func (s *Server) forget(c *Conn) {
	c.Cut()
	s.release(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if c.timer != nil {
		c.timer.Stop()
	}
}

// converse plays a whole stream and returns why it ended.
func (c *Conn) converse() error {
	if err := c.greet(); err != nil {
		return err
	}
	if err := c.authenticate(""); err != nil {
		return err
	}
	if err := c.bind(); err != nil {
		return err
	}
	return c.converseBound()
}

// end ends the stream as the reason says: with the client's own end, with a
// stream error, or, if the network failed, at once. Only the first reason counts.
func (c *Conn) end(reason error) {
	c.server.log.Debug("stream ends", "address", c.Address().String(), "reason", reason)
	var broken *xmlstream.Error
	var told *stanza.StreamError
	switch {
	case reason == nil || errors.Is(reason, io.EOF):
		c.server.unbind(c)
		c.out.add(outgoing{data: []byte("</stream:stream>"), last: true})
	case errors.As(reason, &broken):
		c.refuse(&stanza.StreamError{Condition: stanza.StreamCondition(broken.Condition), Text: broken.Text})
	case errors.As(reason, &told):
		c.refuse(told)
	default:
		c.Cut()
		return
	}
	c.linger()
}

// linger gives the client a while to close what the server ended.
func (c *Conn) linger() {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	if _, here := c.server.conns[c]; here && c.timer == nil {
		c.timer = time.AfterFunc(lingering, c.Cut)
	}
}

// refuse ends the stream with an error, RFC 6120 §4.9.1.
func (c *Conn) refuse(e *stanza.StreamError) {
	c.server.unbind(c)
	c.out.add(outgoing{data: c.streamError(e), last: true})
}

// drain reads until the client closes, so that TCP does not throw away what
// the client has still to read.
func (c *Conn) drain() {
	if c.out.ending() {
		io.Copy(io.Discard, c.high)
	}
}

// closeWrite tells the client that nothing more comes.
func (c *Conn) closeWrite() {
	if t, ok := c.high.below().(*tls.Conn); ok {
		t.CloseWrite()
	}
	if w, ok := c.raw.(interface{ CloseWrite() error }); ok {
		w.CloseWrite()
	}
}

// Cut cuts the connection: no end of stream, no end of TLS, as when a cable
// breaks and the client's system notices.
func (c *Conn) Cut() {
	c.once.Do(func() {
		close(c.gone)
		c.raw.Close()
	})
}

// Address returns the full address that the client bound, the zero one before.
func (c *Conn) Address() jid.JID {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	return c.session.address
}

// Kick ends the stream with a stream error.
func (c *Conn) Kick(condition stanza.StreamCondition) {
	c.end(&stanza.StreamError{Condition: condition})
}

// SetFaults sets what goes wrong from now on, in place of what did so far.
func (c *Conn) SetFaults(f Faults) {
	stanzas := Faults{Duplicate: f.Duplicate, Reorder: f.Reorder}
	if f.Wire {
		c.low.set(f)
		c.high.set(stanzas)
		return
	}
	c.low.set(Faults{})
	c.high.set(f)
}

// Stall stops reading what the client sends, writing to it, or both, without
// a word to the client, until [Conn.Resume].
func (c *Conn) Stall(read, write bool) { c.high.stall(read, write) }

// Resume ends a stall.
func (c *Conn) Resume() { c.high.stall(false, false) }
