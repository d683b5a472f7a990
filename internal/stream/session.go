package stream

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/stanza"
)

// Handler is what a session needs of its connection. The session's reader calls it, so
// nothing in it may wait for the session.
type Handler interface {
	// Received takes a stanza; size is its bytes on the wire.
	Received(s stanza.Stanza, size int)
	// Report hears of what was dropped and why.
	Report(err error)
	// Ended is called once, as the reader's last act.
	Ended(s *Session, err error)
}

// A Session is a stream with a bound resource. The reader goroutine owns the read side,
// the Writer the write side; both end with the connection.
type Session struct {
	Features Features
	t        *Transport
	writer   *Writer
	handler  Handler
	inbound  *Inbound
	box      *Outbox

	ctx    context.Context // ends with the session
	cancel context.CancelFunc
	read   chan struct{} // closed when nothing is read any more
	gone   chan struct{} // closed when Ended has returned

	mu    sync.Mutex
	err   error // why it ended, the first reason
	whole bool  // the server ended its stream
}

// Start turns a negotiated transport into a running session.
func Start(t *Transport, h Handler, in *Inbound, box *Outbox) *Session {
	s := &Session{Features: t.Features, t: t, handler: h, inbound: in, box: box, read: make(chan struct{}), gone: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.writer = newWriter(t.conn, box, t.cfg.Tracer, s.fail)
	box.Attach(s.writer)
	t.reader.SetLimits(t.cfg.Limits)
	_ = t.conn.SetDeadline(time.Time{})
	go s.readLoop()
	return s
}

// TLS is the state of the TLS connection, or nil.
func (s *Session) TLS() *tls.ConnectionState { return s.t.TLS() }

// Context ends with the session.
func (s *Session) Context() context.Context { return s.ctx }

// fail ends the session because of err.
func (s *Session) fail(err error) {
	s.mu.Lock()
	if s.err == nil {
		s.err = err
	}
	s.mu.Unlock()
	s.cancel()
	_ = s.t.Close()
}

// Abort ends the session at once, without a word to the server.
func (s *Session) Abort(err error) { s.fail(err) }

func (s *Session) readLoop() {
	err := s.readAll()
	var bad *xmlstream.Error
	if errors.As(err, &bad) {
		// RFC 6120 §4.9.1.1: the error, the end of the stream, the end of the connection.
		s.goodbye(time.Second, streamError(bad), false)
	}
	if errors.Is(err, io.EOF) {
		// The server ended the stream; we end ours (RFC 6120 §4.4).
		s.mu.Lock()
		s.whole = true
		s.mu.Unlock()
		s.goodbye(time.Second, streamEnd, false)
	}
	s.fail(err)
	s.mu.Lock()
	err = s.err
	s.mu.Unlock()
	close(s.read)
	s.handler.Ended(s, err)
	close(s.gone)
}

func (s *Session) readAll() error {
	for {
		s.inbound.Wait(s.ctx)
		e, err := s.t.next()
		if err != nil {
			return err
		}
		if e.Space() != stanza.NS {
			continue // a nonza of nobody's: never a stanza (S081)
		}
		st, err := stanza.FromElement(stanza.Element(e))
		if err != nil {
			s.handler.Report(err)
			continue
		}
		s.handler.Received(st, e.Size())
	}
}

const streamEnd = "</stream:stream>"

// goodbye writes the last words within limit.
func (s *Session) goodbye(limit time.Duration, words string, flush bool) {
	ctx, cancel := context.WithTimeout(s.ctx, limit)
	defer cancel()
	s.writer.finish(ctx, words, flush)
}

// Close writes what waits, ends our side of the stream, waits for nobody and closes the
// connection: within a second, whatever the peer does.
func (s *Session) Close(err error) {
	s.setErr(err)
	s.goodbye(time.Second, streamEnd, true)
	s.writer.closeTLS()
	s.fail(err)
}

// Shutdown writes what waits, ends our side of the stream and waits for the server to end its
// side, all within ctx. Only the server's end of the stream shows that it has read ours: without
// it ended is false.
func (s *Session) Shutdown(ctx context.Context, err error) (ended bool) {
	s.setErr(err)
	s.writer.finish(ctx, streamEnd, true)
	select {
	case <-s.read:
		s.mu.Lock()
		ended = s.whole
		s.mu.Unlock()
	case <-ctx.Done():
	}
	s.writer.closeTLS()
	s.fail(err)
	return ended
}

func (s *Session) setErr(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

// Gone is closed when the session has ended and the handler has taken note.
func (s *Session) Gone() <-chan struct{} { return s.gone }

// Err is why the session ended; nil while it runs.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
