package sm_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/internal/sm"
)

func TestOutFailed(t *testing.T) {
	for name, c := range map[string]struct {
		h           uint32
		known       bool
		acked, rest []int
		bad         bool
	}{
		"with h":       {3, true, []int{1, 2, 3}, []int{4}, false},
		"with all":     {4, true, []int{1, 2, 3, 4}, nil, false},
		"with none":    {0, true, nil, []int{1, 2, 3, 4}, false},
		"without h":    {0, false, nil, []int{1, 2, 3, 4}, false},
		"h not true":   {9, true, nil, []int{1, 2, 3, 4}, true},
		"h not a fact": {9, false, nil, []int{1, 2, 3, 4}, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := sent(0, 4)
			acked, rest, err := o.Failed(c.h, c.known)
			require.Equal(t, c.bad, err != nil)
			require.Equal(t, c.acked, acked)
			require.Equal(t, c.rest, rest)
			require.Empty(t, o.Enable(), "nothing is left for the next session")
		})
	}
}

func TestOutCountsOnlyWhenEnabled(t *testing.T) {
	var o sm.Out[int]
	require.False(t, o.Sent(1, 1, now))
	require.Zero(t, o.Count())
	due, wait := o.RequestDue(now)
	require.False(t, due)
	require.Zero(t, wait)
	o.Enable()
	require.True(t, o.Sent(1, 1, now))
	require.Equal(t, []int{1}, o.Enable(), "what nobody told the outcome of isn't dropped in silence")
	o.Sent(2, 1, now)
	require.Equal(t, []int{0, 2}, o.Disable([]int{0}))
	require.False(t, o.Enabled())
}

func TestOutRequests(t *testing.T) {
	var o sm.Out[int]
	o.Enable()
	expect := func(at time.Duration, wantDue bool, wantWait time.Duration) {
		t.Helper()
		due, wait := o.RequestDue(now.Add(at))
		require.Equal(t, wantDue, due)
		require.Equal(t, wantWait, wait)
	}
	expect(0, false, 0)
	o.Sent(1, 1, now)
	expect(0, false, time.Second)
	o.Sent(2, 1, now.Add(900*time.Millisecond))
	expect(time.Second, false, 900*time.Millisecond)
	expect(-time.Hour, false, time.Second)
	expect(1900*time.Millisecond, true, 0)
	o.Requested()
	expect(time.Hour, false, 0)
	for range 24 {
		o.Sent(3, 1, now)
	}
	expect(0, false, time.Second)
	o.Sent(4, 1, now)
	expect(0, true, 0)
	_, err := o.Ack(nil, o.Count())
	require.NoError(t, err)
	expect(time.Hour, false, 0) // nothing is open
	o.Sent(5, 2<<20, now)
	expect(0, true, 0) // for its bytes
	o.Requested()
	o.Sent(6, 1, now)
	expect(0, false, time.Second)
	o.Requested()
	_, err = o.Resumed(nil, o.Count()-1)
	require.NoError(t, err)
	expect(0, true, 0) // what was asked on the stream before is not answered on this one
}

func TestOutHasRoomForOneAlways(t *testing.T) {
	var o sm.Out[int]
	o.Enable()
	require.False(t, o.Full(1))
	o.Sent(1, sm.MaxBytes+1, now)
	require.True(t, o.Full(1))
	require.False(t, o.Full(0))
	_, err := o.Ack(nil, 1)
	require.NoError(t, err)
	require.False(t, o.Full(1))
}

func TestOutKeepsNothingAlive(t *testing.T) {
	var o sm.Out[*[1 << 16]byte]
	o.Enable()
	freed := make(chan struct{})
	for i := range 40 {
		v := new([1 << 16]byte)
		if i == 0 {
			runtime.AddCleanup(v, func(ch chan struct{}) { close(ch) }, freed)
		}
		o.Sent(v, len(v), now)
	}
	_, err := o.Ack(nil, 20)
	require.NoError(t, err)
	for range 100 {
		runtime.GC()
		select {
		case <-freed:
			runtime.KeepAlive(&o)
			return
		default:
			runtime.Gosched()
		}
	}
	t.Fatal("an acknowledged stanza is still held")
}

func BenchmarkSentAck(b *testing.B) {
	type entry struct {
		data []byte
		done any
		keep bool
	}
	var o sm.Out[entry]
	o.Enable()
	e := entry{data: make([]byte, 500)}
	var acked []entry
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		o.Sent(e, len(e.data), now)
		if i%25 == 24 {
			var err error
			if acked, err = o.Ack(acked[:0], o.Count()); err != nil || len(acked) != 25 {
				b.Fatal(err, len(acked))
			}
		}
	}
}

func TestSentAndAckAllocateNothing(t *testing.T) {
	var o sm.Out[[4]uint64]
	o.Enable()
	var acked [][4]uint64
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		for range 25 {
			o.Sent([4]uint64{}, 500, now)
		}
		acked, _ = o.Ack(acked[:0], o.Count())
	}))
	require.Len(t, acked, 25)
}
