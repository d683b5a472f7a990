package xmpp

import (
	"context"
	"fmt"
	"strings"

	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// A SubscriptionRequest is somebody's wish to see our presence (RFC 6121 §3.1).
type SubscriptionRequest struct {
	From jid.JID // bare
	Note string  // what the requester wrote, for a person to read
}

// A Decision answers a SubscriptionRequest.
type Decision int

// The decisions. Undecided leaves the request to OnRequest and to later; the server repeats it at
// the next login.
const (
	Undecided Decision = iota
	Approve
	ApproveAndSubscribe // also ask to see the requester's presence
	Deny
)

// HandleRequests sets the one function that decides about requests, on the application goroutine;
// without it none is approved. A second call panics: it is a mistake of the program.
func (r *Roster) HandleRequests(f func(ctx context.Context, q SubscriptionRequest) Decision) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.decide != nil {
		panic("xmpp: a second HandleRequests")
	}
	r.decide = f
}

// OnRequest hears of requests that HandleRequests left undecided. Answer with Approve or Deny, now
// or later.
func (r *Roster) OnRequest(f func(ctx context.Context, q SubscriptionRequest)) (stop func()) {
	return r.requests.On(f)
}

// Requests is OnRequest as a channel; what is said at [Feed.Chan] holds.
func (r *Roster) Requests(ctx context.Context) <-chan SubscriptionRequest {
	return r.requests.Chan(ctx)
}

// requested takes a request to who decides. On the router.
func (r *Roster) requested(ctx context.Context, p *stanza.Presence) {
	q := SubscriptionRequest{From: p.From.Bare(), Note: strings.Clone(p.Status)}
	if q.From.IsZero() || q.From == r.c.User().Bare() {
		return
	}
	r.c.toApp(ctx, stream.Hold(ctx), func(ctx context.Context) {
		r.mu.RLock()
		decide := r.decide
		r.mu.RUnlock()
		d := Undecided
		if decide != nil {
			r.c.guard(func() { d = decide(ctx, q) })
		}
		var err error
		switch d {
		case Approve:
			err = r.Approve(ctx, q.From)
		case ApproveAndSubscribe:
			if err = r.Approve(ctx, q.From); err == nil {
				err = r.Subscribe(ctx, q.From)
			}
		case Deny:
			err = r.Deny(ctx, q.From)
		default:
			r.requests.deliver(ctx, q)
		}
		if err != nil {
			r.c.report(fmt.Errorf("answer to the subscription request of %v: %w", q.From, err))
		}
	})
}

// Subscribe asks to see a contact's presence (RFC 6121 §3.1.1). The answer comes as a change of
// the contact.
func (r *Roster) Subscribe(ctx context.Context, contact jid.JID) error {
	return r.tell(ctx, stanza.PresenceSubscribe, contact)
}

// Unsubscribe gives up seeing a contact's presence (RFC 6121 §3.3).
func (r *Roster) Unsubscribe(ctx context.Context, contact jid.JID) error {
	return r.tell(ctx, stanza.PresenceUnsubscribe, contact)
}

// Approve lets whoever asked see our presence (RFC 6121 §3.1.4).
func (r *Roster) Approve(ctx context.Context, contact jid.JID) error {
	return r.tell(ctx, stanza.PresenceSubscribed, contact)
}

// Deny refuses a request (RFC 6121 §3.1.4).
func (r *Roster) Deny(ctx context.Context, contact jid.JID) error {
	return r.tell(ctx, stanza.PresenceUnsubscribed, contact)
}

// Cancel takes back an approval: the contact no longer sees our presence (RFC 6121 §3.2).
func (r *Roster) Cancel(ctx context.Context, contact jid.JID) error {
	return r.tell(ctx, stanza.PresenceUnsubscribed, contact)
}

// PreApprove approves a request that has not come yet (RFC 6121 §3.4). Where the server has no
// such feature the error is stanza.FeatureNotImplemented and nothing is sent.
func (r *Roster) PreApprove(ctx context.Context, contact jid.JID) error {
	r.c.mu.Lock()
	s := r.c.live
	r.c.mu.Unlock()
	if s == nil {
		return r.c.down()
	}
	if !s.PreApproval {
		return &unsentError{fmt.Errorf("pre-approval: the server: %w", stanza.FeatureNotImplemented)}
	}
	return r.tell(ctx, stanza.PresenceSubscribed, contact)
}

func (r *Roster) tell(ctx context.Context, t stanza.PresenceType, contact jid.JID) error {
	if contact.IsZero() {
		return &ConfigError{"contact", "it is empty"}
	}
	return r.c.Send(ctx, &stanza.Presence{Type: t, To: contact.Bare()})
}
