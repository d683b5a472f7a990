// Package ctxconn lets a context end the blocking calls of a net.Conn.
package ctxconn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// past is a deadline that every clock has reached, also the virtual one of a test.
var past = time.Unix(1, 0)

// Run calls do, which reads and writes conn, and makes the end of ctx end it: conn gets a deadline in the past,
// so what blocks in it fails at once; a conn that refuses deadlines is closed instead. Run returns when do does,
// and leaves conn without any deadline, so neither do nor anybody else may keep one of their own meanwhile.
//
// An already ended context returns before do is called. If ctx ends and do fails, the error wraps context.Cause(ctx),
// and do's own error too where that says more than that a deadline passed. If do succeeds all the same, that is success.
// After an error the conn may stand in the middle of a read or write and should be closed.
//
// Run is for one user of conn at a time: a call that others make on conn while ctx ends fails too.
func Run(ctx context.Context, conn net.Conn, do func() error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w", context.Cause(ctx))
	}
	var fired sync.WaitGroup
	fired.Add(1)
	stop := context.AfterFunc(ctx, func() {
		defer fired.Done()
		if conn.SetDeadline(past) != nil {
			conn.Close()
		}
	})
	err := do()
	if stop() {
		return err
	}
	fired.Wait() // else the past deadline could come after the reset
	conn.SetDeadline(time.Time{})
	return explain(context.Cause(ctx), err)
}

// explain puts the reason before its effect.
func explain(cause, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, cause):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, net.ErrClosed):
		return fmt.Errorf("%w", cause)
	}
	return fmt.Errorf("%w (%w)", cause, err)
}
