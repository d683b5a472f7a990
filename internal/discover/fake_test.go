package discover_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosmack/xmpp/internal/discover"
)

var (
	errBoom    = errors.New("boom")
	errRefused = errors.New("connection refused")
	notFound   = &net.DNSError{Err: "no such host", IsNotFound: true}
	servFail   = &net.DNSError{Err: "server misbehaving", IsTemporary: true}
)

// zone is what a fake resolver knows of one name.
type zone struct {
	srv   []*net.SRV
	addrs []netip.Addr
	err   error
	after time.Duration // negative: it never answers
	deaf  bool          // it does not look at the context while it waits
}

// resolver is a fake of DNS. SRV names stand as "service name".
type resolver struct {
	zones  map[string]zone
	mu     sync.Mutex
	asked  []string
	active atomic.Int32
}

func (r *resolver) ask(ctx context.Context, name string) (zone, error) {
	r.active.Add(1)
	defer r.active.Add(-1)
	r.mu.Lock()
	r.asked = append(r.asked, name)
	r.mu.Unlock()
	z, ok := r.zones[name]
	if !ok {
		return z, notFound
	}
	if err := pause(ctx, z.after, z.deaf); err != nil {
		return zone{}, err
	}
	return z, z.err
}

func (r *resolver) LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error) {
	z, err := r.ask(ctx, service+" "+proto+" "+name)
	return name, z.srv, err
}

func (r *resolver) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	z, err := r.ask(ctx, network+" "+host)
	return z.addrs, err
}

// pause waits for a time, for ever if it is negative, and unless deaf no longer than the context lasts.
func pause(ctx context.Context, d time.Duration, deaf bool) error {
	done := ctx.Done()
	if deaf {
		done = nil
	}
	var elapsed <-chan time.Time
	if d >= 0 {
		elapsed = time.After(d)
	}
	select {
	case <-elapsed:
		return nil
	case <-done:
		return ctx.Err()
	}
}

// place is what a fake network has at one address.
type place struct {
	after  time.Duration // negative: a black hole
	err    error
	deaf   bool
	secure time.Duration // what securing takes; negative: silence
	fault  error         // what securing fails with
}

// network is a fake of the network: it dials, and it keeps books.
type network struct {
	places map[string]place
	mu     sync.Mutex
	dialed []string
	times  []time.Duration // since the first
	start  time.Time
	open   atomic.Int32
	active atomic.Int32

	secured atomic.Int32 // calls of secure
}

// conn is a connection whose Read blocks until it is closed.
type conn struct {
	net.Conn
	at   place
	net  *network
	once sync.Once
}

func (c *conn) Close() error {
	c.once.Do(func() { c.net.open.Add(-1) })
	return c.Conn.Close()
}

func (n *network) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	n.active.Add(1)
	defer n.active.Add(-1)
	n.mu.Lock()
	if n.start.IsZero() {
		n.start = time.Now()
	}
	n.dialed = append(n.dialed, address)
	n.times = append(n.times, time.Since(n.start))
	n.mu.Unlock()
	p, ok := n.places[address]
	if !ok {
		return nil, errRefused
	}
	if err := pause(ctx, p.after, p.deaf); err != nil {
		return nil, err
	}
	if p.err != nil {
		return nil, p.err
	}
	near, far := net.Pipe()
	_ = far // silent
	n.open.Add(1)
	return &conn{Conn: near, at: p, net: n}, nil
}

// secure is a handshake that looks at its connection only, as the worst ones do.
func (n *network) secure(_ context.Context, c net.Conn, e discover.Endpoint) (*session, error) {
	n.active.Add(1)
	defer n.active.Add(-1)
	n.secured.Add(1)
	at := c.(*conn).at
	if at.secure < 0 {
		_, err := c.Read(make([]byte, 1))
		return nil, err
	}
	time.Sleep(at.secure) // of the bubble
	if at.fault != nil {
		return nil, at.fault
	}
	return &session{c, e}, nil
}

// session is what the fake handshake makes of a connection.
type session struct {
	conn     net.Conn
	endpoint discover.Endpoint
}

func ips(list ...string) (addrs []netip.Addr) {
	for _, s := range list {
		addrs = append(addrs, netip.MustParseAddr(s))
	}
	return addrs
}
