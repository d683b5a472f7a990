package stream

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/gosmack/xmpp/internal/sm"
	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/stanza"
)

// Handler is what a session needs of its connection. The session's reader calls it, so
// nothing in it may wait for the session.
type Handler interface {
	// Received takes a stanza and the hold on its item.
	Received(it *Item)
	// Flush is called when what was received is to be handed on, and Lull when nothing more can be read at once.
	Flush()
	Lull()
	// Enabled hears that the server keeps the session (XEP-0198 §3).
	Enabled(s *Session, e sm.Enabled)
	// Probe asks the server for a sign of life where there is no stream management.
	Probe(s *Session)
	// Offers hears of the features that follow a success of SASL2 where the session began before they came.
	Offers(s *Session, f Features)
	// Report hears of what was dropped and why.
	Report(err error)
	// Ended is called once, as the reader's last act.
	Ended(s *Session, err error)
}

// A Session is a stream with a bound resource. The reader goroutine owns the read side,
// the Writer the write side; both end with the connection.
type Session struct {
	// Of the features that the server offered, what matters while the session runs.
	PreApproval, RosterVer bool

	t       *Transport
	writer  Writer
	handler Handler
	inbound *Inbound
	box     *Outbox

	life life   // ends with the session
	read Signal // closed when nothing is read any more
	gone Signal // closed when Ended has returned

	resumed  bool
	interval time.Duration // of silence, then the peer is probed
	watch    *time.Timer

	mu     sync.Mutex
	err    error     // why it ended, the first reason
	whole  bool      // the server ended its stream
	probed time.Time // when the peer was asked for a sign of life; zero: it wasn't
}

// Start turns a negotiated transport into a running session.
// resumed says that the stream goes on with the session before.
func Start(t *Transport, h Handler, in *Inbound, box *Outbox, resumed bool) *Session {
	s := &Session{PreApproval: t.Features.PreApproval, RosterVer: t.Features.RosterVer, t: t, handler: h, inbound: in, box: box, resumed: resumed}
	t.Features = &noFeatures // the element is large, and nobody looks at it any more
	s.writer.init(t.conn, t.gather, box, t.cfg.Tracer, s)
	box.Attach(&s.writer, resumed)
	t.drained = h
	s.interval = t.cfg.Silence
	if s.interval > 0 {
		s.mu.Lock()
		s.watch = time.AfterFunc(s.interval, s.check)
		s.mu.Unlock()
	}
	t.reader.SetLimits(t.cfg.Limits)
	_ = t.conn.SetDeadline(time.Time{})
	t.source.patient = t.source.Conn != nil
	in.Crowded() // by what the session before has left
	go s.readLoop()
	return s
}

// TLS is the state of the TLS connection, or nil.
func (s *Session) TLS() *tls.ConnectionState { return s.t.TLS() }

// Context ends with the session.
func (s *Session) Context() context.Context { return &s.life }

// AfterFunc is context.AfterFunc of the session's context.
func (s *Session) AfterFunc(f func()) (stop func() bool) { return s.life.AfterFunc(f) }

// fail ends the session because of err.
func (s *Session) fail(err error) {
	s.mu.Lock()
	if s.err == nil {
		s.err = err
	}
	if s.watch != nil {
		s.watch.Stop()
	}
	s.mu.Unlock()
	s.life.end()
	_ = s.t.Close()
}

// Abort ends the session at once, without a word to the server.
func (s *Session) Abort(err error) { s.fail(err) }

// readLoop is the reader while something comes. Where nothing does another goroutine takes its place, with the smallest of stacks.
func (s *Session) readLoop() {
	err := s.readAll()
	if err == errNothing {
		s.handler.Lull()
		go s.rest()
		return
	}
	s.end(err)
}

// rest is the reader while nothing comes.
func (s *Session) rest() {
	s.t.source.await()
	go s.readLoop()
}

// end is the reader's end, because of err.
func (s *Session) end(err error) {
	s.handler.Lull()
	var bad *xmlstream.Error
	if errors.As(err, &bad) {
		// RFC 6120 §4.9.1.1: the error, the end of the stream, the end of the connection.
		s.goodbye(time.Second, streamError(bad), false)
		err = &ProtocolError{stanza.StreamCondition(bad.Condition), err}
	}
	var counts interface{ StreamError() *stanza.StreamError }
	if errors.As(err, &counts) {
		told := counts.StreamError()
		if e, bad := stanza.Marshal(told); bad == nil {
			s.goodbye(time.Second, prefixed(e)+streamEnd, false)
		}
		err = &ProtocolError{told.Condition, err}
	}
	if errors.Is(err, io.EOF) {
		// The server ended the stream; we end ours (RFC 6120 §4.4).
		s.mu.Lock()
		s.whole = true
		s.mu.Unlock()
		s.goodbye(time.Second, streamEnd, false)
		s.writer.closeTLS() // before the connection (RFC 6120 §4.4)
	}
	s.fail(err)
	s.mu.Lock()
	err = s.err
	s.mu.Unlock()
	s.read.Close()
	s.handler.Ended(s, err)
	s.gone.Close()
}

func (s *Session) readAll() error {
	for {
		s.inbound.Wait(&s.life)
		d, err := s.t.draft()
		if err != nil {
			return err
		}
		if sm.Counts(stanza.Element(d.Element())) {
			s.receive(d)
			continue
		}
		e := d.Keep()
		switch {
		case e.Space() == sm.NS:
			if err := s.manage(stanza.Element(e)); err != nil {
				return err
			}
		case s.t.awaited(e):
			s.handler.Offers(s, ParseFeatures(stanza.Element(e)))
		} // else a nonza of nobody's: never a stanza (S081)
	}
}

func (s *Session) receive(d xmlstream.Draft) {
	iq := d.Element().Local() == "iq"
	it := s.inbound.NewItem(d)
	if it == nil {
		d.Drop()
		return // it was here before the stream was resumed
	}
	// Who waits for an answer gets it from here; all else is read by the router.
	if iq && !it.Decode(s.handler.Report) {
		it.Release() // the server counts it all the same
		return
	}
	s.handler.Received(it)
}

// manage takes an element of stream management (XEP-0198 §3, §4).
func (s *Session) manage(e stanza.Element) error {
	switch e.Local() {
	case "r":
		s.box.Owe()
	case "a":
		if !s.box.Counts() {
			return nil // an answer to nothing
		}
		h, err := sm.ParseAck(e)
		if err != nil {
			return err
		}
		return s.box.Ack(h)
	case "enabled", "failed":
		if !s.t.enabling {
			return nil // an answer to nothing
		}
		s.t.enabling = false
		return s.answered(e)
	}
	return nil
}

// answered takes the answer to <enable/>.
func (s *Session) answered(e stanza.Element) error {
	switch e.Local() {
	case "enabled":
		enabled, err := sm.ParseEnabled(e)
		if err != nil {
			return err
		}
		s.inbound.Manage()
		s.handler.Enabled(s, enabled)
	case "failed":
		s.box.Unmanage()
	}
	return nil
}

// ErrSilent says that the peer gave no sign of life.
var ErrSilent = errors.New("the server has fallen silent")

// ErrDeaf says that the peer speaks but no longer takes what we send, on a stream that was resumed: resuming it once more is no help.
var ErrDeaf = errors.New("the server does not acknowledge any more since the session was resumed")

// deaf tells whether a server that answers <r/> has stopped to, whatever else it sends.
func (s *Session) deaf() bool {
	since := s.box.Unanswered()
	if since.IsZero() {
		return false
	}
	if read := s.inbound.Reading(); read.After(since) {
		since = read // the answer lay behind what we didn't read
	}
	return time.Since(since) > s.interval+answerLimit
}

const answerLimit = 15 * time.Second // for a sign of life

// check looks for signs of life: after a while of silence the server is asked for one, and if none comes the
// connection is dead, whatever TCP believes. While we don't read ourselves, silence means nothing.
func (s *Session) check() {
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return
	}
	s.box.Acquit(s.interval + answerLimit)
	last := s.t.heard()
	idle := time.Since(last)
	switch {
	case s.inbound.Paused():
		s.probed = time.Time{}
		s.watch.Reset(s.interval)
	case s.deaf():
		s.mu.Unlock()
		if s.resumed {
			s.fail(ErrDeaf)
		} else {
			s.fail(ErrSilent)
		}
		return
	case idle < s.interval:
		s.probed = time.Time{}
		s.watch.Reset(s.interval - idle)
	case s.probed.IsZero():
		s.probed = time.Now()
		s.watch.Reset(answerLimit)
		s.mu.Unlock()
		if !s.box.Probe() {
			s.handler.Probe(s)
		}
		return
	case last.Before(s.probed):
		s.mu.Unlock()
		s.fail(ErrSilent)
		return
	default:
		s.probed = time.Time{}
		s.watch.Reset(s.interval)
	}
	s.mu.Unlock()
}

const streamEnd = "</stream:stream>"

// goodbye writes the last words within limit.
func (s *Session) goodbye(limit time.Duration, words string, flush bool) {
	ctx, cancel := context.WithTimeout(&s.life, limit)
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
	words, cancel := context.WithCancel(ctx)
	defer cancel()
	defer s.life.AfterFunc(cancel)() // a session that breaks off writes nothing more
	s.writer.finish(words, streamEnd, true)
	select {
	case <-s.read.C():
	case <-ctx.Done(): // perhaps because of just that: a hook's context ends with the session
	}
	s.mu.Lock()
	ended = s.whole
	s.mu.Unlock()
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
func (s *Session) Gone() <-chan struct{} { return s.gone.C() }

// Err is why the session ended; nil while it runs.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
