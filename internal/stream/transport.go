// Package stream speaks RFC 6120 over one connection: the stream's header,
// STARTTLS, SASL and resource binding (Transport), and then the running session:
// the reader, the router and application lines, and the writer.
package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gosmack/xmpp/internal/ctxconn"
	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// Namespaces of RFC 6120.
const (
	NSStream = "http://etherx.jabber.org/streams"
	NSTLS    = "urn:ietf:params:xml:ns:xmpp-tls"
	NSSASL   = "urn:ietf:params:xml:ns:xmpp-sasl"
	NSBind   = "urn:ietf:params:xml:ns:xmpp-bind"
	NSSess   = "urn:ietf:params:xml:ns:xmpp-session"
)

// Namespaces of the modern login.
const (
	NSSASL2 = "urn:xmpp:sasl:2" // XEP-0388
	NSBind2 = "urn:xmpp:bind:0" // XEP-0386
	NSFAST  = "urn:xmpp:fast:0" // XEP-0484
)

// before is what a server may send until we have logged in.
var before = xmlstream.Limits{StanzaBytes: 64 << 10, Elements: 1000}

// Config is what every connection to one server shares.
type Config struct {
	Domain jid.JID
	Lang   string
	Limits xmlstream.Limits // after login
	Tracer *Tracer          // nil: none
	// Silence of a running session, then the server is probed; 0: never.
	Silence time.Duration
}

// A StepError says at which step of setting up a connection an error came.
type StepError struct {
	Name string // "stream", "starttls", "tls", "authenticate", "bind", …
	Err  error
}

func (e *StepError) Error() string { return e.Name + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *StepError) Unwrap() error { return e.Err }

// Step is the step's name.
func (e *StepError) Step() string { return e.Name }

// A Transport is one connection while it is being negotiated. One goroutine uses it
// at a time; a Session takes it over at the end.
type Transport struct {
	conn     net.Conn  // the TLS connection once there is one
	raw      net.Conn  // below TLS; source, if that can be
	source   source    // what raw is, where it can be waited for
	gather   *gatherer // between the two
	reader   xmlstream.Reader
	last     atomic.Int64 // when bytes came, in Unix nanoseconds
	cfg      *Config
	secured  bool
	Features *Features // of the stream that is open now; never nil
	awaits   bool      // features that follow a success of SASL2 have not come yet
	enabling bool      // <enable/> was written and is not answered
	drained  flusher   // hears that what was read is used up; nil: nobody cares
}

// NewTransport wraps a fresh connection.
func NewTransport(conn net.Conn, cfg *Config) *Transport {
	t := &Transport{cfg: cfg, Features: &noFeatures}
	if t.source.init(conn) {
		conn = &t.source
	}
	t.conn, t.raw = conn, conn
	t.reader.Reset(listener{t}, before)
	return t
}

type flusher interface {
	Flush()
	Lull()
}

// A listener reads the transport's connection and notes when something came.
type listener struct{ t *Transport }

func (l listener) Read(p []byte) (int, error) {
	hears := l.t.drained
	switch {
	case hears == nil:
	case l.t.source.patient:
		hears.Flush() // readLoop sees to the rest
	default:
		hears.Lull() // Read may wait
	}
	n, err := l.t.conn.Read(p)
	if n > 0 {
		l.t.last.Store(time.Now().UnixNano())
	}
	return n, err
}

// heard is when bytes came last.
func (t *Transport) heard() time.Time { return time.Unix(0, t.last.Load()) }

// Close ends the connection at once.
func (t *Transport) Close() error { return t.raw.Close() }

// RemoteAddr is the address of the other end.
func (t *Transport) RemoteAddr() net.Addr { return t.raw.RemoteAddr() }

// Secured tells whether TLS is in place.
func (t *Transport) Secured() bool { return t.secured }

// step runs f within ctx and names what failed.
func (t *Transport) step(ctx context.Context, name string, f func() error) error {
	err := ctxconn.Run(ctx, t.conn, f)
	if err == nil {
		return nil
	}
	var bad *xmlstream.Error
	if errors.As(err, &bad) {
		t.complain(ctx, bad)
		err = &ProtocolError{stanza.StreamCondition(bad.Condition), err}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("the server closed the connection: %w", err)
	}
	return &StepError{name, err}
}

// complain tells the server which of the stream's rules it broke (RFC 6120 §4.9).
func (t *Transport) complain(ctx context.Context, bad *xmlstream.Error) {
	_ = ctxconn.Run(ctx, t.conn, func() error { return t.write(streamError(bad)) })
}

func streamError(bad *xmlstream.Error) string {
	return "<stream:error><" + bad.Condition + " xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"
}

// write writes headers and whole elements, all in one flight.
func (t *Transport) write(parts ...string) error {
	for _, s := range parts {
		t.cfg.Tracer.out(s)
	}
	_, err := io.WriteString(t.conn, strings.Join(parts, ""))
	return err
}

// element writes one nonza or stanza of the negotiation.
func (t *Transport) element(f func(w *xmlstream.Writer)) error {
	var w xmlstream.Writer
	w.Reset(nil, stanza.NS)
	f(&w)
	if err := w.Err(); err != nil {
		return err
	}
	return t.write(string(w.Bytes()))
}

// next reads one element of the negotiation; a stream error becomes a Go error.
func (t *Transport) next() (xmlstream.Element, error) {
	d, err := t.draft()
	if err != nil {
		return xmlstream.Element{}, err
	}
	return d.Keep(), nil
}

// draft is next for an element that is kept later.
func (t *Transport) draft() (xmlstream.Draft, error) {
	d, err := t.reader.Draft()
	if err != nil {
		return xmlstream.Draft{}, err
	}
	e := d.Element()
	t.cfg.Tracer.in(e)
	if e.Is(NSStream, "error") {
		return xmlstream.Draft{}, stanza.StreamErrorFrom(stanza.Element(d.Keep()))
	}
	return d, nil
}

// reply is next for the answer to a request: the features that follow a success of SASL2 (XEP-0388 §2.6.1) may come before it.
func (t *Transport) reply() (xmlstream.Element, error) {
	e, err := t.next()
	if err != nil || !t.awaited(e) {
		return e, err
	}
	t.parseFeatures(e)
	return t.next()
}

func (t *Transport) parseFeatures(e xmlstream.Element) {
	f := ParseFeatures(stanza.Element(e))
	t.Features = &f
}

// awaited tells whether e is the features that are to come yet.
func (t *Transport) awaited(e xmlstream.Element) bool {
	if !t.awaits || !e.Is(NSStream, "features") {
		return false
	}
	t.awaits = false
	return true
}

// Open writes our stream header, with from unless it is zero, and reads the server's
// and its features (RFC 6120 §4.7, §4.3.2).
func (t *Transport) Open(ctx context.Context, from jid.JID) error {
	return t.open(ctx, "stream", from, nil)
}

// OpenWith is Open with an attempt of SASL2 in the same flight, which Authenticate2 or Abandon takes up. The features that it
// was made for may be cached (XEP-0388 §2.1), but Authenticate2 has to be called only if those that come allow it.
func (t *Transport) OpenWith(ctx context.Context, from jid.JID, a *Attempt) error {
	return t.open(ctx, "stream", from, a)
}

func (t *Transport) open(ctx context.Context, step string, from jid.JID, a *Attempt) error {
	return t.step(ctx, step, func() error {
		h, err := t.header(from)
		if err != nil {
			return err
		}
		flight := []string{h}
		if a != nil {
			request, err := a.xml()
			if err != nil {
				return err
			}
			flight, a.sent = append(flight, request), true
		}
		if err := t.write(flight...); err != nil {
			return err
		}
		if err := t.readHeader(); err != nil {
			return err
		}
		e, err := t.next()
		if err != nil {
			return err
		}
		if !e.Is(NSStream, "features") {
			return fmt.Errorf("<%.64s/> in place of the stream's features", e.Local())
		}
		t.parseFeatures(e)
		return nil
	})
}

func (t *Transport) header(from jid.JID) (string, error) {
	var w xmlstream.Writer
	w.Reset(nil, "")
	w.Start("", "x")
	w.Attr("to", t.cfg.Domain.String())
	if !from.IsZero() {
		w.Attr("from", from.String())
	}
	if t.cfg.Lang != "" {
		w.AttrNS("http://www.w3.org/XML/1998/namespace", "lang", t.cfg.Lang)
	}
	w.End()
	if err := w.Err(); err != nil {
		return "", err
	}
	attrs := string(w.Bytes())
	return "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='" + NSStream +
		"' version='1.0'" + attrs[len("<x"):len(attrs)-len("/>")] + ">", nil
}

func (t *Transport) readHeader() error {
	h, err := t.reader.Header()
	if err != nil {
		return err
	}
	t.cfg.Tracer.in(h)
	if !h.Is(NSStream, "stream") {
		return &xmlstream.Error{Condition: "invalid-namespace", Text: "the server did not open an XMPP stream"}
	}
	if v := h.Attr("version"); v == "" || v[0] < '1' {
		// Without version 1.0 there are no features, no TLS, no SASL (RFC 6120 §4.7.5).
		return &xmlstream.Error{Condition: "unsupported-version", Text: "the server speaks no XMPP 1.0"}
	}
	return nil
}

// restart opens a new stream on the same connection (RFC 6120 §4.3.3).
func (t *Transport) restart(ctx context.Context, from jid.JID) error {
	t.reader.Restart()
	return t.open(ctx, "authenticate", from, nil)
}

// name is an element's name for messages to people, cut: a peer chose it. A namespace may hold anything, so it is quoted.
func name(e xmlstream.Element) string {
	return fmt.Sprintf("%.64s (%.64q)", e.Local(), e.Space())
}
