package xmpp

import (
	"context"
	"slices"
	"sync"
)

// A queueLock is a lock that can be waited for with a context. Who has waited longest is next.
type queueLock struct {
	mu      sync.Mutex
	taken   bool
	waiting []chan struct{} // closed when it is theirs
}

// take waits for the turn, or until ctx ends.
func (q *queueLock) take(ctx context.Context) error {
	q.mu.Lock()
	if !q.taken {
		q.taken = true
		q.mu.Unlock()
		return nil
	}
	mine := make(chan struct{})
	q.waiting = append(q.waiting, mine)
	q.mu.Unlock()
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	i := slices.Index(q.waiting, mine)
	if i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
	q.mu.Unlock()
	if i < 0 {
		q.give() // it has just become ours
	}
	return context.Cause(ctx)
}

// give lets the next one have it.
func (q *queueLock) give() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.taken, q.waiting = false, nil
		return
	}
	close(q.waiting[0])
	q.waiting = q.waiting[1:]
}
