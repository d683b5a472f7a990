package xmpp

import (
	"runtime/debug"
	"sync"
	"time"
)

// guard runs user code: with the panic hook set a panic ends only the call.
func (c *Connection) guard(f func()) {
	if hook := c.cfg.OnPanic; hook != nil {
		defer func() {
			if v := recover(); v != nil {
				hook(v, debug.Stack())
			}
		}()
	}
	f()
}

// Report tells OnError and the logger of an error that has no caller, such as something a peer got
// wrong that an extension had to leave out.
func (c *Connection) Report(err error) {
	if err != nil {
		c.report(err)
	}
}

// report tells of an error that has no caller.
func (c *Connection) report(err error) {
	c.stats.reported.Add(1)
	if !c.reports.take(time.Now()) {
		return
	}
	c.log.Warn("dropped or failed", "error", err)
	if c.cfg.OnError != nil {
		c.guard(func() { c.cfg.OnError(err) })
	}
}

// A bucket lets through a burst and then so many a second: what peers cause should not fill a disk.
type bucket struct {
	mu   sync.Mutex
	left float64
	at   time.Time
}

const (
	reportBurst = 100
	reportRate  = 10
)

func (b *bucket) take(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.at.IsZero() {
		b.left = reportBurst
	} else {
		b.left = min(reportBurst, b.left+now.Sub(b.at).Seconds()*reportRate)
	}
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// SlowConsumer says that the reader has paused because callbacks or channels of the application
// don't keep up.
type SlowConsumer struct {
	Paused  time.Duration // how long the reader has paused
	Handler time.Duration // how long the callback has run that is running; 0: a channel is not read
	Stanzas int           // received and not handled
	Bytes   int
}

// OnSlowConsumer registers f, called each 5 s while the reader is paused. f must return promptly.
func (c *Connection) OnSlowConsumer(f func(SlowConsumer)) (stop func()) { return c.slow.subscribe(f) }

func (c *Connection) slowed(paused time.Duration) {
	count, bytes := c.inbound.Pending()
	s := SlowConsumer{Paused: paused, Handler: c.app.Age(), Stanzas: count, Bytes: bytes}
	c.log.Warn("slow consumer: reading pauses", "paused", s.Paused, "handler", s.Handler, "stanzas", count, "bytes", bytes)
	c.slow.emit(c.life, s, c.guard)
}
