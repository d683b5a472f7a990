package xmpptest

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"syscall"
)

// listen opens the two TCP ports and accepts.
func (s *Server) listen() error {
	var err error
	if s.starttls, err = net.Listen("tcp", s.options.Address); err != nil {
		return fmt.Errorf("xmpptest: port for STARTTLS: %w", err)
	}
	host, _, _ := net.SplitHostPort(s.starttls.Addr().String())
	if s.direct, err = net.Listen("tcp", net.JoinHostPort(host, "0")); err != nil {
		s.starttls.Close()
		return fmt.Errorf("xmpptest: port for direct TLS: %w", err)
	}
	s.wg.Go(func() { s.accept(s.starttls, false) })
	s.wg.Go(func() { s.accept(s.direct, true) })
	return nil
}

func (s *Server) accept(l net.Listener, direct bool) {
	for {
		raw, err := l.Accept()
		if err != nil {
			return // the listener was closed
		}
		s.serve(raw, direct)
	}
}

// Addr returns "host:port" of the port for STARTTLS. A server in memory has a
// made-up one, which [Server.Dialer] takes.
func (s *Server) Addr() string {
	if s.starttls == nil {
		return "127.0.0.1:5222"
	}
	return s.starttls.Addr().String()
}

// DirectTLSAddr returns "host:port" of the port where TLS starts at once
// (XEP-0368). A server in memory has a made-up one.
func (s *Server) DirectTLSAddr() string {
	if s.direct == nil {
		return "127.0.0.1:5223"
	}
	return s.direct.Addr().String()
}

// Dialer returns the dialer that reaches this server, always the same one.
func (s *Server) Dialer() *Dialer { return s.dialer }

// Dialer connects to its server, whatever address it is asked for: to the port
// for direct TLS if the address has port 443, 5223 or that of
// [Server.DirectTLSAddr], else to the one for STARTTLS. It can be told to fail.
// Its methods may be called from any goroutine.
type Dialer struct {
	server *Server

	mu        sync.Mutex
	dials     int
	last      string
	refuse    int
	blackHole int
	ports     int
}

// DialContext connects. Its errors are that of a refused connection, when the
// server is closed or as told by Refuse, and the context's.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	d.mu.Lock()
	d.dials++
	d.last = address
	refuse, hole := take(&d.refuse), take(&d.blackHole)
	d.ports++
	port := d.ports
	d.mu.Unlock()
	switch {
	case refuse:
		return nil, refused(network, address)
	case hole:
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: network, Addr: memoryAddr(address), Err: ctx.Err()}
	case ctx.Err() != nil:
		return nil, &net.OpError{Op: "dial", Net: network, Addr: memoryAddr(address), Err: ctx.Err()}
	}
	return d.connect(ctx, network, address, port)
}

func (d *Dialer) connect(ctx context.Context, network, address string, port int) (net.Conn, error) {
	s := d.server
	direct := s.isDirect(address)
	if s.starttls != nil {
		target := s.Addr()
		if direct {
			target = s.DirectTLSAddr()
		}
		return new(net.Dialer).DialContext(ctx, "tcp", target)
	}
	local := memoryAddr("127.0.0.1:" + strconv.Itoa(40000+port%20000))
	client, server := s.pipe(local, memoryAddr(address))
	if !s.serve(server, direct) {
		return nil, refused(network, address)
	}
	return client, nil
}

func (s *Server) pipe(local, remote net.Addr) (client, server net.Conn) {
	if s.options.BufferSize < 0 {
		return net.Pipe()
	}
	return newPipe(s.options.BufferSize, local, remote)
}

// take counts down and says whether there was something to count; a negative
// count never ends.
func take(n *int) bool {
	if *n > 0 {
		*n--
		return true
	}
	return *n < 0
}

func refused(network, address string) error {
	return &net.OpError{Op: "dial", Net: network, Addr: memoryAddr(address), Err: syscall.ECONNREFUSED}
}

func (s *Server) isDirect(address string) bool {
	_, port, _ := net.SplitHostPort(address)
	_, own, _ := net.SplitHostPort(s.DirectTLSAddr())
	return port == "443" || port == "5223" || port == own
}

// Dials returns how often the dialer was asked, whatever came of it.
func (d *Dialer) Dials() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dials
}

// LastAddress returns the address that was asked for last, "host:port".
func (d *Dialer) LastAddress() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}

// Refuse refuses the next n dials, as a port does where nobody listens; a
// negative n refuses all that come, until Refuse(0).
func (d *Dialer) Refuse(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refuse = n
}

// BlackHole leaves the next n dials without an answer until their context
// ends, as a firewall does that drops packets; n is as for Refuse.
func (d *Dialer) BlackHole(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.blackHole = n
}

// memoryAddr is an address that nothing listens on.
type memoryAddr string

func (memoryAddr) Network() string  { return "memory" }
func (a memoryAddr) String() string { return string(a) }
