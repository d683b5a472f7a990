package stream

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Signal is a channel that is closed once, and that exists only if somebody waits for it: a connection has many of them, and for
// most of its life nobody does. The zero Signal is open.
type Signal struct {
	c atomic.Pointer[chan struct{}]
}

// given stands for the channel of a Signal that was closed before anybody waited.
var given = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// C is the channel.
func (s *Signal) C() <-chan struct{} {
	if s.c.Load() == nil {
		c := make(chan struct{})
		s.c.CompareAndSwap(nil, &c)
	}
	return *s.c.Load()
}

// Close closes the channel; it must be called only once.
func (s *Signal) Close() {
	if !s.c.CompareAndSwap(nil, &given) {
		close(*s.c.Load())
	}
}

// A life is the context of what ends once. It does what one of package context does, and at rest keeps neither a channel nor a map.
type life struct {
	over  Signal
	ended atomic.Bool

	mu    sync.Mutex
	hooks []*func()
}

// Deadline, Done, Err and Value make it a context.Context.
func (l *life) Deadline() (time.Time, bool) { return time.Time{}, false }
func (l *life) Done() <-chan struct{}       { return l.over.C() }
func (l *life) Value(any) any               { return nil }

func (l *life) Err() error {
	if l.ended.Load() {
		return context.Canceled
	}
	return nil
}

// AfterFunc is context.AfterFunc, which it also is for the contexts that are derived from this one.
func (l *life) AfterFunc(f func()) (stop func() bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended.Load() {
		go f()
		return func() bool { return false }
	}
	hook := &f
	l.hooks = append(l.hooks, hook)
	return func() bool { return l.forget(hook) }
}

func (l *life) forget(hook *func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.hooks, hook)
	if i < 0 {
		return false
	}
	if l.hooks = slices.Delete(l.hooks, i, i+1); len(l.hooks) == 0 {
		l.hooks = nil
	}
	return true
}

// end ends it; the first call counts.
func (l *life) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended.Swap(true) {
		return
	}
	l.over.Close()
	for _, f := range l.hooks {
		go (*f)()
	}
	l.hooks = nil
}
