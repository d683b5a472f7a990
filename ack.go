package xmpp

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// An Ack tells what became of a submitted message: its server has taken responsibility for it (XEP-0198 §4), or it failed. Without
// stream management its best is "written": the bytes were handed to the network, and no more is known.
type Ack struct {
	id    string
	to    jid.JID
	done  chan struct{}
	once  sync.Once
	err   error
	table *acks

	awaited, over bool // table.mu
}

// ID is the message's id on the wire, "" where an extension's step has taken the message.
func (a *Ack) ID() string { return a.id }

// Done is closed when the outcome is known, or will never be. A callback waits for it with a limit of its own, or with Wait.
func (a *Ack) Done() <-chan struct{} {
	a.table.await(a)
	return a.done
}

// Err is nil before Done. After it nil means that the server has the message, or without stream management that it was written.
// ErrUnknownOutcome: the server may or may not have it. ErrRejected: it won't. ErrExpired: it waited too long. ErrClosed: the connection was
// closed first. SafeToRetry tells whether it can be sent again without coming twice.
func (a *Ack) Err() error {
	select {
	case <-a.done:
		return a.err
	default:
		return nil
	}
}

// Wait waits for Done and returns Err, or ctx's error if that ends first; the message goes its way
// all the same. In a callback of its connection it waits no longer than RequestTimeout, then it returns ErrTimeout: what was received and
// waits for the callback may stand before the acknowledgement.
func (a *Ack) Wait(ctx context.Context) error {
	if c := a.table.c; c.app.Runs(ctx) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.cfg.RequestTimeout, ErrTimeout)
		defer cancel()
	}
	select {
	case <-a.Done():
		return a.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (a *Ack) end(err error) {
	a.once.Do(func() {
		a.err = err
		a.table.remove(a)
		close(a.done)
	})
}

// Written and Failed make an Ack hear of its stanza; they are the connection's to call.
type ackEntry struct {
	*Ack
	c *Connection
}

func (a ackEntry) Acked() {
	a.c.stats.acked.Add(1)
	a.end(nil)
}
func (a ackEntry) Written(final bool) {
	if final {
		a.end(nil)
	}
}
func (a ackEntry) Failed(err error) { a.end(outcome(err)) }

// acks are the Acks that wait, by id.
type acks struct {
	c       *Connection
	awaited atomic.Int32 // of those, how many somebody waits for

	mu   sync.Mutex
	byID map[string][]*Ack // one stanza may be sent to several
}

// await notes that somebody waits: as for the answer to a request, the reader reads on past the soft bound.
func (t *acks) await(a *Ack) {
	t.mu.Lock()
	news := !a.awaited && !a.over
	if news {
		a.awaited = true
		t.awaited.Add(1)
	}
	t.mu.Unlock()
	if news {
		t.c.inbound.Poke()
	}
}

func (t *acks) add(a *Ack) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID == nil {
		t.byID = make(map[string][]*Ack)
	}
	t.byID[a.id] = append(t.byID[a.id], a)
}

func (t *acks) remove(a *Ack) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a.over = true; a.awaited {
		t.awaited.Add(-1)
	}
	left := slices.DeleteFunc(t.byID[a.id], func(b *Ack) bool { return a == b })
	if len(left) > 0 {
		t.byID[a.id] = left
	} else {
		delete(t.byID, a.id)
	}
}

// bounce ends the Ack of a message that came back before it was acknowledged. Only who may have refused it is believed: who it was sent to
// or their server, or, where there can be no mistake about which it was, our own (RFC 6120 §8.3.1).
func (t *acks) bounce(m *stanza.Message, user jid.JID) {
	t.mu.Lock()
	all := slices.Clone(t.byID[m.ID])
	t.mu.Unlock()
	for _, a := range all {
		switch from := m.From.String(); from {
		case user.Bare().String(), "":
			if len(all) > 1 {
				continue
			}
		case a.to.String(), a.to.Bare().String(), a.to.Domain():
		default:
			continue
		}
		if m.Error != nil {
			a.end(fmt.Errorf("%w: %w", ErrRejected, m.Error))
		} else {
			a.end(ErrRejected)
		}
		return
	}
}
