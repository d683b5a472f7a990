package xmpptest_test

import (
	"context"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/gosmack/xmpp/xmpptest"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/nettest"
)

func TestDialerFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		d := srv.Dialer()
		d.Refuse(2)
		for range 2 {
			_, err := d.DialContext(t.Context(), "tcp", "[2001:db8::1]:5222")
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
		}
		d.BlackHole(1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		before := time.Now()
		_, err := d.DialContext(ctx, "tcp", "x:1")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Minute, time.Since(before))
		login(t, srv, "romeo", "orchard")
		require.Equal(t, 4, d.Dials())
		require.Equal(t, srv.Addr(), d.LastAddress())
	})
}

// pipe returns both ends of a connection in memory, the server's by a script.
func pipe(size int) nettest.MakePipe {
	return func() (net.Conn, net.Conn, func(), error) {
		a, b := xmpptest.NewPipe(size)
		return a, b, func() { a.Close(); b.Close() }, nil
	}
}

func TestPipe(t *testing.T) {
	nettest.TestConn(t, pipe(64<<10))
}

func TestPipeIsBounded(t *testing.T) {
	for _, size := range []int{1, 1000} {
		bubble(t, func(t *testing.T) {
			a, b := xmpptest.NewPipe(size)
			a.SetWriteDeadline(time.Now().Add(time.Hour))
			n, err := a.Write(make([]byte, 2000))
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.Equal(t, size, n)
			a.Close()
			got, err := io.ReadAll(b)
			require.NoError(t, err)
			require.Len(t, got, size)
		})
	}
}

func TestUnbufferedServer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{BufferSize: -1})
		login(t, srv, "romeo", "orchard").sync()
	})
}
