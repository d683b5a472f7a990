package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"time"
)

// report prints a line each second.
func report(ctx context.Context, w io.Writer, bots []*bot, l *ledger) {
	began := time.Now()
	for pause(ctx, time.Second) {
		fmt.Fprintf(w, "%5.0fs %s\n", time.Since(began).Seconds(), line(bots, l))
	}
}

func line(bots []*bot, l *ledger) string {
	var acked, again, reconnects, resumes, resets, told int64
	for _, b := range bots {
		stats := b.conn.Stats()
		acked += stats.Acked
		again += max(0, b.written.Load()-b.accepted.Load()+int64(stats.Outbox))
		reconnects += b.reconnects.Load()
		resumes += b.resumes.Load()
		resets += b.resets.Load()
		told += b.told.Load()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s := l.sums()
	return fmt.Sprintf("sent %d, acked %d, resent %d, missing %d, doubled %d, out of order %d; reconnects %d, resumes %d, resets %d, errors told %d; %d MB, %d goroutines",
		s.sent, acked, again, s.missing, s.doubled, s.jumped, reconnects, resumes, resets, told, m.HeapAlloc>>20, runtime.NumGoroutine())
}

// left is how many stanzas bots still hold.
func left(bots []*bot) (n int) {
	for _, b := range bots {
		stats := b.conn.Stats()
		n += stats.Outbox + stats.Unacked
	}
	return n
}

// verdict prints how it ended; true: well.
func verdict(w io.Writer, bots []*bot, l *ledger) bool {
	s, n := l.sums(), left(bots)
	fmt.Fprintf(w, "       %s\n", line(bots, l))
	fmt.Fprintf(w, "%d messages: %d lost, %d doubled, %d out of order, %d left\n", s.sent, s.missing, s.doubled, s.jumped, n)
	return s.missing == 0 && s.doubled == 0 && s.jumped == 0 && n == 0
}
