package xmpp

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gosmack/xmpp/internal/stream"
)

// A Feed hands out values of one kind to callbacks and channels, in the order they were emitted.
// Callbacks run on the connection's application goroutine; a value counts as handled when all
// callbacks have returned and all channels were read. It ends with the connection. Make one with
// [NewFeed]; its methods may be called from anywhere.
type Feed[T any] struct {
	c    *Connection
	mu   sync.Mutex                                                // of who changes subs
	subs atomic.Pointer[[]*func(context.Context, *stream.Item, T)] // never changed itself

	channels atomic.Int32 // of subs
}

// must panics where a callback is nil: it is a mistake of the program, and found where it is made.
func must(given bool) {
	if !given {
		panic("xmpp: a nil callback")
	}
}

// NewFeed returns a feed of the connection's.
func NewFeed[T any](c *Connection) *Feed[T] { return &Feed[T]{c: c} }

// Emit hands v to all who listen when it is delivered. ctx is the context of the step or handler
// that emits: the stanza that it belongs to counts as unhandled for as long as v does. Emit
// doesn't wait.
func (f *Feed[T]) Emit(ctx context.Context, v T) {
	item := stream.Hold(ctx) // ctx may be another goroutine's by now
	defer item.Release()
	f.c.app.Add(stream.Job{Item: item, Do: func(ctx context.Context) { f.deliver(ctx, v) }})
}

// routed is Emit for the router's own news of the stanza in its hands.
func (f *Feed[T]) routed(ctx context.Context, v T) {
	f.c.toApp(ctx, stream.Hold(ctx), func(ctx context.Context) { f.deliver(ctx, v) })
}

// deliver calls everyone, on the application goroutine; it tells whether there was anyone.
func (f *Feed[T]) deliver(ctx context.Context, v T) bool {
	subs := f.listeners()
	var item *stream.Item
	if f.channels.Load() > 0 {
		item = stream.Hold(ctx) // a callback may step out of line before a channel takes it
		defer item.Release()
	}
	for _, sub := range subs {
		f.c.guard(func() { (*sub)(ctx, item, v) })
	}
	return len(subs) > 0
}

// listened tells whether anybody listens.
func (f *Feed[T]) listened() bool {
	return len(f.listeners()) > 0
}

func (f *Feed[T]) listeners() []*func(context.Context, *stream.Item, T) {
	if subs := f.subs.Load(); subs != nil {
		return *subs
	}
	return nil
}

// change makes another list of who listens.
func (f *Feed[T]) change(to func([]*func(context.Context, *stream.Item, T)) []*func(context.Context, *stream.Item, T)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	subs := to(slices.Clone(f.listeners()))
	f.subs.Store(&subs)
}

// On registers a callback; nil panics. It may wait for anything but a later callback or channel
// value of the same connection: for that, call [Async] first. Meanwhile later callbacks wait. stop
// doesn't wait and may be called inside the callback.
func (f *Feed[T]) On(callback func(context.Context, T)) (stop func()) {
	must(callback != nil)
	return f.subscribe(func(ctx context.Context, _ *stream.Item, v T) { callback(ctx, v) })
}

func (f *Feed[T]) subscribe(callback func(context.Context, *stream.Item, T)) (stop func()) {
	type list = []*func(context.Context, *stream.Item, T)
	sub := &callback
	f.change(func(subs list) list { return append(subs, sub) })
	var stopped sync.Once
	return func() {
		stopped.Do(func() {
			f.change(func(subs list) list {
				return slices.DeleteFunc(subs, func(s *func(context.Context, *stream.Item, T)) bool { return s == sub })
			})
		})
	}
}

// Chan returns a channel of the values from now on. What isn't read counts to the connection's
// bounds, so an unread channel stalls its connection until ctx ends. It is closed when ctx ends or
// the connection is closed for good.
func (f *Feed[T]) Chan(ctx context.Context) <-chan T {
	return feedChan(f, ctx, func(v T) (T, bool) { return v, true }, nil)
}

// feedChan subscribes a channel to what pick makes of the values. With a key, an unread value is
// replaced by a newer one of its key.
func feedChan[T, U any](f *Feed[T], ctx context.Context, pick func(T) (U, bool), key func(U) any) <-chan U {
	b := &backlog[U]{more: make(chan struct{}, 1), key: key}
	out := make(chan U)
	f.channels.Add(1)
	stop := f.subscribe(func(_ context.Context, item *stream.Item, v T) {
		if u, ok := pick(v); ok {
			b.push(u, item)
		}
	})
	go func() {
		defer close(out)
		defer b.end()
		defer f.channels.Add(-1)
		defer stop()
		for {
			v, item, ok := b.pop()
			if !ok {
				select {
				case <-b.more:
					continue
				case <-ctx.Done():
				case <-f.c.done.C():
				}
				return
			}
			select {
			case out <- v:
				item.Release()
			case <-ctx.Done():
				item.Release()
				return
			case <-f.c.done.C():
				item.Release()
				return
			}
		}
	}()
	return out
}

// A backlog is what one channel's reader has not taken.
type backlog[T any] struct {
	more chan struct{} // has one when something was pushed
	key  func(T) any   // nil: every value counts

	mu     sync.Mutex
	queue  []waiting[T]
	newest map[any]T // by key, for what is in queue
	ended  bool
}

type waiting[T any] struct {
	value T // unless there is a key
	key   any
	item  *stream.Item
}

func (b *backlog[T]) push(v T, item *stream.Item) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return
	}
	w := waiting[T]{value: v, item: item}
	if b.key != nil {
		// What newer news replaces need not hold anything up.
		w = waiting[T]{key: b.key(v)}
		if b.newest == nil {
			b.newest = make(map[any]T)
		}
		_, queued := b.newest[w.key]
		b.newest[w.key] = v
		if queued {
			return
		}
	}
	w.item.Retain()
	b.queue = append(b.queue, w)
	select {
	case b.more <- struct{}{}:
	default:
	}
}

func (b *backlog[T]) pop() (v T, item *stream.Item, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) == 0 {
		b.queue, b.newest = nil, nil
		return v, nil, false
	}
	w := b.queue[0]
	b.queue[0] = waiting[T]{}
	b.queue = b.queue[1:]
	if b.key != nil {
		w.value = b.newest[w.key]
		delete(b.newest, w.key)
	}
	return w.value, w.item, true
}

func (b *backlog[T]) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	for _, w := range b.queue {
		w.item.Release()
	}
	b.queue, b.newest = nil, nil
}
