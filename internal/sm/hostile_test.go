package sm_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/internal/sm"
	"github.com/gosmack/xmpp/stanza"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// sent returns an Out that has sent 1…n in a session that began with the counter at start.
func sent(start uint64, n int) *sm.Out[int] {
	var o sm.Out[int]
	o.Restore(start, func(func(int, int) bool) {})
	for i := range n {
		o.Sent(i+1, 10, now)
	}
	return &o
}

// receive gives an In n stanzas and returns their Seqs.
func receive(t *testing.T, in *sm.In, ids ...string) (seqs []sm.Seq) {
	t.Helper()
	for _, id := range ids {
		seq, again, err := in.Receive("message", id, "a@b/c")
		require.NoError(t, err)
		require.False(t, again)
		seqs = append(seqs, seq)
	}
	return seqs
}

func written(t *testing.T, e *stanza.StreamError) string {
	t.Helper()
	el, err := stanza.Marshal(e)
	require.NoError(t, err)
	return el.String()
}

func TestHostile(t *testing.T) {
	t.Run("S170 h too high", func(t *testing.T) {
		o := sent(0, 8)
		acked, err := o.Ack(nil, 10)
		var high *sm.TooHigh
		require.ErrorAs(t, err, &high)
		require.Equal(t, sm.TooHigh{H: 10, Sent: 8}, *high)
		require.Empty(t, acked)
		n, bytes := o.Len()
		require.Equal(t, []int{8, 80}, []int{n, bytes}, "nothing has changed")
		require.Equal(t, "<error xmlns='http://etherx.jabber.org/streams'><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"+
			"<text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>You acknowledged 10 stanzas, but I only sent you 8 so far.</text>"+
			"<handled-count-too-high xmlns='urn:xmpp:sm:3' h='10' send-count='8'/></error>", written(t, high.StreamError()))
		_, err = o.Ack(nil, 1<<32-1)
		require.ErrorAs(t, err, &high, "what never was acknowledged can't be gone back to")
		_, err = sent(1<<32-2, 3).Ack(nil, 2)
		require.ErrorAs(t, err, &high)
		require.Equal(t, sm.TooHigh{H: 2, Sent: 1}, *high)
		_, err = new(sm.Out[int]).Ack(nil, 1)
		require.ErrorAs(t, err, &high, "an ack of a session that counts nothing")
	})
	t.Run("S171 h going back", func(t *testing.T) {
		o := sent(0, 8)
		acked, err := o.Ack(nil, 5)
		require.NoError(t, err)
		require.Equal(t, []int{1, 2, 3, 4, 5}, acked)
		acked, err = o.Ack(acked[:0], 3)
		var back *sm.WentBack
		require.ErrorAs(t, err, &back)
		require.Equal(t, sm.WentBack{H: 3, Last: 5}, *back)
		require.Empty(t, acked)
		require.Contains(t, written(t, back.StreamError()), "undefined-condition")
		n, _ := o.Len()
		require.Equal(t, 3, n, "nothing is un-acknowledged")
		acked, err = o.Ack(nil, 5)
		require.NoError(t, err, "the same h again says nothing new")
		require.Empty(t, acked)
		_, err = sent(1<<32+1, 0).Ack(nil, 1<<32-1)
		require.ErrorAs(t, err, &back, "back over the wrap")
		o = sent(1<<32-3, 10)
		_, err = o.Ack(nil, 2)
		require.NoError(t, err)
		require.Equal(t, uint64(1<<32+2), o.Acked())
		_, err = o.Ack(nil, 1<<32-2)
		require.ErrorAs(t, err, &back)
	})
	t.Run("S173 wrap", func(t *testing.T) {
		o := sent(1<<32-3, 10)
		require.Equal(t, uint32(7), o.Count())
		acked, err := o.Ack(nil, 1<<32-2)
		require.NoError(t, err)
		require.Equal(t, []int{1}, acked)
		acked, err = o.Ack(nil, 6)
		require.NoError(t, err)
		require.Equal(t, []int{2, 3, 4, 5, 6, 7, 8, 9}, acked)
		for number, v := range o.Unacked() {
			require.Equal(t, uint32(7), number)
			require.Equal(t, 10, v)
		}
		var in sm.In
		in.Restore(1<<32 - 3)
		in.Resuming()
		in.Resumed()
		for range 10 {
			in.Handled(receive(t, &in, "x")[0])
		}
		require.Equal(t, uint32(7), in.H())
		require.Equal(t, 10, in.Untold())
	})
	t.Run("S175 resumed with another previd", func(t *testing.T) {
		e := parse(t, "<resumed xmlns='urn:xmpp:sm:3' previd='theirs' h='3'/>")
		_, err := sm.ParseResumed(e, "ours")
		require.ErrorIs(t, err, sm.ErrOtherStream)
		_, err = sm.ParseResumed(e, "theirs")
		require.NoError(t, err)
	})
	t.Run("S176 resumed below the last ack", func(t *testing.T) {
		o := sent(0, 8)
		_, err := o.Ack(nil, 5)
		require.NoError(t, err)
		acked, err := o.Resumed(nil, 2)
		var back *sm.WentBack
		require.ErrorAs(t, err, &back)
		require.Empty(t, acked)
		acked, rest, err := o.Failed(2, true)
		require.ErrorAs(t, err, &back, "such an h proves nothing in a <failed/> either")
		require.Empty(t, acked)
		require.Equal(t, []int{6, 7, 8}, rest)
		require.False(t, o.Enabled())
	})
	t.Run("S177 another account", func(t *testing.T) {
		s := sm.State{Account: "a@b", Domain: "b", ID: "x", Cut: now}
		require.NoError(t, s.Check("a@b", "b", now, 0))
		require.ErrorIs(t, s.Check("c@b", "b", now, 0), sm.ErrForeign)
		require.ErrorIs(t, s.Check("a@b", "evil", now, 0), sm.ErrForeign)
		require.ErrorIs(t, s.Check("", "", now.AddDate(1, 0, 0), 0), sm.ErrForeign, "before all else")
	})
	t.Run("S178 counters over resumptions", func(t *testing.T) {
		var o sm.Out[int]
		var in sm.In
		o.Enable()
		in.Enable()
		for round := range uint32(4) {
			o.Sent(1, 1, now)
			o.Sent(2, 1, now)
			seqs := receive(t, &in, "a", "b")
			in.Handled(seqs[0])
			in.Handled(seqs[1])
			require.Equal(t, 2*round+2, o.Count())
			require.Equal(t, 2*round+2, in.Resuming())
			acked, err := o.Resumed(nil, o.Count())
			require.NoError(t, err)
			require.Len(t, acked, 2)
			in.Resumed()
			require.Equal(t, 2*round+2, in.H())
		}
		o.Enable()
		in.Enable()
		require.Zero(t, o.Count(), "a new session begins at zero")
		require.Zero(t, in.H())
	})
	t.Run("S179 what counts", func(t *testing.T) {
		for src, want := range map[string]bool{
			"<message xmlns='jabber:client'/>":                                      true,
			"<presence xmlns='jabber:client' from='@@@'/>":                          true,
			"<iq xmlns='jabber:client' type='nonsense'/>":                           true,
			"<message xmlns='jabber:server'/>":                                      false,
			"<message xmlns='urn:xmpp:sm:3'/>":                                      false,
			"<ping xmlns='jabber:client'/>":                                         false,
			"<r xmlns='urn:xmpp:sm:3'/>":                                            false,
			"<features xmlns='http://etherx.jabber.org/streams'/>":                  false,
			"<forwarded xmlns='urn:xmpp:forward:0'><message xmlns=''/></forwarded>": false,
		} {
			require.Equal(t, want, sm.Counts(parse(t, src)), src)
		}
		require.False(t, sm.Counts(stanza.Element{}))
	})
	t.Run("S180 the server says that we went too far", func(t *testing.T) {
		e := parse(t, `<error xmlns='http://etherx.jabber.org/streams'><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>
			<handled-count-too-high xmlns='urn:xmpp:sm:3' h='10' send-count='8'/></error>`)
		require.True(t, sm.IsTooHigh(stanza.StreamErrorFrom(e)))
		require.False(t, sm.IsTooHigh(&stanza.StreamError{Condition: stanza.StreamUndefinedCondition}))
		require.False(t, sm.IsTooHigh(nil))
		require.True(t, sm.IsTooHigh((&sm.TooHigh{}).StreamError()))
	})
	t.Run("S182 the server never acknowledges", func(t *testing.T) {
		var o sm.Out[int]
		o.Enable()
		asked := 0
		for i := 0; !o.Full(256); i++ {
			o.Sent(i, 1000, now)
			if due, _ := o.RequestDue(now); due {
				o.Requested()
				asked++
			}
		}
		n, _ := o.Len()
		require.Equal(t, sm.MaxStanzas-256, n)
		require.False(t, o.Full(0), "replies still pass")
		require.Equal(t, n/25, asked)
		for i := 0; !o.Full(0); i++ {
			o.Sent(i, 1<<20, now)
		}
		n, _ = o.Len()
		require.Equal(t, sm.MaxStanzas, n)
	})
	t.Run("S183 an old queue", func(t *testing.T) {
		s := sm.State{Account: "a@b", Domain: "b", ID: "x", Cut: now}
		check := func(after, window time.Duration) error { return s.Check("a@b", "b", now.Add(after), window) }
		require.NoError(t, check(time.Hour, 0))
		require.ErrorIs(t, check(time.Hour+1, 0), sm.ErrExpired)
		require.ErrorIs(t, check(-25*time.Hour, 0), sm.ErrExpired, "a clock that was wrong")
		require.NoError(t, check(-time.Minute, 0))
		require.NoError(t, check(24*time.Hour, 25*time.Hour))
		s.Max = 5 * time.Minute
		require.NoError(t, check(5*time.Minute, 0))
		require.ErrorIs(t, check(6*time.Minute, 0), sm.ErrExpired)
		s.ID = ""
		require.ErrorIs(t, check(time.Minute, 0), sm.ErrNoResume)
		require.ErrorIs(t, check(24*time.Hour, 0), sm.ErrExpired)
	})
}

func parse(t testing.TB, s string) stanza.Element {
	t.Helper()
	e, err := stanza.Parse(s)
	require.NoError(t, err)
	return e
}

func TestErrorsAreTold(t *testing.T) {
	for _, err := range []error{&sm.TooHigh{H: 4, Sent: 3}, &sm.WentBack{H: 3, Last: 4}, &sm.Diverged{Number: 4, Missed: 3}} {
		require.Contains(t, err.Error(), "4")
		require.Contains(t, err.Error(), "3")
	}
	require.True(t, errors.Is(sm.Failed{Condition: stanza.ItemNotFound}, stanza.ItemNotFound))
	require.False(t, errors.Is(sm.Failed{}, stanza.Condition("")))
}
