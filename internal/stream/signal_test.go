package stream

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestASignalIsHeardBeforeAndAfter(t *testing.T) {
	var s Signal
	c := s.C()
	require.False(t, closed(c))
	require.Equal(t, c, s.C(), "all wait for the same")
	s.Close()
	require.True(t, closed(c))
	require.True(t, closed(s.C()))
	require.Panics(t, s.Close)

	var late Signal
	late.Close()
	require.True(t, closed(late.C()), "nobody had waited")
}

func TestALifeIsAContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l life
		derived, cancel := context.WithTimeout(&l, time.Hour)
		defer cancel()
		var calls atomic.Int32
		l.AfterFunc(func() { calls.Add(1) })
		context.AfterFunc(&l, func() { calls.Add(1) })
		stop := l.AfterFunc(func() { t.Error("it was stopped") })
		require.True(t, stop())
		require.False(t, stop())
		require.NoError(t, l.Err())
		require.False(t, closed(l.Done()))
		l.end()
		l.end()
		synctest.Wait()
		require.EqualValues(t, 2, calls.Load())
		require.True(t, closed(l.Done()))
		require.ErrorIs(t, l.Err(), context.Canceled)
		require.ErrorIs(t, derived.Err(), context.Canceled)
		stop = l.AfterFunc(func() { calls.Add(1) })
		synctest.Wait()
		require.EqualValues(t, 3, calls.Load(), "at once")
		require.False(t, stop())
		require.Empty(t, l.hooks)
	})
}
