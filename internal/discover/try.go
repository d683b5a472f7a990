package discover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// try is one attempt from the name to the secured connection. It runs in the attempt's goroutine.
func (m *match[T]) try(ctx context.Context, p *progress, address string) (conn net.Conn, value T, err error) {
	if address == "" {
		p.enter(StepResolve, "")
		if address, err = m.find(ctx, p); err != nil {
			return nil, value, err
		}
	}
	p.enter(StepConnect, address)
	conn, err = m.dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, value, err
	}
	p.enter(StepSecure, address)
	if value, err = m.guard(ctx, conn, p.endpoint); err != nil {
		conn.Close()
		return nil, value, err
	}
	return conn, value, nil
}

// find gives the first address of an endpoint and tells the race the others.
func (m *match[T]) find(ctx context.Context, p *progress) (address string, err error) {
	host, err := asciiName(p.endpoint.Host)
	if err != nil {
		return "", fmt.Errorf("host %w", err)
	}
	if _, ip := literal(host); ip || m.resolver == nil {
		return Endpoint{Host: host, Port: p.endpoint.Port}.Address(), nil
	}
	addrs, err := addresses(ctx, m.resolver, host)
	if err != nil {
		return "", err
	}
	m.events <- &event[T]{from: p, more: addrs[1:], found: true}
	return addressOf(addrs[0], p.endpoint.Port), nil
}

// guard calls secure, and closes the connection under it when ctx ends.
func (m *match[T]) guard(ctx context.Context, conn net.Conn, e Endpoint) (value T, err error) {
	if ctx.Err() != nil { // a dialer that did not look
		return value, context.Cause(ctx)
	}
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		conn.Close()
	})
	value, err = m.secure(ctx, conn, e)
	if !stop() {
		<-closed
		if err == nil {
			m.drop(value)
			err = context.Cause(ctx)
		}
	}
	return value, err
}

// addresses resolves a name, at least to one address.
func addresses(ctx context.Context, r Resolver, host string) ([]netip.Addr, error) {
	addrs, err := r.LookupNetIP(ctx, "ip", host)
	if mixed := interleave(addrs, maxAttempts); len(mixed) > 0 {
		return mixed, nil
	}
	if err == nil {
		err = errors.New("the name has no addresses")
	}
	return nil, err
}
