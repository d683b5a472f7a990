package stream

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/internal/xmlstream"
)

func inbound() *Inbound {
	return &Inbound{of: &keeper{}}
}

// A keeper is a connection, at rest unless it says otherwise.
type keeper struct {
	outstanding, busy bool
	slow              []time.Duration
}

func (k *keeper) Outstanding() bool    { return k.outstanding }
func (k *keeper) Slow(d time.Duration) { k.slow = append(k.slow, d) }
func (k *keeper) Owe()                 {}
func (k *keeper) Report(error)         {}
func (k *keeper) Pausing()             {}
func (k *keeper) Busy() bool           { return k.busy }

func TestLineKeepsOrderAndRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLine(t.Context())
		var got []int
		for i := range 1000 {
			l.Add(Job{Do: func(context.Context) { got = append(got, i) }})
		}
		synctest.Wait() // and the bubble's end shows that no goroutine is left
		require.Len(t, got, 1000)
		require.True(t, slices.IsSorted(got))
	})
}

func TestAsyncLetsTheLineGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, in := NewLine(t.Context()), inbound()
		release := make(chan struct{})
		var got []string
		item := in.newItem(xmlstream.Draft{}, 10)
		l.Add(Job{Item: item, Do: func(ctx context.Context) {
			require.Same(t, item, ItemOf(ctx))
			require.True(t, l.Runs(ctx))
			Async(ctx)
			Async(ctx) // once is enough
			require.Nil(t, ItemOf(ctx))
			require.False(t, l.Runs(ctx))
			<-release
			got = append(got, "slow")
		}})
		item.Release()
		for _, s := range []string{"a", "b"} {
			l.Add(Job{Do: func(context.Context) { got = append(got, s) }})
		}
		synctest.Wait()
		n, _ := in.Pending()
		require.Zero(t, n, "the item counts as handled")
		require.Equal(t, []string{"a", "b"}, got)
		close(release)
		synctest.Wait()
		require.Equal(t, []string{"a", "b", "slow"}, got)
	})
}

func TestLineStopDropsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, in := NewLine(t.Context()), inbound()
		started, release := make(chan struct{}), make(chan struct{})
		ran := 0
		for range 3 {
			item := in.newItem(xmlstream.Draft{}, 1)
			l.Add(Job{Item: item, Do: func(context.Context) {
				if ran++; ran == 1 {
					close(started)
					<-release
				}
			}})
			item.Release()
		}
		<-started
		time.Sleep(3 * time.Second) // virtual
		require.Equal(t, 3*time.Second, l.Age())
		l.Stop()
		idle := make(chan struct{})
		go func() { l.Idle(context.Background()); close(idle) }()
		synctest.Wait()
		select {
		case <-idle:
			t.Fatal("idle while a job runs")
		default:
		}
		close(release)
		<-idle
		require.Equal(t, 1, ran)
		n, bytes := in.Pending()
		require.Zero(t, n)
		require.Zero(t, bytes)
		l.Add(Job{Do: func(context.Context) { t.Error("a stopped line runs nothing") }})
	})
}

func TestInboundBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		of := new(keeper)
		in := &Inbound{of: of}
		var items []*Item
		fill := func() (paused bool) {
			for range 10 * hardCount {
				done := make(chan struct{})
				ctx, cancel := context.WithCancel(t.Context())
				go func() { in.Wait(ctx); close(done) }()
				synctest.Wait()
				select {
				case <-done:
					cancel()
					items = append(items, in.newItem(xmlstream.Draft{}, 100))
				default:
					cancel()
					<-done
					return true
				}
			}
			return false
		}
		require.True(t, fill())
		require.Len(t, items, softCount, "the soft bound, by count")
		of.outstanding = true
		require.True(t, fill())
		require.Len(t, items, hardCount, "the hard bound, whatever is outstanding")

		resumed := make(chan struct{})
		go func() { in.Wait(t.Context()); close(resumed) }()
		time.Sleep(11 * time.Second) // virtual
		synctest.Wait()
		require.Equal(t, []time.Duration{5 * time.Second, 10 * time.Second}, of.slow)
		items[0].Release()
		<-resumed
		for _, it := range items[1:] {
			it.Release()
		}
		n, bytes := in.Pending()
		require.Zero(t, n)
		require.Zero(t, bytes)
	})
}

func TestInboundBoundByBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := inbound()
		in.newItem(xmlstream.Draft{}, softBytes)
		paused := make(chan struct{})
		go func() { in.Wait(t.Context()); close(paused) }()
		synctest.Wait()
		select {
		case <-paused:
			t.Fatal("past the soft bound and not paused")
		default:
		}
		in.of = &keeper{outstanding: true}
		in.Poke()
		<-paused
	})
}

// A context that outlives its job means nothing any more: it can't release a later one.
func TestALateContextDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, in := NewLine(t.Context()), inbound()
		var late context.Context
		item := in.newItem(xmlstream.Draft{}, 1)
		l.Add(Job{Item: item, Do: func(ctx context.Context) { late = ctx }})
		item.Release()
		synctest.Wait()
		running, most := 0, 0
		release := make(chan struct{})
		for range 2 {
			l.Add(Job{Do: func(context.Context) {
				running++
				most = max(most, running)
				<-release
				running--
			}})
		}
		synctest.Wait()
		Async(late)
		require.Nil(t, ItemOf(late))
		require.Nil(t, Hold(late))
		require.False(t, l.Runs(late))
		synctest.Wait()
		close(release)
		synctest.Wait()
		require.Equal(t, 1, most)
		n, _ := in.Pending()
		require.Zero(t, n)
		require.Zero(t, l.Age())
	})
}

func TestDrainedWaitsForTheLastItem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := inbound()
		require.True(t, in.Drained(t.Context(), nil))
		item := in.newItem(xmlstream.Draft{}, 1)
		stop := make(chan struct{})
		result := make(chan bool, 2)
		go func() { result <- in.Drained(t.Context(), stop) }()
		synctest.Wait()
		close(stop)
		require.False(t, <-result)
		go func() { result <- in.Drained(t.Context(), nil) }()
		synctest.Wait()
		item.Release()
		require.True(t, <-result)
	})
}

// A request made in a callback wakes a reader that has paused for less than the hard bound.
func TestARequestWakesThePausedReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		of := &keeper{outstanding: true, busy: true}
		in := &Inbound{of: of}
		for range hardCount - 100 {
			in.newItem(xmlstream.Draft{}, 1)
		}
		of.outstanding = false
		in.newItem(xmlstream.Draft{}, 1)
		awake := false
		go func() { in.Wait(t.Context()); awake = true }()
		synctest.Wait()
		require.False(t, awake)
		of.outstanding = true
		in.Poke()
		synctest.Wait()
		require.True(t, awake)
	})
}

// While handlers work, a paused reader is woken when half is handled.
func TestAPausedReaderIsWokenForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := &Inbound{of: &keeper{busy: true}}
		var items []*Item
		for range softCount {
			items = append(items, in.newItem(xmlstream.Draft{}, 1))
		}
		awake := false
		go func() { in.Wait(t.Context()); awake = true }()
		synctest.Wait()
		handle := func(n int) {
			for _, it := range items[:n] {
				it.Release()
			}
			items = items[n:]
			synctest.Wait()
		}
		handle(softCount / 2)
		require.False(t, awake)
		handle(settleAfter)
		require.True(t, awake)
	})
}

// A few large stanzas are half of what the reader takes as well, though they are no lot.
func TestAPausedReaderIsWokenForLargeOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := &Inbound{of: &keeper{busy: true}}
		var items []*Item
		for range 4 {
			items = append(items, in.newItem(xmlstream.Draft{}, softBytes/4))
		}
		awake := false
		go func() { in.Wait(t.Context()); awake = true }()
		for _, it := range items[:3] {
			synctest.Wait()
			require.False(t, awake)
			it.Release()
		}
		synctest.Wait()
		require.True(t, awake)
		items[3].Release()
	})
}

// What handlers are through with is counted in lots while they work, but whoever asks is told of all, and when they rest nothing is left.
func TestWhatIsHandledIsCountedForWhoAsks(t *testing.T) {
	in := &Inbound{of: &keeper{busy: true}}
	in.Manage()
	var items []*Item
	for range settleAfter {
		items = append(items, in.newItem(xmlstream.Draft{}, 1))
	}
	items[0].Release()
	items[2].Release()
	require.Equal(t, settleAfter, in.count, "no lock was taken")
	count, bytes := in.Pending()
	require.Equal(t, [2]int{settleAfter - 2, settleAfter - 2}, [2]int{count, bytes})
	require.EqualValues(t, 1, in.H())
	items[1].drop()
	items[3].Release()
	require.EqualValues(t, 1, in.H(), "what was dropped isn't handled")
	for _, it := range items[4:] {
		it.Release()
	}
	require.Zero(t, in.count, "the last one of a lot counts them all")
	in.newItem(xmlstream.Draft{}, 1).Release()
	require.Equal(t, 1, in.count)
	in.Poke()
	require.Zero(t, in.count)
}
