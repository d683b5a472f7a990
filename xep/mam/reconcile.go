package mam

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/stanzaid"
)

const (
	searchMost   = 1000 // messages of one conversation
	searchAtOnce = 8    // conversations
)

var (
	errForgotten = errors.New("mam: it isn't known any more when the message was sent")
	errUnkept    = errors.New("mam: archives don't keep such messages")
	errBusy      = errors.New("mam: too much has been said since")
	errUnsought  = errors.New("mam: the archive wasn't asked about all conversations, for want of time or answers; left out")
)

// reconcile looks for messages in our own archive. What can't be told for certain stays unknown, and why is in the error. One
// without a body counts as not arrived: archives needn't keep it (XEP-0313 §6.1.1), and to send a
// typing notice or a receipt again does no harm. When ctx is done what is known until then is returned.
func (a *Archive) reconcile(ctx context.Context, all []*stanza.Message) ([]xmpp.Arrival, error) {
	found := make([]xmpp.Arrival, len(all))
	with := make(map[jid.JID][]int) // conversation: messages
	since := make(map[jid.JID]time.Time)
	var peers []jid.JID // those of the oldest messages first
	var errs []error
	for i, m := range all {
		if !m.HasBody() {
			found[i] = xmpp.NotArrived
			continue
		}
		at := a.sent.when(m)
		switch {
		case !archivable(m):
			errs = append(errs, fmt.Errorf("%w: %v of type %v", errUnkept, m.ID, m.Type))
			continue
		case at.IsZero():
			errs = append(errs, fmt.Errorf("%w: %v", errForgotten, m.ID))
			continue
		}
		peer := a.name(m.To).Bare()
		if with[peer] == nil {
			peers = append(peers, peer)
		}
		with[peer] = append(with[peer], i)
		if first, ok := since[peer]; !ok || at.Before(first) {
			since[peer] = at
		}
	}
	if len(peers) == 0 {
		return found, errors.Join(errs...)
	}
	if err := a.keeps(ctx, with); err != nil {
		return found, errors.Join(append(errs, err)...)
	}
	err := each(ctx, peers, searchAtOnce, func(ctx context.Context, peer jid.JID) error {
		of := with[peer]
		if err := a.search(ctx, peer, since[peer], all, of, found); err != nil {
			return err // what was found was
		}
		for _, i := range of {
			if found[i] == xmpp.ArrivalUnknown {
				found[i] = xmpp.NotArrived
			}
		}
		return nil
	})
	return found, errors.Join(append(errs, err)...)
}

// each calls f for each conversation, for so many at once. It begins no more of them once ctx is done or
// an archive hasn't answered, waits for those that it has begun, and tells how many it has left out.
func each(ctx context.Context, peers []jid.JID, atOnce int, f func(context.Context, jid.JID) error) error {
	var (
		mu     sync.Mutex // guards what follows
		next   int
		silent bool
		errs   []error
		all    sync.WaitGroup
	)
	take := func() (peer jid.JID, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		if next == len(peers) || silent || ctx.Err() != nil {
			return peer, false
		}
		next++
		return peers[next-1], true
	}
	for range min(atOnce, len(peers)) {
		all.Go(func() {
			for peer, ok := take(); ok; peer, ok = take() {
				if err := f(ctx, peer); err != nil {
					mu.Lock()
					errs = append(errs, err)
					silent = silent || unanswered(err)
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	if left := len(peers) - next; left > 0 {
		errs = append(errs, fmt.Errorf("%w: %d", errUnsought, left))
	}
	return errors.Join(errs...)
}

// unanswered tells whether an archive has given no answer at all, rather than one that says no.
func unanswered(err error) bool {
	_, no := errors.AsType[*repeatable](err)
	return no
}

// archivable tells whether an archive keeps a message with a body (XEP-0313 §6.1.1, XEP-0334 §4).
func archivable(m *stanza.Message) bool {
	if m.Type != stanza.MessageChat && !m.Type.IsNormal() {
		return false
	}
	for e := range m.Payloads() {
		if e.Space() == "urn:xmpp:hints" && (e.Local() == "no-store" || e.Local() == "no-permanent-store") {
			return false
		}
	}
	return true
}

// keeps makes sure that the archive keeps these conversations (XEP-0441).
func (a *Archive) keeps(ctx context.Context, with map[jid.JID][]int) error {
	p, err := a.Preferences(ctx)
	if hopeless(err) {
		return nil // there is no choice
	}
	if err != nil {
		return err
	}
	if p.Default != KeepAlways || len(p.Never) > 0 {
		for peer := range with {
			if !p.keeps(peer) {
				return fmt.Errorf("%w: preferences for %v", errUnkept, peer)
			}
		}
	}
	return nil
}

// keeps tells whether all that is said with an address is kept for certain.
func (p Preferences) keeps(peer jid.JID) bool {
	for _, j := range p.Never {
		if j.Bare() == peer {
			return false
		}
	}
	for _, j := range p.Always {
		if j == peer {
			return true
		}
	}
	return p.Default == KeepAlways
}

// search looks for messages of one conversation, from the newest back: to the first that we had sent
// before them, for archives keep the order, or to the time when they were sent.
func (a *Archive) search(ctx context.Context, peer jid.JID, sent time.Time, all []*stanza.Message, of []int, found []xmpp.Arrival) error {
	left, seen := len(of), 0
	for m, err := range a.Messages(ctx, Query{With: peer, Since: sent.Add(-clockSkew), Newest: true}) {
		if err != nil {
			return err
		}
		if seen++; seen > searchMost {
			return errBusy
		}
		if m.From.Bare() != a.conn.User().Bare() {
			continue
		}
		if at := a.sent.when(m); !at.IsZero() && at.Before(sent) {
			return nil
		}
		for _, i := range of {
			if found[i] == xmpp.ArrivalUnknown && isCopy(m, all[i]) {
				found[i] = xmpp.Arrived
				left--
			}
		}
		if left == 0 {
			return nil
		}
	}
	return nil
}

// isCopy tells whether an archived message is one that we sent: the same id, or origin id where a
// service writes others over it (XEP-0359 §2.2).
func isCopy(archived, sent *stanza.Message) bool {
	if archived.ID == sent.ID {
		return true
	}
	a, err1 := stanza.Payload[stanzaid.OriginID](archived)
	b, err2 := stanza.Payload[stanzaid.OriginID](sent)
	return err1 == nil && (a.ID == sent.ID || err2 == nil && a.ID == b.ID)
}
