package xmpptest

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// half is one direction of an in-memory connection: a bounded buffer. The
// lock is only ever held for a moment; whoever has to wait does so on a
// channel, because a goroutine that waits for a mutex does not let the clock
// of a testing/synctest bubble advance.
type half struct {
	mu            sync.Mutex
	size          int           // most bytes that wait, at least 1
	data          []byte        // what waits to be read
	waiting       int           // goroutines that wait for changed
	changed       chan struct{} // closed and replaced when anything here changes
	readDeadline  time.Time
	writeDeadline time.Time
	readClosed    bool // the reading side is gone: writes fail
	writeClosed   bool // the writing side is gone: reads end after data
}

func newHalf(size int) *half {
	return &half{size: size, changed: make(chan struct{})}
}

// notify wakes everyone who waits. The caller holds mu.
func (h *half) notify() {
	if h.waiting > 0 {
		close(h.changed)
		h.changed = make(chan struct{})
		h.waiting = 0
	}
}

// wait returns after a change or at the deadline. The caller holds mu, which
// is given up meanwhile.
func (h *half) wait(deadline time.Time) {
	changed := h.changed
	h.waiting++
	h.mu.Unlock()
	defer h.mu.Lock()
	if deadline.IsZero() {
		<-changed
		return
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	}
}

func expired(deadline time.Time) bool {
	return !deadline.IsZero() && !time.Now().Before(deadline)
}

func (h *half) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.readClosed:
			return 0, net.ErrClosed
		case expired(h.readDeadline):
			return 0, os.ErrDeadlineExceeded
		case len(h.data) > 0:
			n := copy(p, h.data)
			h.data = h.data[n:]
			if len(h.data) == 0 {
				h.data = nil // an idle connection holds no buffer
			}
			h.notify()
			return n, nil
		case h.writeClosed:
			return 0, io.EOF
		case len(p) == 0:
			return 0, nil
		}
		h.wait(h.readDeadline)
	}
}

func (h *half) write(p []byte) (n int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.writeClosed:
			return n, net.ErrClosed
		case h.readClosed:
			return n, syscall.EPIPE
		case expired(h.writeDeadline):
			return n, os.ErrDeadlineExceeded
		case len(p) == 0:
			return n, nil
		}
		if room := h.size - len(h.data); room > 0 {
			k := min(room, len(p))
			h.data = append(h.data, p[:k]...)
			n, p = n+k, p[k:]
			h.notify()
			continue
		}
		h.wait(h.writeDeadline)
	}
}

func (h *half) closeRead() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.readClosed, h.data = true, nil
	h.notify()
}

func (h *half) closeWrite() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.writeClosed = true
	h.notify()
}

func (h *half) setDeadline(which *time.Time, t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*which = t
	h.notify()
}

// memoryConn is one end of an in-memory connection.
type memoryConn struct {
	in, out       *half
	local, remote net.Addr
}

// newPipe returns the two ends of an in-memory connection that holds up to
// size bytes in each direction.
func newPipe(size int, client, server net.Addr) (*memoryConn, *memoryConn) {
	up, down := newHalf(size), newHalf(size)
	return &memoryConn{in: down, out: up, local: client, remote: server},
		&memoryConn{in: up, out: down, local: server, remote: client}
}

func (c *memoryConn) wrap(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{Op: op, Net: "memory", Source: c.local, Addr: c.remote, Err: err}
}

func (c *memoryConn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, c.wrap("read", err)
}

func (c *memoryConn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, c.wrap("write", err)
}

// Close lets the other end read what was written, then end; its writes fail.
func (c *memoryConn) Close() error {
	c.out.closeWrite()
	c.in.closeRead()
	return nil
}

// CloseWrite ends only the direction that this end writes.
func (c *memoryConn) CloseWrite() error {
	c.out.closeWrite()
	return nil
}

func (c *memoryConn) LocalAddr() net.Addr  { return c.local }
func (c *memoryConn) RemoteAddr() net.Addr { return c.remote }

func (c *memoryConn) SetDeadline(t time.Time) error {
	c.in.setDeadline(&c.in.readDeadline, t)
	c.out.setDeadline(&c.out.writeDeadline, t)
	return nil
}

func (c *memoryConn) SetReadDeadline(t time.Time) error {
	c.in.setDeadline(&c.in.readDeadline, t)
	return nil
}

func (c *memoryConn) SetWriteDeadline(t time.Time) error {
	c.out.setDeadline(&c.out.writeDeadline, t)
	return nil
}
