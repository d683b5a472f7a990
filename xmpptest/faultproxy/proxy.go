// Package faultproxy is a TCP proxy on loopback that breaks the network between
// a client and its server as it is told, and counts what passes:
//
//	p, err := faultproxy.Listen("127.0.0.1:5222", 1)
//	…
//	defer p.Close()
//	p.SetPlan(faultproxy.Cuts(20_000)) // each connection is cut, early or late
//	… connect to p.Addr() …
//
// It knows nothing of XMPP. Unlike the faults of package xmpptest it works below
// any server, also in other processes, and needs real time.
package faultproxy

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
)

// A Proxy passes on what comes to its port. Its methods may be called from any goroutine; only Close waits.
//
// It has a goroutine that accepts, and for each connection one that dials and two for each direction.
type Proxy struct {
	listener net.Listener
	target   string
	seed     uint64
	wg       sync.WaitGroup

	accepted, refused, cut, up, down atomic.Int64

	mu      sync.Mutex // held for moments only
	plan    Plan
	refuse  bool
	stalled chan struct{} // closed when the stall is over; nil: there is none
	links   map[*link]struct{}
	closed  bool
}

// Listen starts a proxy on a free port of 127.0.0.1 whose connections lead to target, "host:port". The seed makes what its
// plans draw repeatable. The caller must Close it.
func Listen(target string, seed uint64) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: l, target: target, seed: seed, links: make(map[*link]struct{})}
	p.wg.Go(p.accept)
	return p, nil
}

// Addr is where the proxy listens, "127.0.0.1:port".
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// SetPlan says what goes wrong on the connections to come; nil: nothing.
func (p *Proxy) SetPlan(plan Plan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plan = plan
}

// Refuse resets each new connection as soon as it is there, until it is called with false.
func (p *Proxy) Refuse(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = on
}

// Stall keeps back all bytes of all connections, new ones too, until it is called with false. Then they are passed on, none lost.
func (p *Proxy) Stall(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case on && p.stalled == nil:
		p.stalled = make(chan struct{})
	case !on && p.stalled != nil:
		close(p.stalled)
		p.stalled = nil
	}
}

// Cut ends all connections that are open now; new ones are served.
func (p *Proxy) Cut(how End) {
	for _, l := range p.open() {
		l.end(how, true)
	}
}

// Stats returns the counters as they stand.
func (p *Proxy) Stats() Stats {
	p.mu.Lock()
	open := len(p.links)
	p.mu.Unlock()
	return Stats{Accepted: p.accepted.Load(), Refused: p.refused.Load(), Cut: p.cut.Load(), Open: int64(open), Up: p.up.Load(), Down: p.down.Load()}
}

// Close resets all connections, frees the port and returns when no goroutine of the proxy is left. A second Close does nothing.
func (p *Proxy) Close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	for _, l := range p.open() {
		l.close(reset)
	}
	p.wg.Wait()
}

func (p *Proxy) open() (all []*link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		all = append(all, l)
	}
	return all
}

func (p *Proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		client := conn.(*net.TCPConn)
		p.mu.Lock()
		refuse, plan := p.refuse || p.closed, p.plan
		l := &link{proxy: p, client: client}
		if !refuse {
			l.done, l.finish = context.WithCancel(context.Background())
			p.links[l] = struct{}{}
		}
		p.mu.Unlock()
		if refuse {
			p.refused.Add(1)
			_ = reset(client)
			continue
		}
		n := p.accepted.Add(1)
		p.wg.Go(func() {
			if plan != nil {
				l.faults = plan(rand.New(rand.NewPCG(p.seed, uint64(n))))
			}
			l.serve()
			p.mu.Lock()
			delete(p.links, l)
			p.mu.Unlock()
		})
	}
}

// stall is closed when bytes may pass; nil: they may now.
func (p *Proxy) stall() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stalled
}
