package xmpp

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func TestAQueueLockIsHandedOnInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q queueLock
		require.NoError(t, q.take(t.Context()))
		var order []int
		gone := errors.New("gone")
		for i := range 4 {
			ctx, cancel := context.WithCancelCause(t.Context())
			go func() {
				err := q.take(ctx)
				if i == 1 {
					require.ErrorIs(t, err, gone)
					return
				}
				require.NoError(t, err)
				order = append(order, i)
				q.give()
			}()
			synctest.Wait()
			if i == 1 {
				cancel(gone)
			}
			defer cancel(nil)
		}
		synctest.Wait()
		require.Empty(t, order)
		q.give()
		synctest.Wait()
		require.Equal(t, []int{0, 2, 3}, order)
		require.NoError(t, q.take(t.Context()), "it is free again")
	})
}

// Who is given the turn and leaves at the same moment passes it on.
func TestAQueueLockIsNotLost(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			var q queueLock
			require.NoError(t, q.take(t.Context()))
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				if q.take(ctx) == nil {
					q.give()
				}
			}()
			synctest.Wait()
			cancel()
			q.give() // mostly before the other has looked
			synctest.Wait()
			require.False(t, q.taken)
		})
	}
}

func TestASequenceKeepsOrderAndRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sequence
		var got []int
		for i := range 100 {
			s.add(func() { got = append(got, i) })
		}
		s.add(func() { s.add(func() { got = append(got, 100) }) })
		synctest.Wait() // and the bubble's end shows that no goroutine is left
		require.Len(t, got, 101)
		require.True(t, slices.IsSorted(got))
		require.False(t, s.runs)
	})
}
