package stream

import (
	"net"
	"sync"
)

// recordBytes is what a TLS record carries at most unless a stanza is larger: as much as servers read at once.
const recordBytes = 4 << 10

// A gatherer lies below TLS and makes one write of many records.
type gatherer struct {
	net.Conn
	mu    sync.Mutex // TLS writes for the writer and, when it answers the peer's TLS, for the reader
	holds bool
	held  []byte
}

// Write implements net.Conn.
func (g *gatherer) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.holds {
		if g.held == nil {
			g.held = byteArrays.get()
		}
		g.held = append(g.held, p...)
		return len(p), nil
	}
	return g.Conn.Write(p)
}

func (g *gatherer) hold() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.holds = true
}

// release writes what was held.
func (g *gatherer) release() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.holds = false
	_, err := g.Conn.Write(g.held)
	byteArrays.put(g.held)
	g.held = nil // an idle connection keeps no buffers
	return err
}
