package stream

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// A Line runs jobs one after another on one goroutine, which exists only while there are
// jobs. A job may step out of line: Async lets the next one start before it has ended.
type Line struct {
	base context.Context

	mu      sync.Mutex
	waiting []Job
	busy    bool // a goroutine owns batch
	stopped bool
	idle    chan struct{} // closed when busy ends; nil: nobody waits

	batch   []Job // owned by the running goroutine
	started atomic.Int64
}

// A Job is something a Line does. Item is what it belongs to; it may be nil.
type Job struct {
	Item *Item
	Do   func(ctx context.Context)
}

// NewLine makes a line whose jobs get a context derived from base.
func NewLine(base context.Context) *Line { return &Line{base: base} }

// Add queues a job, which holds its item until it has ended. On a stopped line it does nothing.
func (l *Line) Add(j Job) {
	j.Item.Retain()
	l.mu.Lock()
	if l.stopped {
		l.mu.Unlock()
		j.Item.Release()
		return
	}
	l.waiting = append(l.waiting, j)
	start := !l.busy
	l.busy = true
	l.mu.Unlock()
	if start {
		go l.loop(0)
	}
}

// Stop drops what waits; a running job ends in its own time.
func (l *Line) Stop() {
	l.mu.Lock()
	l.stopped = true
	dropped := l.waiting
	l.waiting = nil
	l.mu.Unlock()
	for _, j := range dropped {
		j.Item.Release()
	}
}

// Idle waits until nothing runs, or ctx ends.
func (l *Line) Idle(ctx context.Context) {
	l.mu.Lock()
	if !l.busy {
		l.mu.Unlock()
		return
	}
	if l.idle == nil {
		l.idle = make(chan struct{})
	}
	idle := l.idle
	l.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
	}
}

// Age is how long the running job has been running.
func (l *Line) Age() time.Duration {
	s := l.started.Load()
	if s == 0 {
		return 0
	}
	return time.Duration(time.Now().UnixNano() - s)
}

type turnKey struct{}

// A turn is one goroutine's time on a line.
type turn struct {
	line     *Line
	item     *Item // of the running job
	next     int   // in line.batch
	released bool  // another goroutine has the line now
}

func (l *Line) loop(next int) {
	t := &turn{line: l, next: next}
	ctx := context.WithValue(l.base, turnKey{}, t)
	for {
		j, ok := l.take(t)
		if !ok {
			return
		}
		l.started.Store(time.Now().UnixNano())
		t.item = j.Item
		j.Do(ctx)
		if t.released {
			return
		}
		l.started.Store(0)
		j.Item.Release()
	}
}

func (l *Line) take(t *turn) (Job, bool) {
	if t.next < len(l.batch) {
		l.mu.Lock() // only to see Stop at once
		stopped := l.stopped
		l.mu.Unlock()
		j := l.batch[t.next]
		l.batch[t.next] = Job{}
		t.next++
		if !stopped {
			return j, true
		}
		j.Item.Release()
		return l.take(t)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 || l.stopped {
		l.busy = false
		l.batch = nil
		if l.idle != nil {
			close(l.idle)
			l.idle = nil
		}
		return Job{}, false
	}
	l.batch, l.waiting = l.waiting, l.batch[:0]
	t.next = 1
	j := l.batch[0]
	l.batch[0] = Job{}
	return j, true
}

// Async lets the line that runs ctx's job go on with the next one. The job's item counts as
// handled. It must be called from the job itself, before it ends; elsewhere it does nothing.
func Async(ctx context.Context) {
	t, ok := ctx.Value(turnKey{}).(*turn)
	if !ok || t.released {
		return
	}
	t.released = true
	t.item.Release()
	go t.line.loop(t.next)
}

// ItemOf is the item whose job ctx belongs to, or nil.
func ItemOf(ctx context.Context) *Item {
	t, ok := ctx.Value(turnKey{}).(*turn)
	if !ok || t.released {
		return nil
	}
	return t.item
}

// Runs tells whether ctx belongs to a job of this line that is still in line.
func (l *Line) Runs(ctx context.Context) bool {
	t, ok := ctx.Value(turnKey{}).(*turn)
	return ok && t.line == l && !t.released
}
