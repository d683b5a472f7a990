package interop_test

import (
	"context"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// changeTo waits for the change after which a contact is as wanted.
func changeTo(w *world, what string, c <-chan xmpp.RosterChange, of jid.JID, wanted func(xmpp.Contact) bool) xmpp.Contact {
	w.Helper()
	return until(w, what, c, func(ch xmpp.RosterChange) bool { return ch.Contact.JID == of && wanted(ch.Contact) }).Contact
}

func subscribed(s xmpp.Subscription) func(xmpp.Contact) bool {
	return func(c xmpp.Contact) bool { return c.Subscription == s && !c.Asked }
}

func asked(c xmpp.Contact) bool { return c.Asked }

// A side is one party of a subscription and what it hears.
type side struct {
	*xmpp.Connection
	jid      jid.JID
	changes  <-chan xmpp.RosterChange
	presence <-chan xmpp.Availability
	requests <-chan xmpp.SubscriptionRequest
}

func (w *world) side(user jid.JID, edits ...edit) *side {
	w.Helper()
	c := w.connection(user, edits...)
	r := c.Roster()
	s := &side{c, user, r.Changes(w.ctx), r.PresenceChanges(w.ctx), r.Requests(w.ctx)}
	require.NoError(w, c.Login(w.ctx, "", ""))
	return s
}

// The whole handshake of RFC 6121 §3: request, approval, both ways, presence, cancelling, giving up; seen by both and by a second resource.
func subscription(w *world) {
	romeo, juliet := w.side(w.user()), w.side(w.user())
	second := w.side(romeo.jid, as("second"))

	require.NoError(w, romeo.Roster().Subscribe(w.ctx, juliet.jid))
	for _, s := range []*side{romeo, second} {
		require.Equal(w, xmpp.SubscriptionNone, changeTo(w, "asked", s.changes, juliet.jid, asked).Subscription)
	}
	require.Equal(w, romeo.jid, next(w, "his request", juliet.requests).From)
	settle(w, romeo.Connection)
	require.False(w, romeo.Roster().Available(juliet.jid), "no presence before the approval")

	require.NoError(w, juliet.Roster().Approve(w.ctx, romeo.jid))
	for _, s := range []*side{romeo, second} {
		changeTo(w, "to", s.changes, juliet.jid, subscribed(xmpp.SubscriptionTo))
		until(w, "her presence", s.presence, func(a xmpp.Availability) bool { return a.Address == juliet.User() && a.Available })
	}
	changeTo(w, "from", juliet.changes, romeo.jid, subscribed(xmpp.SubscriptionFrom))

	require.NoError(w, juliet.Roster().Subscribe(w.ctx, romeo.jid))
	require.Equal(w, juliet.jid, next(w, "her request", romeo.requests).From)
	require.NoError(w, romeo.Roster().Approve(w.ctx, juliet.jid))
	for _, s := range []*side{romeo, second} {
		changeTo(w, "both", s.changes, juliet.jid, subscribed(xmpp.SubscriptionBoth))
	}
	changeTo(w, "both, hers", juliet.changes, romeo.jid, subscribed(xmpp.SubscriptionBoth))
	await(w, "his presence, from both resources", func() bool {
		_, first := juliet.Roster().Presence(romeo.User())
		_, other := juliet.Roster().Presence(second.User())
		return first && other
	})
	until(w, "his presence", juliet.presence, func(a xmpp.Availability) bool { return a.Address.Bare() == romeo.jid && a.Available })

	// Presence flows.
	require.NoError(w, juliet.PresenceManager().Set(w.ctx, &stanza.Presence{Show: stanza.ShowAway, Status: "in the orchard", Priority: 3}))
	for _, s := range []*side{romeo, second} {
		away := until(w, "away", s.presence, func(a xmpp.Availability) bool { return a.Show == stanza.ShowAway })
		require.Equal(w, xmpp.Availability{Address: juliet.User(), Available: true, Show: stanza.ShowAway, Status: "in the orchard", Priority: 3}, away)
	}

	// She no longer lets him see her (§3.2).
	require.NoError(w, juliet.Roster().Cancel(w.ctx, romeo.jid))
	for _, s := range []*side{romeo, second} {
		changeTo(w, "from, his", s.changes, juliet.jid, subscribed(xmpp.SubscriptionFrom))
		until(w, "her end", s.presence, func(a xmpp.Availability) bool { return a.Address.Bare() == juliet.jid && !a.Available })
	}
	changeTo(w, "to, hers", juliet.changes, romeo.jid, subscribed(xmpp.SubscriptionTo))

	// She gives up seeing him (§3.3).
	require.NoError(w, juliet.Roster().Unsubscribe(w.ctx, romeo.jid))
	changeTo(w, "none, his", romeo.changes, juliet.jid, subscribed(xmpp.SubscriptionNone))
	changeTo(w, "none, hers", juliet.changes, romeo.jid, subscribed(xmpp.SubscriptionNone))
	if w.tellsEnd {
		until(w, "his end", juliet.presence, func(a xmpp.Availability) bool { return a.Address.Bare() == romeo.jid && !a.Available })
	}
}

// A request that waits for its addressee to log in, is not answered, comes again, and is denied.
func denial(w *world) {
	romeo, j := w.side(w.user()), w.user()
	require.NoError(w, romeo.Roster().Subscribe(w.ctx, j))
	changeTo(w, "asked", romeo.changes, j, asked)
	settle(w, romeo.Connection)
	for range 2 {
		juliet := w.side(j)
		require.Equal(w, romeo.jid, next(w, "the request", juliet.requests).From)
		require.NoError(w, juliet.Shutdown(w.ctx))
	}
	juliet := w.side(j)
	require.Equal(w, romeo.jid, next(w, "the request", juliet.requests).From)
	require.NoError(w, juliet.Roster().Deny(w.ctx, romeo.jid))
	changeTo(w, "denied", romeo.changes, j, subscribed(xmpp.SubscriptionNone))
	require.NoError(w, juliet.Shutdown(w.ctx))

	// It is over: the next session hears nothing of it.
	juliet = w.side(j)
	settle(w, juliet.Connection)
	require.NoError(w, juliet.Shutdown(w.ctx))
	for q := range juliet.requests {
		require.FailNow(w, "a denied request came again", "%v", q)
	}
	c, _ := romeo.Roster().Contact(j)
	require.False(w, c.Asked)
}

// Approval before the request (RFC 6121 §3.4), where it is offered.
func preApproval(w *world) {
	var l tape
	romeo, juliet := w.side(w.user()), w.side(w.user(), l.listening())
	err := juliet.Roster().PreApprove(w.ctx, romeo.jid)
	require.Equal(w, w.preApprove, err == nil, "%v", err)
	if err != nil {
		require.ErrorIs(w, err, stanza.FeatureNotImplemented)
		require.True(w, xmpp.SafeToRetry(err))
		settle(w, juliet.Connection)
		require.Empty(w, l.all(true, "subscribed"), "something was sent")
		return
	}
	changeTo(w, "approved in advance", juliet.changes, romeo.jid, func(c xmpp.Contact) bool { return c.PreApproved == w.approved })
	require.NoError(w, romeo.Roster().Subscribe(w.ctx, juliet.jid))
	changeTo(w, "to", romeo.changes, juliet.jid, subscribed(xmpp.SubscriptionTo))
	changeTo(w, "from", juliet.changes, romeo.jid, subscribed(xmpp.SubscriptionFrom))
	settle(w, juliet.Connection)
	select {
	case q := <-juliet.requests:
		require.FailNow(w, "asked for what was approved", "%v", q)
	default:
	}
}

// The answering hook: one side approves and asks back, the other approves, denies, or leaves it open.
func decisionHook(w *world) {
	decisions := make(map[jid.JID]xmpp.Decision)
	host := w.connection(w.user())
	h := host.Roster()
	changes, open := h.Changes(w.ctx), h.Requests(w.ctx)
	var guests []*side
	for _, d := range []xmpp.Decision{xmpp.ApproveAndSubscribe, xmpp.Approve, xmpp.Deny, xmpp.Undecided} {
		g := w.side(w.user())
		decisions[g.jid] = d
		guests = append(guests, g)
	}
	h.HandleRequests(func(_ context.Context, q xmpp.SubscriptionRequest) xmpp.Decision { return decisions[q.From] })
	require.Panics(w, func() {
		h.HandleRequests(func(context.Context, xmpp.SubscriptionRequest) xmpp.Decision { return xmpp.Deny })
	})
	require.NoError(w, host.Login(w.ctx, "", ""))
	for _, g := range guests {
		require.NoError(w, g.Roster().Subscribe(w.ctx, host.User()))
		changeTo(w, "asked", g.changes, host.User().Bare(), func(xmpp.Contact) bool { return true })
	}
	require.Equal(w, guests[3].jid, next(w, "the open request", open).From)
	user := host.User().Bare()
	settledAs := func(g *side, s xmpp.Subscription) {
		await(w, g.jid.String(), func() bool {
			c, ok := g.Roster().Contact(user)
			return ok && subscribed(s)(c)
		})
	}
	settledAs(guests[1], xmpp.SubscriptionTo)
	settledAs(guests[2], xmpp.SubscriptionNone)
	require.Equal(w, user, next(w, "asked back", guests[0].requests).From)
	require.NoError(w, guests[0].Roster().Approve(w.ctx, user))
	changeTo(w, "both", changes, guests[0].jid, subscribed(xmpp.SubscriptionBoth))
	settledAs(guests[0], xmpp.SubscriptionBoth)
	left, ok := guests[3].Roster().Contact(user)
	require.True(w, ok && left.Asked)
}
