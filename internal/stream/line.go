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
		j.Item.drop()
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
		j.Item.drop()
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

// A turn is one job's time on a line.
type turn struct {
	line *Line
	item *Item
	next int // in line.batch

	mu sync.Mutex
	// over: the job has ended, or another goroutine has the line now. A context that is kept past
	// that means nothing.
	over bool
}

// end ends the turn once; false: it was over.
func (t *turn) end() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.over
	t.over = true
	return !was
}

func (l *Line) loop(next int) {
	for {
		j, ok := l.take(&next)
		if !ok {
			return
		}
		l.started.Store(time.Now().UnixNano())
		t := &turn{line: l, item: j.Item, next: next}
		j.Do(context.WithValue(l.base, turnKey{}, t))
		if !t.end() {
			return
		}
		j.Item.Release()
	}
}

func (l *Line) take(next *int) (Job, bool) {
	for *next < len(l.batch) {
		l.mu.Lock() // only to see Stop at once
		stopped := l.stopped
		l.mu.Unlock()
		j := l.batch[*next]
		l.batch[*next] = Job{}
		*next++
		if !stopped {
			return j, true
		}
		j.Item.drop()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 || l.stopped {
		l.busy = false
		l.batch = nil
		l.started.Store(0)
		if l.idle != nil {
			close(l.idle)
			l.idle = nil
		}
		return Job{}, false
	}
	l.batch, l.waiting = l.waiting, l.batch[:0]
	*next = 1
	j := l.batch[0]
	l.batch[0] = Job{}
	return j, true
}

// Async lets the line that runs ctx's job go on with the next one. The job's item counts as
// handled. It must be called from the job itself, before it ends; elsewhere it does nothing.
func Async(ctx context.Context) {
	t, ok := ctx.Value(turnKey{}).(*turn)
	if !ok || !t.end() {
		return
	}
	t.item.Release()
	go t.line.loop(t.next)
}

// Hold is the item whose job ctx belongs to, held once more for the caller to release, or nil
// where that job is over.
func Hold(ctx context.Context) *Item {
	t, ok := ctx.Value(turnKey{}).(*turn)
	if !ok {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return nil
	}
	t.item.Retain()
	return t.item
}

// ItemOf is the item whose job ctx belongs to, for that job's own use, or nil where it is over.
func ItemOf(ctx context.Context) *Item {
	t, ok := ctx.Value(turnKey{}).(*turn)
	if !ok {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return nil
	}
	return t.item
}

// Runs tells whether ctx belongs to a job of this line that is still in line.
func (l *Line) Runs(ctx context.Context) bool {
	t, ok := ctx.Value(turnKey{}).(*turn)
	if !ok || t.line != l {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.over
}
