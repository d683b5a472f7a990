package latency_test

import (
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/internal/latency"
)

// An echo answers everything at once.
type echo struct{}

func (echo) DialContext(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	go func() { _, _ = io.Copy(far, far); _ = far.Close() }()
	return near, nil
}

func TestEverythingTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &latency.Dialer{Below: echo{}, RTT: 100 * time.Millisecond}
		c, err := d.DialContext(t.Context(), "tcp", "")
		require.NoError(t, err)
		b := make([]byte, 2)
		for n := range 5 {
			require.Equal(t, n, d.Rounds())
			require.InDelta(t, n, d.Elapsed(), 0.01)
			for range 2 { // two writes in one flight are one round trip
				_, err = c.Write([]byte("x"))
				require.NoError(t, err)
			}
			_, err = io.ReadFull(c, b)
			require.NoError(t, err)
		}
		require.NoError(t, c.Close())
		time.Sleep(time.Second) // the ends get around
	})
}
