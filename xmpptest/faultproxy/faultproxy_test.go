package faultproxy_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/xmpptest/faultproxy"
)

// pair starts a proxy and returns a function that connects through it: both ends of a connection.
func pair(t *testing.T, seed uint64) (*faultproxy.Proxy, func() (client, server *net.TCPConn)) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p, err := faultproxy.Listen(l.Addr().String(), seed)
	require.NoError(t, err)
	t.Cleanup(func() { p.Close(); l.Close() })
	return p, func() (client, server *net.TCPConn) {
		t.Helper()
		c, err := net.Dial("tcp", p.Addr())
		require.NoError(t, err)
		s, err := l.Accept()
		require.NoError(t, err)
		t.Cleanup(func() { c.Close(); s.Close() })
		return c.(*net.TCPConn), s.(*net.TCPConn)
	}
}

var data = bytes.Repeat([]byte("0123456789abcdef"), 1<<16)

// send writes until it can't; nobody asks how much of it arrives.
func send(c *net.TCPConn, b []byte) { go func() { _, _ = c.Write(b) }() }

func TestAGoodConnection(t *testing.T) {
	p, connect := pair(t, 1)
	client, server := connect()
	go func() { _, _ = client.Write(data); _ = client.CloseWrite() }()
	got, err := io.ReadAll(server)
	require.NoError(t, err)
	require.True(t, bytes.Equal(data, got))
	go func() { _, _ = server.Write(data[:1000]); _ = server.Close() }() // the other direction goes on
	got, err = io.ReadAll(client)
	require.NoError(t, err)
	require.Len(t, got, 1000)
	require.Eventually(t, func() bool { return p.Stats().Open == 0 }, 5*time.Second, time.Millisecond)
	require.Equal(t, faultproxy.Stats{Accepted: 1, Up: int64(len(data)), Down: 1000}, p.Stats())
}

func TestCutsAtTheByte(t *testing.T) {
	for _, up := range []bool{true, false} {
		for _, end := range []faultproxy.End{faultproxy.FIN, faultproxy.RST, faultproxy.Silence} {
			for _, at := range []int64{1, 1000, 100_000} {
				t.Run(fmt.Sprint(up, end, at), func(t *testing.T) {
					p, connect := pair(t, 1)
					f := faultproxy.Faults{End: end, CutDown: at}
					if up {
						f = faultproxy.Faults{End: end, CutUp: at}
					}
					p.SetPlan(func(*rand.Rand) faultproxy.Faults { return f })
					from, to := connect()
					if !up {
						from, to = to, from
					}
					send(from, data)
					if end == faultproxy.Silence {
						got := make([]byte, at)
						_, err := io.ReadFull(to, got)
						require.NoError(t, err)
						require.Equal(t, data[:at], got)
						send(to, data)
						for _, c := range []*net.TCPConn{to, from} { // nothing, not even an end
							require.NoError(t, c.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
							n, err := c.Read(got)
							require.ErrorIs(t, err, os.ErrDeadlineExceeded)
							require.Zero(t, n)
						}
						require.NoError(t, from.Close()) // of which the other end does not hear
						require.NoError(t, to.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
						_, err = to.Read(got)
						require.ErrorIs(t, err, os.ErrDeadlineExceeded)
						require.EqualValues(t, 1, p.Stats().Open)
					} else {
						got, err := io.ReadAll(to)
						require.True(t, bytes.HasPrefix(data[:at], got))
						if end == faultproxy.FIN {
							require.NoError(t, err)
							require.Len(t, got, int(at))
						} else {
							require.ErrorIs(t, err, syscall.ECONNRESET)
						}
						_, err = io.ReadAll(from)
						require.Equal(t, end == faultproxy.FIN, err == nil, "the other end sees the same: %v", err)
					}
					require.EqualValues(t, 1, p.Stats().Cut)
					require.Equal(t, at, p.Stats().Up+p.Stats().Down)
				})
			}
		}
	}
}

func TestCutNow(t *testing.T) {
	p, connect := pair(t, 1)
	var clients []*net.TCPConn
	for range 5 {
		client, server := connect()
		send(server, data[:1])
		_, err := client.Read(make([]byte, 1))
		require.NoError(t, err)
		clients = append(clients, client)
	}
	p.Cut(faultproxy.RST)
	for _, c := range clients {
		_, err := c.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNRESET)
	}
	require.EqualValues(t, 5, p.Stats().Cut)
}

func TestStall(t *testing.T) {
	p, connect := pair(t, 1)
	client, server := connect()
	p.Stall(true)
	p.Stall(true)
	send(client, data)
	require.NoError(t, server.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err := server.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	p.Stall(false)
	p.Stall(false)
	require.NoError(t, server.SetReadDeadline(time.Time{}))
	got := make([]byte, len(data))
	_, err = io.ReadFull(server, got)
	require.NoError(t, err)
	require.True(t, bytes.Equal(data, got))

	const pause = 60 * time.Millisecond
	p.SetPlan(func(*rand.Rand) faultproxy.Faults { return faultproxy.Faults{StallAfter: 10, Stall: pause} })
	client, server = connect()
	began := time.Now()
	send(client, data[:20])
	_, err = io.ReadFull(server, got[:10])
	require.NoError(t, err)
	require.Less(t, time.Since(began), pause, "what comes before the stall")
	_, err = io.ReadFull(server, got[:10])
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(began), pause)
}

// A delay is there for each byte and limits nothing: many are under way at once.
func TestDelay(t *testing.T) {
	const delay = 100 * time.Millisecond
	p, connect := pair(t, 1)
	p.SetPlan(func(*rand.Rand) faultproxy.Faults { return faultproxy.Faults{DelayUp: delay} })
	client, server := connect()
	began, got := time.Now(), make([]byte, len(data))
	send(client, data)
	_, err := io.ReadFull(server, got)
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(began), delay)
	require.Less(t, time.Since(began), 10*delay, "64 reads, one delay")
	began = time.Now()
	send(server, data[:1])
	_, err = client.Read(got)
	require.NoError(t, err)
	require.Less(t, time.Since(began), delay, "the other way has none")
}

func TestRefuse(t *testing.T) {
	p, connect := pair(t, 1)
	p.Refuse(true)
	c, err := net.Dial("tcp", p.Addr())
	if err == nil { // the kernel was faster
		_, err = c.Read(make([]byte, 1))
	}
	require.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNREFUSED), "%v", err)
	p.Refuse(false)
	client, server := connect()
	send(client, data[:1])
	_, err = server.Read(make([]byte, 1))
	require.NoError(t, err)
	require.EqualValues(t, 1, p.Stats().Refused)

	nobody, err := faultproxy.Listen("127.0.0.1:1", 1)
	require.NoError(t, err)
	defer nobody.Close()
	c, err = net.Dial("tcp", nobody.Addr())
	if err == nil {
		_, err = c.Read(make([]byte, 1))
	}
	require.ErrorIs(t, err, syscall.ECONNRESET)
}

func TestTheSeedDecides(t *testing.T) {
	draw := func(seed uint64) (drawn []faultproxy.Faults) {
		p, connect := pair(t, seed)
		cuts, next := faultproxy.Cuts(1000), make(chan faultproxy.Faults, 1)
		p.SetPlan(func(r *rand.Rand) faultproxy.Faults { next <- cuts(r); return faultproxy.Faults{} })
		for range 50 {
			connect()
			drawn = append(drawn, <-next)
		}
		return drawn
	}
	first, sum, ends := draw(7), int64(0), map[faultproxy.End]int{}
	require.Equal(t, first, draw(7))
	require.NotEqual(t, first, draw(8))
	for _, f := range first {
		require.NotEqual(t, f.CutUp == 0, f.CutDown == 0)
		sum += f.CutUp + f.CutDown
		ends[f.End]++
	}
	require.InDelta(t, 1000, sum/50, 300)
	require.Len(t, ends, 3)
}

func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	p, connect := pair(t, 1)
	for i := range 20 {
		p.SetPlan(func(*rand.Rand) faultproxy.Faults {
			return faultproxy.Faults{CutUp: 10, End: faultproxy.End(i % 3), DelayDown: time.Hour, StallAfter: 5, Stall: time.Hour}
		})
		client, server := connect()
		send(client, data[:4+i])
		send(server, data)
	}
	p.Stall(true)
	connect()
	p.Close()
	p.Close()
	require.Zero(t, p.Stats().Open)
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() { // those of this test end with their connections
		require.True(t, time.Now().Before(end), "%d goroutines, %d before", runtime.NumGoroutine(), before)
	}
	_, err := net.Dial("tcp", p.Addr())
	require.Error(t, err)
}
