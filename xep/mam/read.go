package mam

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/disco"
	"github.com/gosmack/xmpp/xep/rsm"
	"github.com/gosmack/xmpp/xep/stanzaid"
)

// hopeless tells whether an archive that answers so will do so again.
func hopeless(err error) bool {
	for _, c := range []stanza.Condition{stanza.ServiceUnavailable, stanza.FeatureNotImplemented, stanza.Forbidden, stanza.NotAllowed} {
		if errors.Is(err, c) {
			return true
		}
	}
	return false
}

// read hands over all that is behind the position.
func (s *catchUp) read(ctx context.Context, r *run) error {
	if err := s.check(ctx); err != nil {
		return err
	}
	if s.believe(r.epoch) {
		s.a.conn.Report(s.voucher.renew(ctx))
	}
	at, has, err := s.keeper.get(ctx)
	if err != nil {
		return err
	}
	if !has {
		return s.begin(ctx)
	}
	err = s.after(ctx, at)
	if errors.Is(err, errGone) {
		// Only the oldest are ever removed (XEP-0313 §3.2), so what is left is newer.
		s.a.conn.Report(fmt.Errorf("mam: catching up by time, so that messages may come again: %w", err))
		_, err = s.follow(ctx, Query{Since: at.Time.Add(-clockSkew)}, rsm.Request{Max: s.a.page}, time.Time{})
	}
	return err
}

var errGone = errors.New("our place in the archive is gone")

// after hands over what is behind a place. Archives that don't know it should answer item-not-found
// (XEP-0313 §4.3.2). Prosody has an empty page instead, and ejabberd begins at the beginning if the id is not
// of its kind.
func (s *catchUp) after(ctx context.Context, at position) error {
	for range 2 { // if something comes between the two questions it is found the second time
		n, err := s.follow(ctx, Query{}, rsm.Request{Max: s.a.page, After: at.ID}, at.Time.Add(-longAgo))
		switch {
		case at.ID == "":
			return err
		case errors.Is(err, stanza.ItemNotFound):
			return fmt.Errorf("%w: %w", errGone, err)
		case err != nil || n > 0:
			return err
		}
		newest, _, err := s.a.fetch(ctx, Query{}, rsm.Request{Max: 1, Last: true})
		if err != nil || len(newest) == 0 || newest[0].ID == at.ID {
			return err
		}
	}
	return errGone
}

// check looks whether archive and ids can be relied on (XEP-0313 §3.4, XEP-0359 §6).
func (s *catchUp) check(ctx context.Context) error {
	e, err := disco.Info(ctx, s.a.conn, s.a.conn.User().Bare(), "")
	if err != nil {
		return err
	}
	if !e.Has(NS) || !e.Has(stanzaid.NS) {
		return fmt.Errorf("the account announces not both of %s and %s: %w", NS, stanzaid.NS, stanza.FeatureNotImplemented)
	}
	return nil
}

// follow hands over page by page, and counts what there is. What begins earlier than it may is not what was
// asked for.
func (s *catchUp) follow(ctx context.Context, q Query, first rsm.Request, earliest time.Time) (n int, err error) {
	fetch := func(ctx context.Context, r rsm.Request) (rsm.Page[item], error) {
		found, end, err := s.a.fetch(ctx, q, r)
		return rsm.Page[item]{Items: found, Result: end.Set, Complete: end.Complete}, err
	}
	old := 0
	for p, err := range rsm.Pages(ctx, first, fetch) {
		if err == nil && n == 0 && len(p.Items) > 0 && p.Items[0].Time.Before(earliest) {
			err = errGone
		}
		fresh := 0
		if err == nil {
			fresh, err = s.hand(ctx, p.Items)
		}
		if old += len(p.Items); fresh > 0 {
			old = 0
		}
		if err == nil && old > mostKnown {
			err = fmt.Errorf("%w: %d messages that have all come already", rsm.ErrEndless, old)
		}
		if err != nil {
			return n, err
		}
		if n += len(p.Items); p.Result.Last != "" {
			n++ // what can't be read is there too
		}
	}
	return n, nil
}

// begin takes the newest place for the position: what is older was before our time.
func (s *catchUp) begin(ctx context.Context) error {
	s.mu.Lock()
	seq := s.ledger.step() // ahead of all that comes live
	s.mu.Unlock()
	found, _, err := s.a.fetch(ctx, Query{}, rsm.Request{Max: 1, Last: true})
	if err != nil {
		return err
	}
	p := Place{Time: time.Now()}
	if len(found) > 0 {
		p.ID, p.Time = found[len(found)-1].ID, found[len(found)-1].Time
	}
	s.keeper.move(position{p, seq})
	return nil
}

// mostKnown is how many messages in a row may have come already. The ledger knows no more, but for what comes live meanwhile.
const mostKnown = 2 * ledgerSize

// hand delivers a page, but for what has come already and what is nobody's news. It counts what has not come yet.
func (s *catchUp) hand(ctx context.Context, page []item) (fresh int, err error) {
	var passed position
	open := false // something has come already, and its listeners may still be at work
	for _, i := range page {
		m := s.news(i)
		err := s.inTurn(ctx.Done(), func() error {
			e, isFresh := s.meet(i, m == nil)
			if isFresh {
				fresh++
			}
			if isFresh && m != nil {
				open, passed = false, position{}
				return s.a.conn.Deliver(ctx, m)
			}
			open = open || !e.handled
			passed = position{Place{i.ID, i.Time}, e.seq}
			return nil
		})
		if err != nil {
			return fresh, err
		}
	}
	if !open && passed.seq > 0 {
		s.keeper.move(passed)
	}
	return fresh, nil
}

// meet gives a message its place in the archive's order. fresh: nobody has seen it.
func (s *catchUp) meet(i item, handled bool) (e entry, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, known := s.ledger.find(i.ID)
	if fresh = !known || e.held; fresh {
		e = entry{print: s.ledger.fingerprint(i.m), handled: handled}
	}
	if e.seq == 0 {
		e.seq = s.ledger.step()
	}
	s.ledger.set(i.ID, e)
	return e, fresh
}

// news makes of an archive's message what a live one would be, or nil where nobody would hear of it:
// what this device sent itself, what rooms said, errors, and what is no longer there.
func (s *catchUp) news(i item) *stanza.Message {
	m := i.m
	if m == nil || m.Type == stanza.MessageGroupchat || m.Type == stanza.MessageError {
		return nil
	}
	own := i.By
	if m.From.Bare() != own || m.To.Bare() == own {
		return m // a note to ourselves comes in like any other
	}
	if m.From == s.a.conn.User() || s.a.sent.has(m) {
		return nil
	}
	stanza.Mark(m, xmpp.Sent{})
	return m
}
