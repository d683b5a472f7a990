package main

import (
	"bufio"
	"context"
	"net"
)

// A chunkedDialer's connections return a few bytes with each read, as a network that cuts
// everything into small pieces does, without its system calls.
type chunkedDialer int

func (n chunkedDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &chunkedConn{c, bufio.NewReaderSize(c, 256<<10), int(n)}, nil
}

type chunkedConn struct {
	net.Conn
	r *bufio.Reader
	n int
}

func (c *chunkedConn) Read(p []byte) (int, error) { return c.r.Read(p[:min(len(p), c.n)]) }
