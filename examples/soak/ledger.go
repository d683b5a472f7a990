package main

import (
	"context"
	"sync"
	"time"
)

// A ledger says of each message of each bot whether it was sent and how often it arrived.
type ledger struct {
	mu                         sync.Mutex
	arrived                    [][]uint8 // by sender and number
	last                       []int     // by sender: the highest number that arrived
	sent, got, doubled, jumped int
}

func newLedger(bots, messages int) *ledger {
	l := &ledger{arrived: make([][]uint8, bots), last: make([]int, bots)}
	for i := range l.arrived {
		l.arrived[i], l.last[i] = make([]uint8, messages), -1
	}
	return l
}

// send notes that a message was accepted.
func (l *ledger) send() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent++
}

// receive notes that one arrived, and what is wrong with that. What no bot sent is not ours.
func (l *ledger) receive(sender, number int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if sender < 0 || sender >= len(l.arrived) || number < 0 || number >= len(l.arrived[sender]) {
		return
	}
	if l.arrived[sender][number] > 0 {
		l.doubled++
		return
	}
	l.arrived[sender][number]++
	l.got++
	if number < l.last[sender] {
		l.jumped++
	}
	l.last[sender] = max(l.last[sender], number)
}

// sums are what the ledger comes to.
type sums struct{ sent, missing, doubled, jumped int }

func (l *ledger) sums() sums {
	l.mu.Lock()
	defer l.mu.Unlock()
	return sums{l.sent, l.sent - l.got, l.doubled, l.jumped}
}

// wait waits until nothing is missing and settled holds, and a little longer for what comes twice; or for ctx.
func (l *ledger) wait(ctx context.Context, settled func() bool) {
	for l.sums().missing > 0 || !settled() {
		if !pause(ctx, 50*time.Millisecond) {
			return
		}
	}
	pause(ctx, time.Second)
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
