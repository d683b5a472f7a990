package xmpp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/stanza"
)

// Send sends a message, a presence or the answer to an IQ; requests go through Get, Set and
// SendIQ. It returns nil once the stanza has its place in the order of the outbox, which says
// nothing about the wire. While the connection is lost, messages wait in the outbox, and a full
// one (1024 stanzas or 8 MiB) makes Send wait until ctx ends, in a callback at most for RequestTimeout. Presence that isn't directed is what
// PresenceManager.Set does. With ConnectionConfiguration.Durable it also waits until a message is
// in the store, and fails if that does: then nothing was accepted. Send never changes or keeps s; a message without an ID gets one on the
// wire. It may be called from a handler. Its errors are a *stanza.WriteError that names the field,
// ErrTooLarge, ErrNotConnected before the first login, ErrClosed, that of an extension's step, and
// ctx's.
func (c *Connection) Send(ctx context.Context, s stanza.Stanza) error {
	return c.send(ctx, s, nil, true)
}

// TrySend is Send that fails with ErrBufferFull in place of waiting.
func (c *Connection) TrySend(ctx context.Context, s stanza.Stanza) error {
	return c.send(ctx, s, nil, false)
}

// Submit sends a message as Send does and returns an Ack that tells what became of it. An error
// means that it never left this process.
func (c *Connection) Submit(ctx context.Context, m *stanza.Message) (*Ack, error) {
	a := &Ack{done: make(chan struct{}), table: &c.acks}
	if err := c.send(ctx, m, a, true); err != nil {
		a.end(err)
		return nil, err
	}
	return a, nil
}

// lostEntry tells of a plain Send that failed after it had returned.
type lostEntry struct {
	c    *Connection
	kind stanza.Kind
	id   string
}

func (l lostEntry) Written(bool) {}
func (l lostEntry) Acked()       { l.c.stats.acked.Add(1) }
func (l lostEntry) Failed(err error) {
	out := outcome(err)
	if errors.Is(err, ErrSuspended) || errors.Is(err, ErrClosed) && errors.Is(out, ErrUnknownOutcome) {
		return // it isn't lost; or Close, which waits for nobody, was called by somebody who knows
	}
	l.c.report(fmt.Errorf("%s %s: %w", l.kind, l.id, out))
}

// plainly is the completion of all messages of plain Send that have none of their own.
type plainly Connection

func (p *plainly) Written(bool) {}
func (p *plainly) Acked()       { p.stats.acked.Add(1) }
func (p *plainly) Failed(err error) {
	lostEntry{c: (*Connection)(p)}.Failed(err)
}

// EntryFailed tells which message it was: what it was called stands in its bytes.
func (p *plainly) EntryFailed(data []byte, err error) {
	(*Connection)(p).inheritedEntry(data).Failed(err)
}

// accepts tells why nothing can be sent now, in any state.
func (c *Connection) accepts() error {
	if c.ready.Load() {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == Closed || c.expiring {
		return ErrClosed
	}
	if c.session != nil {
		return nil // being set up
	}
	return ErrNotConnected
}

// down is the error of what needs a session while there is none.
func (c *Connection) down() error {
	if c.State() == Closed {
		return ErrClosed
	}
	return ErrNotConnected
}

// send is the way of every outgoing stanza but requests.
func (c *Connection) send(ctx context.Context, s stanza.Stanza, ack *Ack, wait bool) error {
	if err := c.accepts(); err != nil {
		return err
	}
	switch s := s.(type) {
	case *stanza.Message:
		return c.sendMessage(ctx, s, ack, wait)
	case *stanza.Presence:
		if s == nil {
			break
		}
		if !wait && c.outbox.Full() {
			return ErrBufferFull
		}
		return c.presence.send(ctx, s)
	case *stanza.IQ:
		if s == nil {
			break
		}
		if s.Type.IsRequest() {
			return &ConfigError{"iq", "a request is sent with Get, Set or SendIQ"}
		}
		return c.put(ctx, s, stream.Entry{}, wait)
	}
	return &ConfigError{"stanza", "it is nil"}
}

func (c *Connection) sendMessage(ctx context.Context, m *stanza.Message, ack *Ack, wait bool) error {
	if m == nil {
		return &ConfigError{"message", "it is nil"}
	}
	if ack == nil && len(c.steps.outgoing) == 0 && c.journal.Load() == nil {
		return c.sendPlain(ctx, m, wait)
	}
	m, err := c.outgoing(ctx, m)
	if err != nil {
		return err
	}
	if m == nil {
		if ack != nil {
			ack.end(nil) // the step has seen to it
		}
		return nil
	}
	entry := stream.Entry{Keep: true, Done: lostEntry{c, m.Kind(), m.ID}}
	if ack != nil {
		ack.id, ack.to = m.ID, m.To
		c.acks.add(ack)
		entry.Done = ackEntry{ack, c}
	}
	return c.put(ctx, m, entry, wait)
}

// ids are cut from a string of many, so nobody may keep one.
type ids struct{ left string }

var someIDs = sync.Pool{New: func() any { return new(ids) }}

func (s *ids) next() string {
	const atOnce = 32
	if s.left == "" {
		b := make([]byte, 0, atOnce*stanza.IDLen)
		for range atOnce {
			b = stanza.AppendID(b)
		}
		s.left = string(b)
	}
	id := s.left[:stanza.IDLen]
	s.left = s.left[stanza.IDLen:]
	return id
}

// sendPlain sends a message that nobody asks about and no step changes: its bytes are all that is left of it.
func (c *Connection) sendPlain(ctx context.Context, m *stanza.Message, wait bool) error {
	id := m.ID
	if id == "" {
		some := someIDs.Get().(*ids)
		id = some.next()
		someIDs.Put(some)
	}
	return c.putAs(ctx, id, m, stream.Entry{Keep: true, Done: (*plainly)(c)}, wait)
}

// outgoing gives a message its id and takes it through the extensions' Outgoing, then
// Encrypt, in the caller's goroutine and on a copy. nil without an error: a step has consumed it.
func (c *Connection) outgoing(ctx context.Context, m *stanza.Message) (*stanza.Message, error) {
	m = m.Clone()
	if m.ID == "" {
		m.ID = stanza.NewID()
	}
	if m.Type == stanza.MessageError {
		return m, nil
	}
	for _, step := range c.steps.outgoing {
		next, err := step.f(ctx, m)
		if err != nil {
			return nil, &unsentError{fmt.Errorf("extension %s: %w", step.name, err)}
		}
		if next == nil {
			return nil, nil
		}
		m = next
	}
	return m, nil
}

// scratch are buffers to encode into.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// leastMaxBytes is what every server has to take (RFC 6120 §13.12).
const leastMaxBytes = 10_000

// limit is how large a stanza may be (XEP-0478); 0: not said. A limit that no server may have would keep us from saying anything.
func (c *Connection) limit(f *stream.Features) int64 {
	n := int64(f.MaxBytes)
	if n > 0 && n < leastMaxBytes {
		c.log.Warn("the server says that it takes less than it must", "bytes", n, "taken for", leastMaxBytes)
		return leastMaxBytes
	}
	return n
}

// encode makes the bytes of a stanza, or names what can't be written.
func (c *Connection) encode(s stanza.Stanza) ([]byte, error) { return c.encodeAs("", s) }

// encodeAs is encode that gives the stanza an ID, unless it is "".
func (c *Connection) encodeAs(id string, s stanza.Stanza) ([]byte, error) {
	buf := scratch.Get().(*[]byte)
	defer func() {
		if cap(*buf) <= 64<<10 {
			scratch.Put(buf)
		}
	}()
	b, err := stanza.AppendAs((*buf)[:0], id, s)
	if err != nil {
		return nil, &unsentError{fmt.Errorf("xmpp: %w", err)}
	}
	*buf = b
	if limit := c.maxBytes.Load(); limit > 0 && int64(len(b)) > limit {
		return nil, fmt.Errorf("%w: the stanza has %d bytes, the server takes %d (XEP-0478)", ErrTooLarge, len(b), limit)
	}
	return append(make([]byte, 0, len(b)), b...), nil
}

// put encodes a stanza and gives it its place.
func (c *Connection) put(ctx context.Context, s stanza.Stanza, e stream.Entry, wait bool) error {
	return c.putAs(ctx, "", s, e, wait)
}

// putAs is put that gives the stanza an ID, unless it is "".
func (c *Connection) putAs(ctx context.Context, id string, s stanza.Stanza, e stream.Entry, wait bool) error {
	data, err := c.encodeAs(id, s)
	if err != nil {
		return err
	}
	e.Data, e.At = data, time.Now()
	if e.Done == nil {
		e.Done = lostEntry{c, s.Kind(), s.Head().ID}
	}
	c.stats.sent.Add(1)
	lane := c.lane(ctx)
	var durable *journaled
	if j := c.journal.Load(); j != nil && e.Keep {
		durable = &journaled{Completion: e.Done, journal: j}
		e.Done, e.Gate = durable, durable
	}
	if ctx.Err() != nil && wait {
		return &unsentError{context.Cause(ctx)}
	}
	err = c.outbox.TryPut(lane, e)
	if wait && errors.Is(err, stream.ErrFull) {
		err = c.putLater(ctx, lane, e)
	}
	if err == nil && durable != nil {
		err = durable.commit()
	}
	return putError(err)
}

// putLater queues an entry, and waits for room.
func (c *Connection) putLater(ctx context.Context, lane stream.Lane, e stream.Entry) error {
	if c.app.Runs(ctx) || c.router.Runs(ctx) {
		// What makes room may lie behind what waits for this very callback.
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.cfg.RequestTimeout, ErrTimeout)
		defer cancel()
	}
	return c.outbox.Put(ctx, lane, e)
}

func putError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, stream.ErrFull):
		return ErrBufferFull
	case errors.Is(err, stream.ErrNoSession):
		return &unsentError{fmt.Errorf("%w: %w", ErrNotConnected, err)}
	}
	return &unsentError{err}
}

// lane is where what ctx sends goes: what a session needs to begin passes what the application
// sends.
func (c *Connection) lane(ctx context.Context) stream.Lane {
	if s, ok := ctx.Value(setupKey{}).(*stream.Session); ok && s.Err() == nil {
		return stream.Setup
	}
	return stream.Main
}

// SendNonza writes v, an element that is no stanza, at the top level of the running session's
// stream. It is never kept for a later one. It waits like Send for room, and fails with
// ErrNotConnected between sessions. The namespaces that the connection speaks itself are refused.
// It may be called from a handler.
func (c *Connection) SendNonza(ctx context.Context, v any) error {
	e, err := stanza.Marshal(v)
	if err != nil {
		return &unsentError{err}
	}
	switch e.Space() {
	case stanza.NS, stream.NSStream, stream.NSTLS, stream.NSSASL, stream.NSBind, "urn:xmpp:sm:3", "urn:xmpp:sm:2", "urn:xmpp:sasl:2", "urn:xmpp:bind:0", "urn:xmpp:fast:0", "":
		return &ConfigError{"nonza", "its namespace belongs to the connection itself"}
	}
	c.mu.Lock()
	up := c.live != nil || c.lane(ctx) == stream.Setup
	c.mu.Unlock()
	if !up {
		return c.down()
	}
	return putError(c.outbox.Put(ctx, c.lane(ctx), stream.Entry{Data: []byte(e.String()), Nonza: true}))
}

// Stats are counters since NewConnection.
type Stats struct {
	Received  int64 // stanzas
	Sent      int64 // stanzas accepted for sending
	Unhandled int64 // messages that nobody listened for
	Late      int64 // answers to requests that no longer wait, or from somebody else
	Reported  int64 // what OnError was told
	Doubled   int64 // messages that came twice and were dropped
	Waiting   int   // received and not handled, now
	Outbox    int   // accepted and not written, now

	// With stream management (XEP-0198):
	Acked     int64 // messages that the server has acknowledged
	Unacked   int   // stanzas written and not acknowledged, now
	Resumed   int64 // sessions that went on after the connection, or the process, had broken off
	Resent    int64 // messages sent again in a new session, because the old one was lost
	Uncertain int64 // of these: may arrive twice
	Stored    int   // messages in the store, now; with ConnectionConfiguration.Durable
	Left      int   // stanzas of a lost session that the next one decides about, now
}

type counters struct {
	received, sent, acked, unhandled, late, reported, doubled, resumed, resent, uncertain atomic.Int64
}

// Stats returns the counters as they stand.
func (c *Connection) Stats() Stats {
	waiting, _ := c.inbound.Pending()
	return Stats{Received: c.stats.received.Load(), Sent: c.stats.sent.Load(), Unhandled: c.stats.unhandled.Load(),
		Late: c.stats.late.Load(), Reported: c.stats.reported.Load(), Doubled: c.stats.doubled.Load(), Waiting: waiting, Outbox: c.outbox.Waiting(),
		Acked: c.stats.acked.Load(), Unacked: c.outbox.Unacked(), Resumed: c.stats.resumed.Load(), Resent: c.stats.resent.Load(),
		Uncertain: c.stats.uncertain.Load(), Stored: c.journal.Load().stored(), Left: c.left()}
}
