package sm_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/internal/sm"
)

func TestInCountsThePrefix(t *testing.T) {
	var in sm.In
	seqs := receive(t, &in, "before")
	require.Equal(t, []sm.Seq{0}, seqs, "before <enabled/> nothing counts")
	in.Handled(seqs[0])
	in.Enable()
	seqs = receive(t, &in, "1", "2", "3", "4")
	in.Handled(seqs[1])
	in.Handled(seqs[3])
	require.Zero(t, in.H())
	require.Equal(t, 4, in.Held())
	in.Handled(seqs[0])
	require.Equal(t, uint32(2), in.H())
	in.Handled(seqs[0])
	in.Handled(seqs[1])
	in.Handled(seqs[3] + 1)
	require.Equal(t, uint32(2), in.H(), "twice, or what never came, counts nothing")
	in.Handled(seqs[2])
	require.Equal(t, uint32(4), in.H())
	require.Zero(t, in.Held())
}

func TestInForgetsTheSessionBefore(t *testing.T) {
	var in sm.In
	in.Enable()
	old := receive(t, &in, "1", "2")
	in.Resuming()
	in.Enable()
	seqs := receive(t, &in, "1")
	in.Handled(old[0])
	in.Handled(old[1])
	require.Zero(t, in.H())
	in.Handled(seqs[0])
	require.Equal(t, uint32(1), in.H())
	in.Disable()
	require.Zero(t, in.H())
	require.Zero(t, in.Resuming())
	in.Resumed()
	require.Equal(t, []sm.Seq{0}, receive(t, &in, "x"))
}

func TestInSkipsByPosition(t *testing.T) {
	var in sm.In
	in.Enable()
	// Two stanzas share an id, and one has none: only the place tells them apart.
	seqs := receive(t, &in, "1", "x", "x", "", "5")
	in.Handled(seqs[0])
	require.Equal(t, uint32(1), in.Resuming())
	in.Handled(seqs[1]) // a handler that ended while the stream was gone
	require.Equal(t, []sm.Seq{0}, receive(t, &in, "not the session's"))
	in.Resumed()
	require.Equal(t, uint32(1), in.H(), "not told before the server has shown it again")
	for i, id := range []string{"x", "x", "", "5"} {
		_, again, err := in.Receive("message", id, "a@b/c")
		require.NoError(t, err)
		require.True(t, again, i)
		require.Equal(t, uint32(2), in.H())
	}
	seq := receive(t, &in, "5")[0]
	require.NotZero(t, seq)
	for _, s := range append(seqs[2:], seq) {
		in.Handled(s)
	}
	require.Equal(t, uint32(6), in.H())
}

func TestInRepeatsAfterSeveralCuts(t *testing.T) {
	var in sm.In
	in.Enable()
	seqs := receive(t, &in, "1", "2", "3", "4")
	for round := range 3 {
		require.Equal(t, uint32(round), in.Resuming())
		in.Resumed()
		for _, id := range []string{"1", "2", "3", "4"}[round : round+1] {
			_, again, err := in.Receive("message", id, "a@b/c")
			require.NoError(t, err)
			require.True(t, again)
		}
		in.Handled(seqs[round]) // and the stream is cut before the rest comes
		require.Equal(t, uint32(round+1), in.H())
	}
	require.Equal(t, uint32(3), in.Resuming())
	in.Handled(seqs[3])
	require.Equal(t, uint32(4), in.Resuming(), "a later attempt tells more")
	in.Resumed()
	require.NotZero(t, receive(t, &in, "new")[0], "nothing is left to come again")
}

func TestInDiverges(t *testing.T) {
	for name, second := range map[string][3]string{
		"kind": {"presence", "2", "a@b/c"},
		"id":   {"message", "9", "a@b/c"},
		"from": {"message", "2", "a@b/d"},
	} {
		for handled := range 4 { // how many were finished while the stream was gone
			t.Run(fmt.Sprint(name, handled), func(t *testing.T) {
				var in sm.In
				in.Enable()
				seqs := receive(t, &in, "1", "2", "3")
				in.Resuming()
				for _, s := range seqs[:handled] {
					in.Handled(s)
				}
				in.Resumed()
				_, again, err := in.Receive("message", "1", "a@b/c")
				require.NoError(t, err)
				require.True(t, again)
				told := in.H()
				require.LessOrEqual(t, told, uint32(1))
				seq, again, err := in.Receive(second[0], second[1], second[2])
				var diverged *sm.Diverged
				require.ErrorAs(t, err, &diverged)
				require.Equal(t, sm.Diverged{Number: 2, Missed: 2}, *diverged)
				require.False(t, again)
				require.NotZero(t, seq, "it is a new stanza")
				require.Equal(t, told, in.H(), "an ack is not taken back")
				if handled > 0 {
					require.Equal(t, 1, in.Held())
				}
				third := receive(t, &in, "3")[0]
				in.Handled(third)
				in.Handled(seq)
				for _, s := range seqs {
					in.Handled(s)
				}
				require.Equal(t, uint32(3), in.H(), "as the server counts")
				require.Equal(t, uint32(3), in.Resuming())
			})
		}
	}
}

func TestInDivergesAndIsCutAgain(t *testing.T) {
	var in sm.In
	in.Enable()
	seqs := receive(t, &in, "1", "2", "3")
	in.Resuming()
	in.Resumed()
	_, again, _ := in.Receive("message", "1", "a@b/c")
	require.True(t, again)
	x, _, err := in.Receive("message", "x", "a@b/c")
	require.Error(t, err)
	y := receive(t, &in, "y")[0]
	require.Zero(t, in.Resuming())
	in.Resumed()
	for i, id := range []string{"1", "x", "y"} { // what 2 and 3 were is passed over
		_, again, err := in.Receive("message", id, "a@b/c")
		require.NoError(t, err)
		require.True(t, again, i)
	}
	z := receive(t, &in, "z")[0]
	require.Zero(t, in.Resuming())
	in.Resumed()
	for _, id := range []string{"1", "x"} {
		_, again, err := in.Receive("message", id, "a@b/c")
		require.NoError(t, err)
		require.True(t, again)
	}
	q, _, err := in.Receive("message", "q", "a@b/c")
	require.Equal(t, &sm.Diverged{Number: 3, Missed: 2}, err, "y and z")
	_, again, _ = in.Receive("message", "z", "a@b/c")
	require.False(t, again)
	for _, s := range []sm.Seq{z, y, x, seqs[2], seqs[0], q} {
		in.Handled(s)
	}
	require.Equal(t, uint32(3), in.H())
	require.Equal(t, 1, in.Held())
}

func TestInDivergesTwice(t *testing.T) {
	var in sm.In
	in.Enable()
	receive(t, &in, "0", "1", "2", "3")
	in.Resuming()
	in.Resumed()
	_, again, _ := in.Receive("message", "0", "a@b/c")
	require.True(t, again)
	_, _, err := in.Receive("message", "x", "a@b/c")
	require.Equal(t, &sm.Diverged{Number: 2, Missed: 3}, err)
	in.Resuming()
	in.Resumed()
	_, _, err = in.Receive("message", "y", "a@b/c")
	require.Equal(t, &sm.Diverged{Number: 1, Missed: 2}, err, "0 and x; what was given up before is not missed again")
}

func TestReceiveAndHandledAllocateNothing(t *testing.T) {
	var in sm.In
	in.Enable()
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		seq, _, _ := in.Receive("message", "id", "a@b/c")
		in.Handled(seq)
	}))
	require.Equal(t, uint32(1001), in.H())
}

func TestInAcksUnasked(t *testing.T) {
	var in sm.In
	due, wait := in.AckDue(now, true)
	require.False(t, due)
	require.Zero(t, wait)
	in.Enable()
	in.Ack(now)
	for range 99 {
		in.Handled(receive(t, &in, "x")[0])
	}
	expect := func(at time.Duration, paused, wantDue bool, wantWait time.Duration) {
		t.Helper()
		due, wait := in.AckDue(now.Add(at), paused)
		require.Equal(t, wantDue, due)
		require.Equal(t, wantWait, wait)
	}
	expect(time.Hour, false, false, 0)
	require.Equal(t, 99, in.Untold())
	in.Handled(receive(t, &in, "x")[0])
	expect(0, false, true, 0)
	require.Equal(t, uint32(100), in.Ack(now))
	expect(0, false, false, 0)
	expect(4*time.Second, true, false, 6*time.Second)
	expect(-time.Hour, true, false, 10*time.Second)
	expect(10*time.Second, true, true, 0) // shows that we live, with the same h
	require.Equal(t, uint32(100), in.Ack(now.Add(10*time.Second)))
	expect(10*time.Second, true, false, 10*time.Second)
	in.Resuming()
	expect(time.Hour, true, false, 0)
}

// The server's queue stays short though it never asks: 10⁵ stanzas, handlers that are prompt.
func TestInServerQueueStaysShort(t *testing.T) {
	var in sm.In
	in.Enable()
	acked, longest := uint32(0), uint32(0)
	for i := range uint32(100_000) {
		in.Handled(receive(t, &in, "x")[0])
		longest = max(longest, i+1-acked)
		if due, _ := in.AckDue(now, false); due {
			acked = in.Ack(now)
		}
	}
	require.LessOrEqual(t, longest, uint32(150))
	require.GreaterOrEqual(t, longest, uint32(100), "an ack for each would cost bytes")
}

func TestInIsBounded(t *testing.T) {
	var in sm.In
	in.Enable()
	first := receive(t, &in, "slow")[0]
	for !in.Full() {
		in.Handled(receive(t, &in, "x")[0])
	}
	require.Equal(t, sm.MaxHeld, in.Held())
	require.Zero(t, in.H())
	require.LessOrEqual(t, in.Memory(), 8*2*sm.MaxHeld)
	in.Handled(first)
	require.False(t, in.Full())
	require.Zero(t, in.Memory(), "at rest nothing is kept")
	in.Handled(receive(t, &in, "x")[0])
	in.Ack(now)
	require.LessOrEqual(t, in.Memory(), 128)
	require.Equal(t, uint32(sm.MaxHeld)+1, in.H())
}

func BenchmarkReceiveHandled(b *testing.B) {
	var in sm.In
	in.Enable()
	b.ReportAllocs()
	for b.Loop() {
		seq, _, _ := in.Receive("message", "kx7Q2v0yTz-8w1LmN3pQrs", "juliet@capulet.example/balcony")
		in.Handled(seq)
	}
}
