package stream

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// TestOnlyWhoWasAskedMayAnswer is S120: each target of a request against each sender of an answer.
func TestOnlyWhoWasAskedMayAnswer(t *testing.T) {
	self := jid.MustParse("romeo@montague.example/orchard")
	froms := map[string]jid.JID{
		"absent": {}, "own bare": self.Bare(), "own full": self, "own other": jid.MustParse("romeo@montague.example/balcony"),
		"own domain": jid.MustParse("montague.example"), "contact bare": jid.MustParse("juliet@capulet.example"),
		"contact full": jid.MustParse("juliet@capulet.example/chamber"), "stranger": jid.MustParse("tybalt@capulet.example"),
		"lookalike": jid.MustParse("romeo@montague.example.evil.example"),
	}
	legal := map[string][]string{
		"absent": {"absent", "own bare"}, "own bare": {"absent", "own bare"}, "own full": {"own full"}, "own domain": {"own domain"},
		"contact bare": {"contact bare"}, "contact full": {"contact full"},
	}
	for to, allowed := range legal {
		for from, j := range froms {
			t.Run(to+" answered by "+from, func(t *testing.T) {
				p := &Pending{}
				require.True(t, p.Add("1", &Request{To: froms[to], Reply: make(chan Answer, 1)}))
				require.False(t, p.Add("1", &Request{}), "an id is used once")
				r := p.Match(&stanza.IQ{ID: "1", Type: stanza.IQResult, From: j}, self)
				if !contains(allowed, from) {
					require.Nil(t, r)
					require.True(t, p.Any())
					r = p.Match(&stanza.IQ{ID: "1", From: froms[allowed[0]]}, self)
				}
				require.NotNil(t, r)
				require.False(t, p.Any())
				require.Nil(t, p.Match(&stanza.IQ{ID: "1", From: froms[to]}, self), "the second answer is late")
			})
		}
	}
}

func contains(all []string, s string) bool {
	for _, a := range all {
		if a == s {
			return true
		}
	}
	return false
}

func TestFailAllEndsEveryRequestOnce(t *testing.T) {
	p := &Pending{}
	r := &Request{Reply: make(chan Answer, 1)}
	require.True(t, p.Add("1", r))
	r.written.Store(true)
	gone := errors.New("gone")
	p.FailAll(func(r *Request, written bool) error {
		require.True(t, written)
		return gone
	})
	require.ErrorIs(t, (<-r.Reply).Err, gone)
	require.False(t, p.Any())
	r.Complete(&stanza.IQ{})
	r.Failed(gone) // neither blocks
}

// A request that has ended while it waited for room is not queued in the session that follows: its caller was told that it never left.
func TestAnEndedRequestIsNotQueued(t *testing.T) {
	o, p := newOutbox(), &Pending{}
	o.Attach(&Writer{box: o, running: true}, false)
	ended, fresh := &Request{Reply: make(chan Answer, 1)}, &Request{Reply: make(chan Answer, 1)}
	p.Add("1", ended)
	p.FailAll(func(*Request, bool) error { return ErrNoSession })
	require.ErrorIs(t, o.TryPut(Main, Entry{Data: []byte("<iq/>"), Done: ended}), ErrNoSession)
	require.NoError(t, o.TryPut(Main, Entry{Data: []byte("<iq/>"), Done: fresh}), "the twin")
	require.Equal(t, 1, o.Waiting())
}
