package mam

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/delay"
	"github.com/gosmack/xmpp/xep/disco"
	"github.com/gosmack/xmpp/xep/forms"
	"github.com/gosmack/xmpp/xep/rsm"
)

// defaultPage is a page's size where nobody says: the limit of Prosody and ejabberd as installed.
const defaultPage = 50

// A Query says which messages are wanted (XEP-0313 §4.1). The zero value wants all of our own
// account, oldest first.
type Query struct {
	// Archive is whose archive is asked: a room's address, or zero for our own account's.
	Archive jid.JID
	// With wants the messages to and from one address; a bare one stands for all of its
	// resources, our own for what we sent to ourselves. In a room it is the sender.
	With jid.JID
	// Since and Until bound the time at which the archive got the message, both inclusive.
	Since, Until time.Time
	// After and Before are IDs in the archive, both exclusive. After with Newest and Before without
	// it need a server with extended queries, which is asked for that first.
	After, Before string
	// IDs wants exactly these messages. It needs extended queries too.
	IDs []string
	// Text wants messages that match it in the server's own way (XEP-0431), where it can search.
	Text string

	// Newest begins with the newest message and goes back. This, Limit and PageSize are for
	// Messages; of Page the request says as much.
	Newest bool
	// Limit is how many messages are wanted at most; 0: all.
	Limit int
	// PageSize is how many are asked for at a time; 0: what the Options say.
	PageSize int
}

// Archived is the mark on each message from an archive.
type Archived = xmpp.Archived

// Messages ranges over the messages of a query, fetching page by page as the range goes on; a break
// fetches nothing more, and each range begins afresh. Each message is the one that was archived,
// with the mark [Archived]; nobody else hears of it, and it passes no extension's steps. What an
// archive has removed (XEP-0313 §3.2) or what can't be read is left out, the latter reported. It
// blocks for each page and may be called from any callback, but from no step and no IQ handler. An
// error is the last pair: one of [xmpp.Connection.Set], of stanza.ItemNotFound where an ID is not
// in the archive, stanza.FeatureNotImplemented where it lacks what the query needs, [ErrTooMuch],
// [rsm.ErrCircular] and [rsm.ErrEndless]. xmpp.SafeToRetry knows those of a lost connection.
func (a *Archive) Messages(ctx context.Context, q Query) iter.Seq2[*stanza.Message, error] {
	return func(yield func(*stanza.Message, error) bool) {
		filter, first := a.split(q)
		fetch := func(ctx context.Context, r rsm.Request) (rsm.Page[*stanza.Message], error) {
			return a.Page(ctx, filter, r)
		}
		left := q.Limit
		for m, err := range rsm.Items(ctx, first, fetch) {
			if !yield(m, err) {
				return
			}
			if left--; left == 0 {
				return
			}
		}
	}
}

// split parts a query in what selects and where the first page begins. A bound at the end that the
// range begins at is the page's: every archive knows it (XEP-0313 §9).
func (a *Archive) split(q Query) (Query, rsm.Request) {
	r := rsm.Request{Max: q.PageSize}
	if r.Max <= 0 {
		r.Max = a.page
	}
	if q.Limit > 0 {
		r.Max = min(r.Max, q.Limit)
	}
	if q.Newest {
		r.Before, q.Before = q.Before, ""
		r.Last = r.Before == ""
	} else {
		r.After, q.After = q.After, ""
	}
	return q, r
}

// Page fetches one page of a query, in the archive's order whatever the direction. r says where it
// is and how long; its zero value is the beginning. What is said at [Archive.Messages] holds.
func (a *Archive) Page(ctx context.Context, q Query, r rsm.Request) (rsm.Page[*stanza.Message], error) {
	found, end, err := a.fetch(ctx, q, r)
	if err != nil {
		return rsm.Page[*stanza.Message]{}, err
	}
	p := rsm.Page[*stanza.Message]{Result: end.Set, Complete: end.Complete}
	for _, f := range found {
		if f.m != nil {
			p.Items = append(p.Items, f.m)
		}
	}
	return p, nil
}

// fetch asks for one page and waits for all of it.
func (a *Archive) fetch(ctx context.Context, q Query, r rsm.Request) ([]item, fin, error) {
	if q.Archive == a.conn.User().Bare() {
		q.Archive = jid.JID{}
	}
	if r.Max <= 0 {
		r.Max = a.page
	}
	if err := a.check(ctx, q); err != nil {
		return nil, fin{}, err
	}
	g := &gathering{archive: q.Archive, most: r.Max}
	id := a.begin(g)
	var end fin
	// In order, so that the router has seen all results when the answer is here.
	err := a.conn.Set(xmpp.InOrder(ctx), q.Archive, query{ID: id, Form: q.form(), Set: r}, &end)
	found, fault := a.end(id)
	if err == nil {
		err = fault
	}
	if err != nil {
		return nil, fin{}, fmt.Errorf("mam: archive of %v: %w", a.name(q.Archive), again(err))
	}
	return found, end, nil
}

// check asks an archive whether it knows what not all do. Clients must (XEP-0313 §4.1).
func (a *Archive) check(ctx context.Context, q Query) error {
	if q.After == "" && q.Before == "" && len(q.IDs) == 0 {
		return nil
	}
	of := a.name(q.Archive)
	e, err := disco.Info(ctx, a.conn, of, "")
	if err != nil {
		return fmt.Errorf("mam: features of %v: %w", of, err)
	}
	if !e.Has(nsExtended) {
		return fmt.Errorf("mam: archive of %v: no extended queries: %w", of, stanza.FeatureNotImplemented)
	}
	return nil
}

// name is the address of an archive.
func (a *Archive) name(archive jid.JID) jid.JID {
	if archive.IsZero() {
		return a.conn.User().Bare()
	}
	return archive
}

// form writes the query's fields (XEP-0313 §4.1).
func (q Query) form() forms.Form {
	var fields []forms.Field
	add := func(name string, values ...string) {
		if len(values) > 0 && values[0] != "" {
			fields = append(fields, forms.Text(name, values...))
		}
	}
	add("with", q.With.String())
	if !q.Since.IsZero() {
		add("start", delay.FormatDateTime(q.Since))
	}
	if !q.Until.IsZero() {
		add("end", delay.FormatDateTime(q.Until))
	}
	add("after-id", q.After)
	add("before-id", q.Before)
	add("ids", q.IDs...)
	add("{urn:xmpp:fulltext:0}fulltext", q.Text)
	if fields == nil {
		return forms.Form{}
	}
	return forms.New(forms.Submit, NS, fields...)
}

// A repeatable error is one of a query that got no answer: it changes nothing, so it may be asked
// again.
type repeatable struct{ error }

func (e *repeatable) Unwrap() error { return e.error }

// SafeToRetry is true.
func (*repeatable) SafeToRetry() bool { return true }

func again(err error) error {
	if _, refused := errors.AsType[*stanza.Error](err); refused || errors.Is(err, ErrTooMuch) {
		return err
	}
	return &repeatable{err}
}
