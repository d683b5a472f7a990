package xmpp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gosmack/xmpp/internal/sm"
	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// ResendPolicy says what happens to messages of which nobody can tell whether the server got them: their session was lost
// for good while they were under way, and no archive knew them.
type ResendPolicy int

// The policies.
const (
	// ResendUnknown sends them again in the new session, with their id and a <delay/>, and tells OnError that each may arrive twice.
	ResendUnknown ResendPolicy = iota
	// ReportUnknown sends nothing again; they end with ErrUnknownOutcome.
	ReportUnknown
)

const defaultResendWindow = time.Hour

// kept is a session that the server keeps for us (XEP-0198 §5).
type kept struct {
	id       string
	location string // where the server wants to be reached for it
	tried    bool   // that, since the connection was lost
	max      time.Duration
	user     jid.JID
	complete bool // it was online: nothing of its setting up is missing
}

// A remnant is a stanza of a session that is over, which the server has not acknowledged.
type remnant struct {
	stream.Entry
	certain bool // the server does not have it
	arrived bool // an archive has it
}

// Enabled hears that the server keeps the session.
func (h *handler) Enabled(s *stream.Session, e sm.Enabled) {
	c := (*Connection)(h)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.session == s {
		c.enabled(e)
	}
}

// enabled notes the session that the server keeps. c.mu is held.
func (c *Connection) enabled(e sm.Enabled) {
	c.keep = kept{id: strings.Clone(e.ID), location: strings.Clone(e.Location), max: e.Max, user: c.bound(), complete: c.live != nil && c.live == c.session}
	c.outbox.Changed()
}

// Probe asks the server for a sign of life by a ping (XEP-0199) whose answer is only that.
func (h *handler) Probe(*stream.Session) {
	c := (*Connection)(h)
	if c.probe.Load() == nil {
		id := stanza.NewID()
		c.probe.CompareAndSwap(nil, &id)
	}
	iq := &stanza.IQ{Type: stanza.IQGet, ID: *c.probe.Load(), To: jid.MustParse(c.cfg.Domain)}
	stanza.Add(iq, ping{})
	if data, err := c.encode(iq); err == nil {
		_ = c.outbox.TryPut(stream.Setup, stream.Entry{Data: data})
	}
}

// resumable tells whether the session that ended with err can be taken up again. c.mu is held.
func (c *Connection) resumable(err error) bool {
	suspending := c.shut != nil && c.shut.suspend
	if c.keep.id == "" || !c.keep.complete || c.cfg.DisableReconnection && !suspending || terminal(err, true) || errors.Is(err, stream.ErrDeaf) {
		return false
	}
	var high *sm.TooHigh
	var back *sm.WentBack
	var ended *stanza.StreamError
	// Where the two sides disagree about the session, the same would end every stream that follows (S180).
	return !errors.As(err, &high) && !errors.As(err, &back) && !(errors.As(err, &ended) && sm.IsTooHigh(ended))
}

// lose gives up the session that was kept: what the server has handled of it, as far as it says, is acknowledged; the rest waits
// for the next session.
func (c *Connection) lose(h uint32, known bool, why error) {
	c.inbound.Unmanage()
	c.mu.Lock()
	c.keep = kept{}
	rest, certain := c.outbox.Lose(h, known) // with mu, so that who closes finds them here or there
	for _, e := range rest {
		c.remnants = append(c.remnants, remnant{Entry: e, certain: certain && !e.Maybe})
	}
	closed := c.state == Closed
	c.mu.Unlock()
	c.outbox.Drop(&unsentError{why})
	c.failRequests(why)
	if closed {
		c.abandon()
	}
}

// failRequests ends the requests that wait for an answer.
func (c *Connection) failRequests(why error) {
	c.pending.FailAll(func(r *stream.Request, written bool) error {
		switch {
		case !written:
			return &unsentError{why}
		case r.Get:
			return &repeatableError{lost(why)}
		}
		return lost(why)
	})
}

// abandon ends what is left of earlier sessions: there will be no later one.
func (c *Connection) abandon() {
	c.mu.Lock()
	all := c.remnants
	c.remnants = nil
	for _, r := range all {
		switch {
		case !r.Keep:
		case r.certain:
			c.unsent = append(c.unsent, reread(r.Data)...)
		default:
			c.unknown = append(c.unknown, reread(r.Data)...)
		}
	}
	c.mu.Unlock()
	for _, r := range all {
		r.fail(ErrClosed)
	}
}

// toResume is the session to be taken up, if its id is not empty.
func (c *Connection) toResume() kept {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.keep.complete {
		return kept{} // it ended before it was set up
	}
	return c.keep
}

// resuming is the count for a <resume/>. It can't be taken back, so it is durable when it is told.
func (c *Connection) resuming(ctx context.Context) (uint32, error) {
	if err := c.oldRead(ctx); err != nil {
		return 0, &stream.StepError{Name: "resume", Err: err}
	}
	h := c.inbound.Resuming()
	if j := c.journal.Load(); j != nil {
		if err := c.store(ctx, j.account, false); err != nil {
			return 0, &stream.StepError{Name: "store", Err: err}
		}
	}
	return h, nil
}

// oldRead gives the server the time to read what the old connection had brought: some handle that still when they have told already how far
// they got, and it would be sent again.
func (c *Connection) oldRead(ctx context.Context) error {
	c.mu.Lock()
	wait := time.Until(c.lostAt.Add(oldReadAfter))
	c.mu.Unlock()
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// resume takes up the session that is kept, if there is one and the server still has it, by a request of its own (XEP-0198 §5).
func (c *Connection) resume(ctx context.Context, t *stream.Transport) (user jid.JID, resumed bool, err error) {
	k := c.toResume()
	if k.id == "" {
		return user, false, nil
	}
	if !t.Features.Manages() && !t.Awaits() {
		c.lose(0, false, errSessionLost)
		return user, false, nil
	}
	var h uint32
	err = c.bounded(ctx, func(ctx context.Context) (err error) {
		told, err := c.resuming(ctx)
		if err == nil {
			h, err = t.Resume(ctx, k.id, told)
		}
		return err
	})
	return c.resumption(k, h, err)
}

// resumption takes the answer to a <resume/>, however it was asked: what the server has handled of k, or why it can't be resumed.
func (c *Connection) resumption(k kept, h uint32, err error) (user jid.JID, resumed bool, _ error) {
	var refused sm.Failed
	var ended *stanza.StreamError
	switch {
	case errors.As(err, &refused):
		c.lose(refused.H, refused.Known, errSessionLost)
		return user, false, nil
	case errors.Is(err, stream.ErrAnswer), errors.As(err, &ended) && sm.IsTooHigh(ended):
		c.lose(0, false, err) // the two sides disagree, and would the next time (S180)
		return user, false, err
	case err != nil:
		return user, false, err
	}
	if err := c.outbox.Resumed(h); err != nil {
		c.lose(0, false, err)
		return user, false, &stream.StepError{Name: "resume", Err: err}
	}
	c.inbound.Resumed()
	c.mu.Lock()
	c.keep.tried = false
	c.mu.Unlock()
	c.stats.resumed.Add(1)
	return k.user, true, nil
}

var errSessionLost = errors.New("xmpp: the server no longer has the session")

// settle decides about what was left of an earlier session: before anything else of the application's it is sent
// again, or reported. What is neither yet stays where who closes or suspends the connection finds it.
func (c *Connection) settle(ctx context.Context) {
	c.mu.Lock()
	all := slices.Clone(c.remnants) // they stay where who closes finds them
	c.mu.Unlock()
	if len(all) == 0 {
		return
	}
	c.reconcile(ctx, all)
	c.mu.Lock()
	if s, ok := ctx.Value(setupKey{}).(*stream.Session); len(c.remnants) < len(all) || ctx.Err() != nil || ok && s.Err() != nil {
		// This session has ended too, perhaps in the middle of the archive's answers: the next one asks again. Or the connection was closed.
		c.mu.Unlock()
		return
	}
	c.remnants = c.remnants[len(all):]
	var again []stream.Entry
	var over []func()
	for _, r := range all {
		if f := c.judge(&r); f != nil {
			over = append(over, f)
		} else {
			again = append(again, r.delayed())
		}
	}
	if !c.outbox.PutBack(again) { // with mu, so that they are here or there
		for _, e := range again {
			c.remnants = append(c.remnants, remnant{Entry: e, certain: !e.Maybe})
		}
	}
	closed := c.state == Closed
	c.mu.Unlock()
	for _, f := range over {
		f()
	}
	c.stats.resent.Add(int64(len(again)))
	for i := range again {
		if again[i].Maybe {
			c.stats.uncertain.Add(1)
			c.report(fmt.Errorf("message %s is sent again and may arrive twice: %w", idOf(again[i].Data), errSessionLost))
		}
	}
	if closed {
		c.abandon()
	}
}

// idOf is the id of a stanza, for a report.
func idOf(data []byte) string {
	for _, s := range reread(data) {
		return s.Head().ID
	}
	return ""
}

// left is how many stanzas wait for settle.
func (c *Connection) left() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.remnants)
}

// judge tells how r ends; nil: it is sent again.
func (c *Connection) judge(r *remnant) (end func()) {
	why := errSessionLost
	switch {
	case r.arrived:
		return r.acked
	case !r.Keep, passing(r.Data):
	case time.Since(r.At) > c.resendWindow():
		why = ErrExpired
	case !r.certain && c.cfg.Resend == ReportUnknown:
	default:
		r.Maybe = !r.certain
		return nil
	}
	return func() { r.fail(why) }
}

func (r *remnant) acked() {
	if r.Done != nil {
		r.Done.Acked()
	}
}

func (c *Connection) resendWindow() time.Duration {
	if c.cfg.ResendWindow > 0 {
		return c.cfg.ResendWindow
	}
	return defaultResendWindow
}

// fail ends the stanza with what is known of it.
func (r *remnant) fail(why error) {
	if r.Done == nil {
		return
	}
	if r.certain {
		r.Fail(&unsentError{why})
		return
	}
	r.Fail(&uncertainError{why})
}

// An uncertainError is the end of something that the server may have.
type uncertainError struct{ error }

func (e *uncertainError) Unwrap() error      { return e.error }
func (e *uncertainError) MaybeWritten() bool { return true }

// delayed is the entry with the time at which it was sent first (XEP-0203): in a new session it is no longer what it was.
func (r *remnant) delayed() stream.Entry {
	e := r.Entry
	if e.Delayed {
		return e
	}
	const end = "</message>"
	body, ok := bytes.CutSuffix(e.Data, []byte(end))
	if !ok {
		if body, ok = bytes.CutSuffix(e.Data, []byte("/>")); !ok {
			return e
		}
		body = append(bytes.Clone(body), '>')
	}
	e.Data = fmt.Appendf(bytes.Clone(body), "<delay xmlns='urn:xmpp:delay' stamp='%s'/>%s", e.At.UTC().Format("2006-01-02T15:04:05.000Z"), end)
	e.Delayed = true
	return e
}

// reconcile asks the extensions that know an archive which of the uncertain messages had arrived. It marks those.
func (c *Connection) reconcile(ctx context.Context, all []remnant) {
	for _, x := range c.extensions {
		if x.Reconcile == nil {
			continue
		}
		var ask []*stanza.Message
		var of []int
		for i, r := range all {
			if r.certain || !r.Keep || r.arrived {
				continue
			}
			for _, s := range reread(r.Data) {
				if m, ok := s.(*stanza.Message); ok {
					ask, of = append(ask, m), append(of, i)
				}
			}
		}
		if len(ask) == 0 {
			return
		}
		var arrived []Arrival
		var err error
		limited, cancel := context.WithTimeout(ctx, startLimit)
		c.guard(func() { arrived, err = x.Reconcile(limited, ask) })
		cancel()
		if err != nil || len(arrived) != len(ask) {
			c.report(fmt.Errorf("extension %s: Reconcile: %d answers of %d: %w", x.Name, len(arrived), len(ask), errors.Join(err)))
		}
		if len(arrived) != len(ask) {
			continue
		}
		for n, i := range of {
			switch arrived[n] {
			case Arrived:
				all[i].arrived = true
			case NotArrived:
				all[i].certain = true // the archive would have it
			}
		}
	}
}
