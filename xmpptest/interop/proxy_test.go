package interop_test

import (
	"fmt"
	"math"
	"net"
	"sync"
	"sync/atomic"

	"github.com/stretchr/testify/require"
)

// A proxy stands between a client and its server and counts. It can break the network.
type proxy struct {
	port     int
	target   string // "": a black hole, which takes connections and never answers
	listener net.Listener
	accepted atomic.Int64
	up, down atomic.Int64 // bytes from and to the client
	cuts     atomic.Int64 // connections that had used up their budget

	mu     sync.Mutex
	stall  int64        // after so many bytes to the client nothing more passes; negative: never
	budget func() int64 // how many bytes a new connection lasts, both ways together; nil: for ever
	closed bool
	open   map[net.Conn]bool
	wg     sync.WaitGroup
}

// proxy starts one in front of the server's port.
func (w *world) proxy(port int) *proxy { return w.listen(fmt.Sprintf("127.0.0.1:%d", port)) }

// blackHole starts one that never answers.
func (w *world) blackHole() *proxy { return w.listen("") }

func (w *world) listen(target string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(w, err)
	p := &proxy{port: l.Addr().(*net.TCPAddr).Port, target: target, listener: l, stall: -1, open: make(map[net.Conn]bool)}
	p.wg.Go(p.accept)
	w.later(p.close)
	return p
}

func (p *proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.accepted.Add(1)
		if !p.own(c) || p.target == "" {
			continue
		}
		p.wg.Go(func() { p.serve(c) })
	}
}

// own takes a connection in, to be closed with the proxy or cut.
func (p *proxy) own(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = c.Close()
		return false
	}
	p.open[c] = true
	return true
}

func (p *proxy) serve(client net.Conn) {
	upstream, err := net.Dial("tcp", p.target)
	if err != nil {
		_ = client.Close()
		return
	}
	if !p.own(upstream) {
		return
	}
	left := new(atomic.Int64)
	left.Store(math.MaxInt64)
	p.mu.Lock()
	if p.budget != nil {
		left.Store(p.budget())
	}
	p.mu.Unlock()
	p.wg.Go(func() { p.copy(upstream, client, &p.up, left, false) })
	p.copy(client, upstream, &p.down, left, true)
}

// copy passes bytes on until one side ends, and then ends both.
func (p *proxy) copy(to, from net.Conn, count, left *atomic.Int64, stalls bool) {
	buf := make([]byte, 32<<10)
	defer func() { _, _ = to.Close(), from.Close() }()
	for {
		n, err := from.Read(buf)
		if n > 0 {
			before := count.Add(int64(n)) - int64(n)
			p.mu.Lock()
			limit := p.stall
			p.mu.Unlock()
			pass := int64(n)
			if stalls && limit >= 0 {
				pass = max(0, min(pass, limit-before))
			}
			if after := left.Add(-pass); after <= 0 { // in the middle of whatever it is
				p.cuts.Add(1)
				_, _ = to.Write(buf[:max(0, pass+after)])
				return
			}
			if _, err := to.Write(buf[:pass]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// stallAfter lets n bytes more reach clients, in all connections together, and then none.
func (p *proxy) stallAfter(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stall = p.down.Load() + n
}

// cut closes all connections; new ones are served.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		_ = c.Close()
	}
	clear(p.open)
}

// lasting gives each new connection so many bytes.
func (p *proxy) lasting(budget func() int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.budget = budget
}

// close ends the proxy; nobody answers on its port any more.
func (p *proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.cut()
	p.wg.Wait()
}
