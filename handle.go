package xmpp

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// An IQHandler answers requests of one type and payload. Make one with [OnGet] or [OnSet].
type IQHandler struct {
	key    iqKey
	handle func(ctx context.Context, iq *stanza.IQ) (any, error)
}

type iqKey struct {
	typ  stanza.IQType
	name xml.Name
}

// OnGet makes a handler for requests of type get whose payload is a Q. What it returns is the
// answer's payload; nil is an empty answer, an error an error: a stanza.Condition or *stanza.Error
// as it is, anything else internal-server-error without its text.
//
// The handler runs on the router, so nothing that was received later moves on before it has
// returned: it may send and request, but not wait for a message or presence. One that takes long
// calls [Async] first. A payload that isn't a good Q is never seen: it is answered with bad-request, or
// with service-unavailable where [Roster.SeesUs] says that the sender doesn't.
func OnGet[Q any](f func(ctx context.Context, q Q, iq *stanza.IQ) (reply any, err error)) IQHandler {
	return onIQ(stanza.IQGet, f)
}

// OnSet is [OnGet] for requests of type set.
func OnSet[Q any](f func(ctx context.Context, q Q, iq *stanza.IQ) (reply any, err error)) IQHandler {
	return onIQ(stanza.IQSet, f)
}

func onIQ[Q any](typ stanza.IQType, f func(context.Context, Q, *stanza.IQ) (any, error)) IQHandler {
	return IQHandler{
		key: iqKey{typ, stanza.NameFor[Q]()},
		handle: func(ctx context.Context, iq *stanza.IQ) (any, error) {
			q, err := stanza.Payload[Q](iq)
			if err != nil {
				return nil, errMalformed
			}
			return f(ctx, q, iq)
		},
	}
}

// errMalformed is the answer to a request that is none, or whose payload can't be read. Who doesn't see us doesn't get it: it would tell that we
// are here, and what we have handlers for.
var errMalformed error = &stanza.Error{Type: stanza.ErrorModify, Condition: stanza.BadRequest}

// Async lets the handler or callback that ctx belongs to step out of line: what was received later
// goes on while it still works. Its stanza counts as handled from now on; an IQ handler's answer
// is sent when it returns. Call it from the handler itself, before it returns; anywhere else it
// does nothing.
func Async(ctx context.Context) { stream.Async(ctx) }

type handlerTable struct {
	mu sync.RWMutex
	m  map[iqKey]handlerFunc
}

type handlerFunc = func(ctx context.Context, iq *stanza.IQ) (any, error)

// Handle registers an IQ handler, at any time. A second one for the same type and payload panics:
// it is a mistake of the program.
func (c *Connection) Handle(h IQHandler) {
	if h.handle == nil {
		panic("xmpp: Handle of an empty IQHandler: make one with OnGet or OnSet")
	}
	c.handlers.mu.Lock()
	defer c.handlers.mu.Unlock()
	if _, taken := c.handlers.m[h.key]; taken || isCore(h.key) {
		panic(fmt.Sprintf("xmpp: a second handler for iq %s {%s}%s", h.key.typ, h.key.name.Space, h.key.name.Local))
	}
	if c.handlers.m == nil {
		c.handlers.m = make(map[iqKey]handlerFunc)
	}
	c.handlers.m[h.key] = h.handle
}

func (t *handlerTable) find(iq *stanza.IQ) (handlerFunc, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	h, ok := t.m[iqKeyOf(iq)]
	return h, ok
}

func iqKeyOf(iq *stanza.IQ) iqKey { return iqKey{iq.Type, iq.Payload().Name()} }

const slowHandler = time.Second // then it is logged

// serve answers a request, on the router.
func (c *Connection) serve(ctx context.Context, iq *stanza.IQ) {
	c.app.Flush() // answering may wait
	began := time.Now()
	reply, err := c.reply(ctx, iq)
	if err == errMalformed && !c.roster.SeesUs(iq.From) {
		err = stanza.ServiceUnavailable // as if nobody were here
	}
	if d := time.Since(began); d > slowHandler && stream.ItemOf(ctx) != nil {
		c.log.Warn("slow IQ handler; it could call Async", "payload", iq.Payload().Name().Local, "took", d)
	}
	var answer stanza.Stanza = reply
	if err != nil {
		answer = stanza.ErrorReply(iq, err)
	}
	c.respond(ctx, iq, answer)
}

func (c *Connection) reply(ctx context.Context, iq *stanza.IQ) (*stanza.IQ, error) {
	if iq.ID == "" {
		return nil, errMalformed
	}
	n := 0
	for range iq.Payloads() {
		n++
	}
	if n != 1 {
		return nil, errMalformed // RFC 6120 §8.2.3
	}
	handle, ok := c.handlers.find(iq)
	if !ok {
		if handle, ok = c.core(iq); !ok {
			return nil, stanza.ServiceUnavailable // RFC 6120 §8.4
		}
	}
	var payload any
	err := error(stanza.InternalServerError) // of a handler that panicked
	c.foreign(ctx, func() { payload, err = handle(ctx, iq) })
	if err != nil {
		if !isCondition(err) {
			c.report(fmt.Errorf("handler of %s: %w", iq.Payload().Local(), err))
		}
		return nil, err
	}
	r := stanza.Reply(iq)
	if payload != nil {
		stanza.Add(r, payload)
	}
	return r, nil
}

func isCondition(err error) bool {
	var full *stanza.Error
	var bare stanza.Condition
	return errors.As(err, &full) || errors.As(err, &bare)
}

// respond queues an automatic answer in a lane of its own. It waits for room, and with it the
// router, unless the session that asked is over.
func (c *Connection) respond(ctx context.Context, iq *stanza.IQ, answer stanza.Stanza) {
	if !c.mine(iq) {
		return
	}
	data, err := c.encode(answer)
	if err != nil {
		c.report(fmt.Errorf("answer to %v: %w", iq.From, err))
		if data, err = c.encode(stanza.ErrorReply(iq, stanza.InternalServerError)); err != nil {
			return
		}
	}
	if err := c.outbox.Put(ctx, stream.Replies, stream.Entry{Data: data}); err != nil {
		c.log.Debug("answer not sent", "to", iq.From.String(), "error", err)
	}
}

// mine tells whether a request was addressed to who we are now: answers to what came in an earlier
// session are dropped if our address has changed.
func (c *Connection) mine(iq *stanza.IQ) bool {
	user := c.User()
	return iq.To.IsZero() || iq.To == user || iq.To == user.Bare() || iq.To.Bare() != user.Bare()
}

// ping is XEP-0199.
type ping struct {
	XMLName xml.Name `xml:"urn:xmpp:ping ping"`
}

var (
	pingKey = iqKey{stanza.IQGet, stanza.NameFor[ping]()}
	pushKey = iqKey{stanza.IQSet, stanza.NameFor[rosterQuery]()}
)

func isCore(k iqKey) bool { return k == pingKey || k == pushKey }

// core is the handler of what every connection answers.
func (c *Connection) core(iq *stanza.IQ) (handlerFunc, bool) {
	switch iqKeyOf(iq) {
	case pingKey:
		return OnGet(func(_ context.Context, _ ping, iq *stanza.IQ) (any, error) {
			if !c.roster.SeesUs(iq.From) {
				return nil, stanza.ServiceUnavailable // an answer would tell that we are here (XEP-0199 §5)
			}
			return nil, nil
		}).handle, true
	case pushKey:
		return OnSet(c.roster.push).handle, true
	}
	return nil, false
}

// fromAccount tells whether from may speak for our own account: our server's answers have no from
// or our bare address (RFC 6120 §8.1.2.1).
func (c *Connection) fromAccount(from jid.JID) bool {
	return from.IsZero() || from == c.User().Bare()
}
