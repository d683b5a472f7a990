// Package latency makes connections on which everything takes its time, and counts round trips. It is for tests.
package latency

import (
	"context"
	"net"
	"sync"
	"time"
)

// A Dialer opens connections on which every byte takes half of RTT, each way. Its methods may be called from any goroutine.
type Dialer struct {
	Below interface {
		DialContext(ctx context.Context, network, address string) (net.Conn, error)
	}
	RTT time.Duration

	mu      sync.Mutex
	rounds  int
	written bool      // since something was read
	opened  time.Time // the last connection
}

// DialContext connects below, which takes no time of ours.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	far, err := d.Below.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	near, inner := net.Pipe()
	go carry(far, inner, d.RTT/2)
	go carry(inner, far, d.RTT/2)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rounds, d.written, d.opened = 0, false, time.Now()
	return &conn{near, d}, nil
}

// Rounds is how often something was written and then an answer read since the last connection was opened: the round trips.
func (d *Dialer) Rounds() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rounds
}

// Elapsed is how many times RTT have passed since the last connection was opened.
func (d *Dialer) Elapsed() float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return float64(time.Since(d.opened)) / float64(d.RTT)
}

// conn is the client's end.
type conn struct {
	net.Conn
	d *Dialer
}

func (c *conn) Write(p []byte) (int, error) {
	c.d.mu.Lock()
	c.d.written = true
	c.d.mu.Unlock()
	return c.Conn.Write(p)
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.d.mu.Lock()
	if n > 0 && c.d.written {
		c.d.written = false
		c.d.rounds++
	}
	c.d.mu.Unlock()
	return n, err
}

// A packet is on its way until due.
type packet struct {
	data []byte
	due  time.Time
}

// carry brings what comes from one side to the other, late, and then its end.
func carry(to, from net.Conn, delay time.Duration) {
	way := make(chan packet, 1024)
	go func() {
		defer close(way)
		for {
			buf := make([]byte, 16<<10)
			n, err := from.Read(buf)
			if n > 0 {
				way <- packet{buf[:n], time.Now().Add(delay)}
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range way {
		time.Sleep(time.Until(p.due))
		if _, err := to.Write(p.data); err != nil {
			break
		}
	}
	_, _ = to.Close(), from.Close()
	for range way { // its reader must not wait for us
	}
}
