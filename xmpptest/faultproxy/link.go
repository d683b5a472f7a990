package faultproxy

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	chunkSize = 16 << 10
	chunks    = 256 // of one direction on their way, so that a delay is no limit of bandwidth
)

// A link is one connection through the proxy.
type link struct {
	proxy  *Proxy
	faults Faults
	client *net.TCPConn

	done    context.Context // ends with the link
	finish  context.CancelFunc
	mu      sync.Mutex
	server  *net.TCPConn // nil until it is dialed
	silent  bool         // nothing passes any more; each end may close its connection
	passed  int64        // both ways
	stalled time.Time    // until then nothing passes
}

// serve dials and passes on until both directions have ended.
func (l *link) serve() {
	conn, err := new(net.Dialer).DialContext(l.done, "tcp", l.proxy.target)
	if err != nil {
		l.close(reset)
		return
	}
	l.mu.Lock()
	l.server = conn.(*net.TCPConn)
	l.mu.Unlock()
	if l.isSilent() { // cut meanwhile
		l.close(reset)
		return
	}
	var wg sync.WaitGroup
	l.pass(&wg, l.server, l.client, &l.proxy.up, l.faults.CutUp, l.faults.DelayUp)
	l.pass(&wg, l.client, l.server, &l.proxy.down, l.faults.CutDown, l.faults.DelayDown)
	wg.Wait()
	l.close((*net.TCPConn).Close)
}

// A chunk is what one read brought.
type chunk struct {
	data []byte
	due  time.Time // when it arrives
}

// pass starts one direction.
func (l *link) pass(wg *sync.WaitGroup, to, from *net.TCPConn, count *atomic.Int64, cut int64, delay time.Duration) {
	way := make(chan chunk, chunks)
	wg.Go(func() { l.read(from, way, delay) })
	wg.Go(func() { l.write(to, way, count, cut) })
}

// read takes what comes. An orderly end is passed on behind it, any other at once.
func (l *link) read(from *net.TCPConn, way chan<- chunk, delay time.Duration) {
	defer close(way)
	for {
		buf := make([]byte, chunkSize)
		n, err := from.Read(buf)
		if n > 0 {
			select {
			case way <- chunk{buf[:n], time.Now().Add(delay)}:
			case <-l.done.Done():
				return
			}
		}
		if err != nil {
			if l.isSilent() {
				_ = from.Close() // the other end must not hear of it
			} else if err != io.EOF {
				l.end(RST, false)
			}
			return
		}
	}
}

func (l *link) write(to *net.TCPConn, way <-chan chunk, count *atomic.Int64, cut int64) {
	var passed int64
	for c := range way {
		for len(c.data) > 0 && l.ready(c.due) {
			part := c.data
			if cut > 0 {
				part = part[:min(int64(len(part)), cut-passed)]
			}
			part = part[:l.spend(len(part))]
			passed += int64(len(part))
			last := cut > 0 && passed == cut
			if last && !l.silence(true) { // from here on nothing passes the other way
				break
			}
			count.Add(int64(len(part)))
			if _, err := to.Write(part); err != nil {
				l.close(reset)
				break
			}
			if last {
				l.part(l.faults.End)
			}
			c.data = c.data[len(part):]
		}
	}
	if !l.isSilent() {
		_ = to.CloseWrite()
	}
}

// ready waits until what is due then may pass; false: nothing will any more.
func (l *link) ready(due time.Time) bool {
	for {
		l.mu.Lock()
		gone := l.done.Err() != nil || l.silent
		if due.Before(l.stalled) {
			due = l.stalled
		}
		l.mu.Unlock()
		stall := l.proxy.stall()
		wait := time.Until(due)
		switch {
		case gone:
			return false
		case stall != nil:
			select {
			case <-stall:
			case <-l.done.Done():
			}
		case wait > 0:
			timer := time.NewTimer(wait)
			select {
			case <-timer.C:
			case <-l.done.Done():
			}
			timer.Stop()
		default:
			return true
		}
	}
}

// spend returns how many of n bytes may pass before the stall of the faults, which begins behind them.
func (l *link) spend(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if left := l.faults.StallAfter - l.passed; l.faults.Stall > 0 && left > 0 && left <= int64(n) {
		n = int(left)
		l.stalled = time.Now().Add(l.faults.Stall)
	}
	l.passed += int64(n)
	return n
}

func (l *link) isSilent() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.silent
}

// end ends the link, if it has not begun to end.
func (l *link) end(how End, cut bool) {
	if l.silence(cut) {
		l.part(how)
	}
}

// silence lets nothing pass any more, and counts that as a cut or not; false: nothing did.
func (l *link) silence(cut bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.silent {
		return false
	}
	l.silent = true
	if cut {
		l.proxy.cut.Add(1)
	}
	return true
}

// part shows the end to both ends.
func (l *link) part(how End) {
	switch how {
	case RST:
		l.close(reset)
	case FIN:
		// Closing would reset where something that came is unread. So each end is told, and what it still sends is dropped.
		l.mu.Lock()
		defer l.mu.Unlock()
		_ = l.client.CloseWrite()
		if l.server != nil {
			_ = l.server.CloseWrite()
		}
	}
}

// close ends both connections.
func (l *link) close(how func(*net.TCPConn) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silent = true
	l.finish()
	_ = how(l.client)
	if l.server != nil {
		_ = how(l.server)
	}
}

// reset closes a connection so that its other end sees a reset.
func reset(c *net.TCPConn) error { return errors.Join(c.SetLinger(0), c.Close()) }
