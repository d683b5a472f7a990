package stream

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// A Line runs jobs one after another on one goroutine, which exists only while there are
// jobs. A job may step out of line: Async lets the next one start before it has ended.
type Line struct {
	base  context.Context
	stage stage
	to    *Line // the stage that they make jobs for; nil: none

	lingers bool // other processors bring more meanwhile

	Rests interface{ Poke() } // hears that there is nothing left to do; nil: nobody cares

	mu      sync.Mutex
	waiting []Job
	busy    bool          // a goroutine owns batch
	parked  bool          // … which waits for more, and is woken by wake
	wake    chan struct{} // made when it is needed first
	idle    chan struct{} // closed when there is nothing left to do; nil: nobody waits

	stopped atomic.Bool
	came    atomic.Bool // something has been handed since batch was taken
	working atomic.Bool // busy and not parked
	fed     atomic.Bool // more will come soon: the goroutine stays
	batch   []Job       // owned by the running goroutine
	started atomic.Int64

	aheadMu sync.Mutex // before mu
	ahead   []Job      // what Queue has taken and Flush is to add
}

// A stage is the place of a line that every stanza passes; it has a turn in each Item.
type stage uint8

const (
	noStage stage = iota
	routing
	applying
	stages
)

// A Job is something a Line does. Item is what it belongs to; it may be nil.
type Job struct {
	Item *Item
	Do   func(ctx context.Context)
}

// hold takes the job's item; one that is handled already is nobody's.
func (j *Job) hold() {
	if !j.Item.retain() {
		j.Item = nil
	}
}

// NewLine makes a line whose jobs get a context derived from base.
func NewLine(base context.Context) *Line { return &Line{base: base} }

// Init makes l what NewLine returns.
func (l *Line) Init(base context.Context) { l.base = base }

// InitStages makes the lines that every stanza passes.
func InitStages(base context.Context, router, application *Line) {
	router.base, router.stage, router.to, router.lingers = base, routing, application, runtime.GOMAXPROCS(0) > 1
	application.base, application.stage = base, applying
}

// Add queues a job, which holds its item until it has ended. On a stopped line it does nothing.
func (l *Line) Add(j Job) {
	j.hold()
	if l.hand(append(jobArrays.get(), j)) {
		go l.loop(0)
	}
}

// Queue is Add that takes over the caller's hold, and which Flush completes: many cost little more than one then.
func (l *Line) Queue(j Job) {
	l.aheadMu.Lock()
	if l.ahead == nil {
		l.ahead = jobArrays.get()
	}
	l.ahead = append(l.ahead, j)
	full := len(l.ahead) >= flushAt
	l.aheadMu.Unlock()
	if !l.fed.Load() {
		l.fed.Store(true)
	}
	if full {
		l.Flush()
	}
}

const flushAt = 32 // jobs

// Flush adds what was queued.
func (l *Line) Flush() {
	if start, _ := l.flush(); start {
		go l.loop(0)
	}
}

// Lull says that nothing more is to be expected soon: a goroutine that has nothing to do needn't stay.
func (l *Line) Lull() {
	l.fed.Store(false)
	l.mu.Lock()
	l.unpark()
	l.mu.Unlock()
}

// unpark lets a goroutine that waits look again. l.mu is held.
func (l *Line) unpark() {
	if l.parked {
		l.parked = false
		l.wake <- struct{}{}
	}
}

// flush is Flush, but for the goroutine that is to run the loop.
func (l *Line) flush() (start, handed bool) {
	l.aheadMu.Lock()
	defer l.aheadMu.Unlock()
	if len(l.ahead) == 0 {
		return false, false
	}
	start = l.hand(l.ahead)
	l.ahead = nil
	return start, true
}

// hand queues jobs whose items are held already, in an array of jobArrays that it takes over, and tells whether a goroutine has to run
// the loop now.
func (l *Line) hand(jobs []Job) (start bool) {
	l.mu.Lock()
	if l.stopped.Load() {
		l.mu.Unlock()
		for _, j := range jobs {
			j.Item.drop()
		}
		return false
	}
	if len(l.waiting) == 0 {
		l.waiting, jobs = jobs, l.waiting
	} else {
		l.waiting = append(l.waiting, jobs...)
	}
	jobArrays.put(jobs)
	start = !l.busy
	l.busy = true
	l.working.Store(true)
	l.came.Store(true)
	l.unpark()
	l.mu.Unlock()
	return start
}

// Stop drops what waits; a running job ends in its own time.
func (l *Line) Stop() {
	l.mu.Lock()
	l.stopped.Store(true)
	dropped := l.waiting
	l.waiting = nil
	l.unpark()
	l.mu.Unlock()
	for _, j := range dropped {
		j.Item.drop()
	}
}

// Idle waits until nothing runs, or ctx ends.
func (l *Line) Idle(ctx context.Context) {
	l.mu.Lock()
	if !l.busy || l.parked {
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

// Works tells whether there are jobs.
func (l *Line) Works() bool { return l.working.Load() }

// Age is how long the running job has been running.
func (l *Line) Age() time.Duration {
	s := l.started.Load()
	if s == 0 {
		return 0
	}
	return time.Duration(Clock() - s)
}

var process = time.Now()

// Clock is the monotonic time in nanoseconds, never 0. It costs half of what time.Now does, which has to
// know the date as well.
func Clock() int64 { return int64(time.Since(process)) | 1 }

type turnKey struct{}

// A turn is one job's time on a line, and its context.
type turn struct {
	line *Line
	item *Item
	next int32 // in line.batch
	// over: the job has ended, or another goroutine has the line now. A context that is kept past
	// that means nothing.
	over atomic.Bool
}

// The turn is a context: that of the line, and itself as a value.

func (t *turn) Deadline() (time.Time, bool) { return t.line.base.Deadline() }
func (t *turn) Done() <-chan struct{}       { return t.line.base.Done() }
func (t *turn) Err() error                  { return t.line.base.Err() }

func (t *turn) Value(key any) any {
	if key == (turnKey{}) {
		return t
	}
	return t.line.base.Value(key)
}

// turnOf is the turn that ctx belongs to, or nil.
func turnOf(ctx context.Context) *turn {
	if t, ok := ctx.(*turn); ok {
		return t
	}
	t, _ := ctx.Value(turnKey{}).(*turn)
	return t
}

// end ends the turn once; false: it was over.
func (t *turn) end() bool { return t.over.CompareAndSwap(false, true) }

// turn is a job's turn: that of its item on this stage if it is the first, which saves an allocation.
func (l *Line) turn(it *Item, next int) *turn {
	var t *turn
	if it != nil && l.stage != noStage && it.turns[l.stage-1].line == nil {
		t = &it.turns[l.stage-1]
	} else {
		t = new(turn)
	}
	t.line, t.item, t.next = l, it, int32(next)
	return t
}

func (l *Line) loop(next int) {
	for {
		j, ok := l.take(&next)
		if !ok {
			return
		}
		if l.stage != routing {
			l.started.Store(Clock())
		}
		t := l.turn(j.Item, next)
		j.Do(t)
		if !t.end() {
			return
		}
		j.Item.Release()
	}
}

// take is the next job. false: the goroutine has none, and ends.
func (l *Line) take(next *int) (j Job, ok bool) {
	for {
		for *next < len(l.batch) {
			j := l.batch[*next]
			l.batch[*next] = Job{}
			*next++
			if !l.stopped.Load() {
				return j, true
			}
			j.Item.drop()
		}
		start, handed := false, false
		if l.to != nil {
			start, handed = l.to.flush()
		}
		if l.lingers && l.fed.Load() {
			if start {
				go l.to.loop(0)
			}
			l.linger(handed)
			start, handed = false, false
		}
		l.mu.Lock()
		l.came.Store(false)
		more := len(l.waiting) > 0 && !l.stopped.Load()
		stay := more || l.fed.Load() && !l.stopped.Load()
		if more {
			l.batch, l.waiting = l.waiting, l.batch[:0]
			*next = 0
		} else {
			l.rest(stay)
		}
		l.mu.Unlock()
		if !more && l.Rests != nil {
			l.Rests.Poke()
		}
		switch {
		case !stay && l.to != nil:
			l.to.Lull()
			if start {
				l.to.loop(0) // on this goroutine, which has nothing else to do
			}
			return Job{}, false
		case !stay:
			return Job{}, false
		case start:
			go l.to.loop(0)
		}
		switch {
		case !more:
			<-l.wake
		case handed:
			// The stage behind goes on here, where what it works on is at hand, and not when this one has
			// nothing left to do: by then the reader would have paused.
			runtime.Gosched()
		}
	}
}

// linger looks for more jobs for a while, because more will come soon: where the goroutine waits for them its thread goes to sleep, and
// waking that takes as long as tens of jobs. The stage behind, where it has been handed something, goes first: what it works on is at hand,
// and by the time this one has nothing left to do the reader would have paused.
func (l *Line) linger(handed bool) {
	for i := 0; i < lingerFor && (i == 0 && handed || l.fed.Load() && !l.came.Load()); i++ {
		runtime.Gosched()
	}
}

// lingerFor is how many turns of other goroutines; without any it is some 300 µs.
const lingerFor = 3000

// rest notes that there is nothing to do. The goroutine ends, unless it is to stay and wait. l.mu is held.
func (l *Line) rest(stay bool) {
	l.busy, l.parked = stay, stay
	l.working.Store(false)
	if l.idle != nil {
		close(l.idle)
		l.idle = nil
	}
	l.started.Store(0)
	if stay {
		if l.wake == nil {
			l.wake = make(chan struct{}, 1)
		}
		return
	}
	jobArrays.put(l.batch)
	jobArrays.put(l.waiting[:0])
	l.batch, l.waiting, l.wake = nil, nil, nil
}

// Async lets the line that runs ctx's job go on with the next one. The job's item counts as
// handled. It must be called from the job itself, before it ends; elsewhere it does nothing.
func Async(ctx context.Context) {
	t := turnOf(ctx)
	if t == nil || !t.end() {
		return
	}
	t.item.Release()
	go t.line.loop(int(t.next))
}

// Hold is the item whose job ctx belongs to, held once more for the caller to release, or nil
// where that job is over.
func Hold(ctx context.Context) *Item {
	it := ItemOf(ctx)
	if !it.retain() {
		return nil
	}
	return it
}

// ItemOf is the item whose job ctx belongs to, for that job's own use, or nil where it is over.
func ItemOf(ctx context.Context) *Item {
	t := turnOf(ctx)
	if t == nil || t.over.Load() {
		return nil
	}
	return t.item
}

// Runs tells whether ctx belongs to a job of this line that is still in line.
func (l *Line) Runs(ctx context.Context) bool {
	t := turnOf(ctx)
	return t != nil && t.line == l && !t.over.Load()
}
