package rsm

import (
	"context"
	"errors"
	"iter"
	"slices"
)

// ErrCircular is the error of [Pages] and [Items] where the other side sends a page
// that it has sent before, so that the list would never end.
var ErrCircular = errors.New("rsm: the list goes round in circles")

// ErrEndless is the error of [Pages] and [Items] where 200 pages in a row have no item, and each
// says that there is more. Package mam has it also for page after page of messages that it has had already.
var ErrEndless = errors.New("rsm: page after page without anything new")

const mostEmpty = 200

// A Page is a part of a list: its items, in the list's order, and which part it is.
type Page[T any] struct {
	Items  []T
	Result Result
	// Complete says that there is no further page in the direction of the request.
	// Set it where a protocol tells (XEP-0313); without it the list ends with a
	// page without IDs, as an empty one is. Items that couldn't be read may
	// be missing from any page.
	Complete bool
}

// Backwards tells whether the request goes from the end of the list to its beginning.
func (r Request) Backwards() bool { return r.Last || r.Before != "" }

// Next returns the request for the page that follows the one r got. ok is false if
// there is none: the page had no IDs, as an empty one, or r wanted only a count.
func (r Request) Next(of Result) (next Request, ok bool) {
	next = r
	next.Index, next.Last = 0, false
	id := of.Last
	if r.Backwards() {
		id = of.First
		next.Before = id
	} else {
		next.After = id
	}
	return next, id != "" && !r.Count
}

// Pages ranges over a list page by page, from the one that first wants, in that
// one's direction. fetch asks for one page; it blocks, and its errors end the range
// as a pair with a zero Page, as do ctx's, [ErrCircular] and [ErrEndless]. A break fetches
// nothing more; each range begins anew. It holds one page at a time.
func Pages[T any](ctx context.Context, first Request, fetch func(context.Context, Request) (Page[T], error)) iter.Seq2[Page[T], error] {
	return func(yield func(Page[T], error) bool) {
		seen, empty := loop{lap: 1}, 0
		for r, more := first, true; more; {
			p, err := one(ctx, r, fetch)
			if err != nil {
				yield(Page[T]{}, err)
				return
			}
			next, ok := r.Next(p.Result)
			if ok && seen.closes(next) {
				yield(Page[T]{}, ErrCircular)
				return
			}
			if !yield(p, nil) {
				return
			}
			r, more = next, ok && !p.Complete
			if empty++; len(p.Items) > 0 {
				empty = 0
			}
			if more && empty == mostEmpty {
				yield(Page[T]{}, ErrEndless)
				return
			}
		}
	}
}

func one[T any](ctx context.Context, r Request, fetch func(context.Context, Request) (Page[T], error)) (Page[T], error) {
	if ctx.Err() != nil {
		return Page[T]{}, context.Cause(ctx)
	}
	return fetch(ctx, r)
}

// Items is [Pages] item by item. Where the request goes backwards, the list's last
// item comes first. An error comes with a zero item.
func Items[T any](ctx context.Context, first Request, fetch func(context.Context, Request) (Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for p, err := range Pages(ctx, first, fetch) {
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			items := slices.Values(p.Items)
			if first.Backwards() {
				items = backward(p.Items)
			}
			for item := range items {
				if !yield(item, nil) {
					return
				}
			}
		}
	}
}

func backward[T any](items []T) iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, item := range slices.Backward(items) {
			if !yield(item) {
				return
			}
		}
	}
}

// A loop finds a position that comes again, of however many, with the memory of
// one: it remembers one for as many steps as it took to get there, then a newer one
// (R. P. Brent, 1980).
type loop struct {
	mark       Request
	steps, lap int
}

func (l *loop) closes(r Request) bool {
	if r == l.mark {
		return true
	}
	if l.steps++; l.steps == l.lap {
		l.mark, l.steps, l.lap = r, 0, 2*l.lap
	}
	return false
}
