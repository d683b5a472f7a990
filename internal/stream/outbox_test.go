package stream

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A sink is a connection that keeps each write and may block or fail.
type sink struct {
	net.Conn
	mu     sync.Mutex
	writes []string
	gate   chan struct{} // a write waits for it, if it is set
	err    error
}

func (s *sink) Write(b []byte) (int, error) {
	if s.gate != nil {
		<-s.gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	s.writes = append(s.writes, string(b))
	return len(b), nil
}

func (s *sink) SetWriteDeadline(time.Time) error { return nil }

// newOutbox is one whose reader never pauses.
func newOutbox() *Outbox {
	return &Outbox{in: awake{}}
}

type awake struct{}

func (awake) H() uint32    { return 0 }
func (awake) Paused() bool { return false }
func (awake) Poke()        {}

func newWriter(conn net.Conn, gather *gatherer, box *Outbox, tracer *Tracer, fail func(error)) *Writer {
	w := new(Writer)
	w.init(conn, gather, box, tracer, failed(fail))
	return w
}

type failed func(error)

func (f failed) fail(err error) { f(err) }

type heard struct {
	written int
	failed  []error
}

func (h *heard) Written(bool)     { h.written++ }
func (h *heard) Acked()           {}
func (h *heard) Failed(err error) { h.failed = append(h.failed, err) }

func entry(s string) Entry { return Entry{Data: []byte(s), Keep: true} }

func TestWriterCoalescesUnderLoadAndLeavesAtOnceWhenIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, box := &sink{gate: make(chan struct{})}, newOutbox()
		box.Attach(newWriter(s, nil, box, nil, func(error) { t.Error("no write fails here") }), false)
		box.Open()
		require.NoError(t, box.TryPut(Main, entry("first")))
		synctest.Wait() // the writer hangs in its first write
		for range 100 {
			require.NoError(t, box.TryPut(Main, entry("x")))
		}
		close(s.gate)
		synctest.Wait()
		require.Equal(t, []string{"first", strings.Repeat("x", 100)}, s.writes)
	})
}

func TestLanesPassTheApplications(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, box := &sink{}, newOutbox()
		require.NoError(t, box.TryPut(Main, entry("m")))
		require.ErrorIs(t, box.TryPut(Replies, entry("r")), ErrNoSession)
		box.Attach(newWriter(s, nil, box, nil, nil), false)
		require.NoError(t, box.TryPut(Setup, entry("s")))
		synctest.Wait()
		require.Equal(t, []string{"s"}, s.writes, "the application's wait until the session is open")
		box.Open()
		require.NoError(t, box.TryPut(Replies, entry("r")))
		synctest.Wait()
		require.Equal(t, "srm", strings.Join(s.writes, ""))
	})
}

func TestPutWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := newOutbox()
		for range room[Main].entries {
			require.NoError(t, box.TryPut(Main, entry("m")))
		}
		require.ErrorIs(t, box.TryPut(Main, entry("m")), ErrFull)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.ErrorIs(t, box.Put(ctx, Main, entry("m")), context.DeadlineExceeded)

		put := make(chan error, 1)
		go func() { put <- box.Put(t.Context(), Main, entry("last")) }()
		synctest.Wait()
		s := &sink{}
		box.Attach(newWriter(s, nil, box, nil, nil), false)
		box.Open()
		require.NoError(t, <-put)
		synctest.Wait()
		require.Equal(t, strings.Repeat("m", room[Main].entries)+"last", strings.Join(s.writes, ""))
	})
}

func TestOneLargeStanzaHasItsPlace(t *testing.T) {
	box := newOutbox()
	require.NoError(t, box.TryPut(Main, Entry{Data: make([]byte, room[Main].bytes+1), Keep: true}))
	require.ErrorIs(t, box.TryPut(Main, entry("m")), ErrFull)
}

func TestDetachKeepsMessagesAndFailsTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := newOutbox()
		box.Attach(newWriter(&sink{}, nil, box, nil, nil), false)
		kept, dropped, setup := &heard{}, &heard{}, &heard{}
		require.NoError(t, box.TryPut(Main, Entry{Data: []byte("a"), Keep: true, Done: kept}))
		require.NoError(t, box.TryPut(Main, Entry{Data: []byte("b"), Done: dropped}))
		gone := errors.New("gone")
		box.Detach(false, gone)
		require.ErrorIs(t, box.TryPut(Setup, Entry{Done: setup}), ErrNoSession)
		require.Equal(t, []error{gone}, dropped.failed)
		require.Empty(t, kept.failed)
		s := &sink{}
		box.Attach(newWriter(s, nil, box, nil, nil), false)
		box.Open()
		synctest.Wait()
		require.Equal(t, []string{"a"}, s.writes)
		require.Equal(t, 1, kept.written)
	})
}

func TestCloseFailsWhatIsLeftAndWakesWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := newOutbox()
		h := &heard{}
		for range room[Main].entries {
			require.NoError(t, box.TryPut(Main, Entry{Data: []byte("m"), Done: h, Keep: true}))
		}
		put := make(chan error, 1)
		go func() { put <- box.Put(t.Context(), Main, entry("m")) }()
		synctest.Wait()
		closed := errors.New("closed")
		require.Len(t, box.Close(closed), room[Main].entries)
		require.ErrorIs(t, <-put, closed)
		require.Len(t, h.failed, room[Main].entries)
		require.ErrorIs(t, box.TryPut(Main, entry("m")), closed)
	})
}

func TestAFailedWriteLeavesTheOutcomeOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box, h := newOutbox(), &heard{}
		broken := errors.New("broken")
		var failed []error
		box.Attach(newWriter(&sink{err: broken}, nil, box, nil, func(err error) { failed = append(failed, err) }), false)
		box.Open()
		require.NoError(t, box.TryPut(Main, Entry{Data: []byte("m"), Done: h}))
		synctest.Wait()
		require.Equal(t, []error{broken}, failed)
		require.Len(t, h.failed, 1)
		var maybe interface{ MaybeWritten() bool }
		require.ErrorAs(t, h.failed[0], &maybe)
		require.True(t, maybe.MaybeWritten())
		require.NoError(t, box.TryPut(Main, Entry{Data: []byte("n"), Keep: true, Done: h}), "it waits for the next session")
		synctest.Wait()
		require.Equal(t, 1, box.Waiting())
	})
}

func TestFinishFlushesOrNot(t *testing.T) {
	for _, flush := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s, box := &sink{gate: make(chan struct{})}, newOutbox()
			w := newWriter(s, nil, box, nil, nil)
			box.Attach(w, false)
			box.Open()
			require.NoError(t, box.TryPut(Main, entry("1")))
			synctest.Wait()
			require.NoError(t, box.TryPut(Main, entry("2")))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			w.finish(ctx, "end", flush)
			require.Error(t, ctx.Err(), "it waits no longer than it may")
			close(s.gate)
			w.finish(t.Context(), "end", flush)
			want := "1end"
			if flush {
				want = "12end"
			}
			require.Equal(t, want, strings.Join(s.writes, ""))
		})
	}
}

// While a session is being set up the application's lane stays full; that must not keep replies waiting that have room.
func TestLanesFreeTheirOwnRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, box := &sink{gate: make(chan struct{})}, newOutbox()
		for range room[Main].entries {
			require.NoError(t, box.TryPut(Main, entry("m")))
		}
		box.Attach(newWriter(s, nil, box, nil, nil), false)
		require.NoError(t, box.TryPut(Replies, entry("r")))
		synctest.Wait() // the writer hangs with it
		for range room[Replies].entries {
			require.NoError(t, box.TryPut(Replies, entry("r")))
		}
		put := make(chan error, 1)
		go func() { put <- box.Put(t.Context(), Replies, entry("last")) }()
		synctest.Wait()
		require.Empty(t, put)
		close(s.gate)
		synctest.Wait()
		require.Len(t, put, 1)
		require.NoError(t, <-put)
	})
}

// Whoever makes us answer all the time does not silence us.
func TestRepliesLeaveRoomForTheApplication(t *testing.T) {
	box := newOutbox()
	box.Attach(newWriter(&sink{}, nil, box, nil, nil), false)
	box.writer.running = true // nothing is taken but here
	box.Open()
	for range room[Replies].entries {
		require.NoError(t, box.TryPut(Replies, Entry{Data: make([]byte, 1024)}))
	}
	require.NoError(t, box.TryPut(Main, entry("ours")))
	box.mu.Lock()
	batch := box.take(nil, batchBytes)
	box.mu.Unlock()
	require.Equal(t, "ours", string(batch[len(batch)-1].Data))
	require.Less(t, len(batch), room[Replies].entries)
}

// A request counts as written from the moment the writer has it: a write that breaks off may have arrived.
func TestARequestIsWrittenWhenItIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, box := &sink{gate: make(chan struct{})}, newOutbox()
		box.Attach(newWriter(s, nil, box, nil, nil), false)
		box.Open()
		r := &Request{Reply: make(chan Answer, 1)}
		require.NoError(t, box.TryPut(Main, Entry{Data: []byte("<iq/>"), Done: r}))
		synctest.Wait()
		require.True(t, r.written.Load())
		close(s.gate)
	})
}

// What reaches the peer before a connection breaks are whole stanzas, because each TLS record ends with one; and many records are one write.
func TestRecordsEndWithStanzas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network, records, box := &sink{gate: make(chan struct{})}, &sink{}, newOutbox()
		g := &gatherer{Conn: network}
		box.Attach(newWriter(both{records, g}, g, box, nil, func(error) { t.Error("no write fails here") }), false)
		box.Open()
		sent := 0
		for size := range 200 {
			body := strings.Repeat("x", 5*size)
			if size == 100 {
				body = strings.Repeat("y", 3*recordBytes)
			}
			require.NoError(t, box.TryPut(Main, entry("<m>"+body+"</m>")))
			sent += len("<m></m>") + len(body)
		}
		close(network.gate)
		synctest.Wait()
		for _, w := range records.writes {
			require.True(t, strings.HasPrefix(w, "<m>") && strings.HasSuffix(w, "</m>"), "%.20q", w)
			require.True(t, len(w) <= recordBytes || strings.Contains(w, "y") && strings.Count(w, "<m>") == 1, "%d bytes", len(w))
			sent -= len(w)
		}
		require.Zero(t, sent)
		require.Less(t, len(records.writes), 40, "as few as there are records in it")
		require.LessOrEqual(t, len(network.writes), 4)
		require.Equal(t, strings.Join(records.writes, ""), strings.Join(network.writes, ""))
	})
}

// both is a TLS connection that encrypts nothing: each write is a record.
type both struct {
	*sink
	below net.Conn
}

func (b both) Write(p []byte) (int, error) {
	_, _ = b.sink.Write(p)
	return b.below.Write(p)
}
