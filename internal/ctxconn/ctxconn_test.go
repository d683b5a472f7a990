package ctxconn_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/internal/ctxconn"
)

var errBoom = errors.New("boom")

// undated is a conn without deadlines, as tunnels over other protocols are.
type undated struct{ net.Conn }

func (undated) SetDeadline(time.Time) error { return errors.ErrUnsupported }

func TestRunEndsABlockedRead(t *testing.T) {
	for name, wrap := range map[string]func(net.Conn) net.Conn{
		"by deadline": func(c net.Conn) net.Conn { return c },
		"by closing":  func(c net.Conn) net.Conn { return undated{c} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				defer far.Close()
				conn := wrap(near)
				defer conn.Close()
				ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Second, errBoom)
				defer cancel()
				start := time.Now()
				err := ctxconn.Run(ctx, conn, func() error {
					_, err := conn.Read(make([]byte, 1))
					return err
				})
				require.ErrorIs(t, err, errBoom)
				require.Equal(t, 3*time.Second, time.Since(start))
			})
		})
	}
}

func TestRunRestoresTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		defer far.Close()
		ctx, cancel := context.WithCancelCause(t.Context())
		err := ctxconn.Run(ctx, near, func() error {
			cancel(errBoom)
			_, err := near.Read(make([]byte, 1))
			return err
		})
		require.ErrorIs(t, err, errBoom)
		go far.Write([]byte("x"))
		b := make([]byte, 1)
		_, err = near.Read(b)
		require.NoError(t, err)
		require.Equal(t, "x", string(b))
	})
}

func TestRunResult(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()

	t.Run("no end", func(t *testing.T) {
		require.NoError(t, ctxconn.Run(t.Context(), near, func() error { return nil }))
		require.Equal(t, io.EOF, ctxconn.Run(t.Context(), near, func() error { return io.EOF }))
	})
	t.Run("ended before", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errBoom)
		err := ctxconn.Run(ctx, near, func() error { t.Error("called"); return nil })
		require.ErrorIs(t, err, errBoom)
	})
	t.Run("success wins", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		require.NoError(t, ctxconn.Run(ctx, near, func() error { cancel(errBoom); return nil }))
	})
	t.Run("both errors", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		err := ctxconn.Run(ctx, near, func() error { cancel(errBoom); return io.EOF })
		require.ErrorIs(t, err, errBoom)
		require.ErrorIs(t, err, io.EOF)
	})
}
