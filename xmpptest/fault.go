package xmpptest

import (
	"net"
	"slices"
	"sync"
	"time"
)

// Faults are what goes wrong on a connection. The zero value is a good one.
// Directions are the server's: it reads what the client wrote. Bytes are those
// of the XMPP stream, before and after TLS together, or those of the network
// with Wire; they count from the moment at which the faults are set.
type Faults struct {
	// Wire applies all that is about bytes below TLS, to its records.
	Wire bool

	// CutAfterRead and CutAfterWrite cut the connection, without an end of
	// stream or of TLS, once so many bytes went through. 0 means never.
	CutAfterRead, CutAfterWrite int64

	// StallAfterRead and StallAfterWrite stop reading or writing after so
	// many bytes, as a network does that went away without a word. 0 means
	// never; see also [Conn.Stall].
	StallAfterRead, StallAfterWrite int64

	// Chunk is how many bytes one write carries at most. 0 means any number.
	Chunk int

	// Delay is the time before each write.
	Delay time.Duration

	// Duplicate sends the stanza of this number twice; stanzas to the client
	// are counted from 1. 0 means none.
	Duplicate int

	// Reorder sends the stanza of this number after the one that follows it.
	// 0 means none.
	Reorder int
}

// faultyConn applies faults to the connection below it.
type faultyConn struct {
	net.Conn
	cut  func()          // cuts the whole connection
	gone <-chan struct{} // closed when the connection is gone

	mu            sync.Mutex // never held while waiting
	faults        Faults
	read, written int64
	stalledRead   bool
	stalledWrite  bool
	epoch         int           // how often faults were set
	stanzas       int           // to the client
	held          []byte        // a stanza that waits for the next one
	changed       chan struct{} // closed and replaced by every change

	ahead []byte // read already, but not allowed yet; owned by the goroutine that reads
}

func newFaultyConn(below net.Conn, cut func(), gone <-chan struct{}) *faultyConn {
	return &faultyConn{Conn: below, cut: cut, gone: gone, changed: make(chan struct{})}
}

// below returns the connection that bytes go through: TLS, when it began.
func (f *faultyConn) below() net.Conn {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.Conn
}

// swap puts another connection below.
func (f *faultyConn) swap(below net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Conn = below
}

// set applies faults from now on.
func (f *faultyConn) set(faults Faults) {
	f.change(func() {
		f.faults = faults
		f.epoch++
		f.read, f.written, f.stanzas = 0, 0, 0
		f.stalledRead, f.stalledWrite = false, false
	})
}

func (f *faultyConn) stall(read, write bool) {
	f.change(func() { f.stalledRead, f.stalledWrite = read, write })
}

func (f *faultyConn) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
	close(f.changed)
	f.changed = make(chan struct{})
}

// allow returns how many of n bytes may go through now, after waiting for a
// stall to end; 0 means that the connection is cut.
func (f *faultyConn) allow(n int, stalled *bool, done, cutAt, stallAt *int64) (allowed, epoch int) {
	for {
		f.mu.Lock()
		switch {
		case *cutAt > 0 && *done >= *cutAt:
			f.mu.Unlock()
			f.cut()
			return 0, 0
		case !*stalled && (*stallAt == 0 || *done < *stallAt):
			if *cutAt > 0 {
				n = int(min(int64(n), *cutAt-*done))
			}
			if *stallAt > 0 {
				n = int(min(int64(n), *stallAt-*done))
			}
			epoch = f.epoch
			f.mu.Unlock()
			return n, epoch
		}
		changed := f.changed
		f.mu.Unlock()
		select {
		case <-changed:
		case <-f.gone:
			return 0, 0
		}
	}
}

// count adds to one direction and cuts when the byte was the last one. What
// went through under faults of an earlier epoch counts for those.
func (f *faultyConn) count(n, epoch int, done, cutAt *int64) {
	f.mu.Lock()
	if epoch == f.epoch {
		*done += int64(n)
	}
	cut := epoch == f.epoch && *cutAt > 0 && *done >= *cutAt
	f.mu.Unlock()
	if cut {
		f.cut()
	}
}

// Read asks twice what is allowed, because faults may have been set while it
// waited for the network.
func (f *faultyConn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return f.below().Read(p)
	}
	n, _ := f.allowRead(len(p))
	if n == 0 {
		return 0, net.ErrClosed
	}
	var err error
	if len(f.ahead) > 0 {
		n = copy(p[:n], f.ahead)
		f.ahead = f.ahead[n:]
	} else if n, err = f.below().Read(p[:n]); n == 0 {
		return 0, err
	}
	k, epoch := f.allowRead(n)
	if k == 0 {
		return 0, net.ErrClosed
	}
	if k < n {
		f.ahead = append(slices.Clone(p[k:n]), f.ahead...)
		err = nil // the network will say it again
	}
	f.count(k, epoch, &f.read, &f.faults.CutAfterRead)
	return k, err
}

func (f *faultyConn) allowRead(n int) (allowed, epoch int) {
	return f.allow(n, &f.stalledRead, &f.read, &f.faults.CutAfterRead, &f.faults.StallAfterRead)
}

func (f *faultyConn) Write(p []byte) (written int, err error) {
	for len(p) > 0 {
		n := len(p)
		f.mu.Lock()
		chunk, delay := f.faults.Chunk, f.faults.Delay
		f.mu.Unlock()
		if chunk > 0 {
			n = min(n, chunk)
		}
		if !f.pause(delay) {
			return written, net.ErrClosed
		}
		n, epoch := f.allow(n, &f.stalledWrite, &f.written, &f.faults.CutAfterWrite, &f.faults.StallAfterWrite)
		if n == 0 {
			return written, net.ErrClosed
		}
		n, err = f.below().Write(p[:n])
		written, p = written+n, p[n:]
		f.count(n, epoch, &f.written, &f.faults.CutAfterWrite)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// pause waits and says whether the connection is still there.
func (f *faultyConn) pause(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-f.gone:
		return false
	}
}
