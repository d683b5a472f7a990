package interop_test

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// A sum is a payload of our own, for both sides; with an Order the handler fails, or never answers.
type sum struct {
	XMLName xml.Name `xml:"urn:example:interop sum"`
	Order   string   `xml:"order,attr,omitempty"`
	Parts   []int    `xml:"part"`
	Total   int      `xml:"total"`
}

// add answers sums, as they order it.
func add(stop <-chan struct{}) xmpp.IQHandler {
	return xmpp.OnGet(func(ctx context.Context, q sum, iq *stanza.IQ) (any, error) {
		switch q.Order {
		case "forbid":
			return nil, &stanza.Error{Type: stanza.ErrorAuth, Condition: stanza.Forbidden, Text: "not for " + iq.From.Resource()}
		case "bare condition":
			return nil, stanza.NotAcceptable
		case "fail":
			return nil, errors.New("a detail that is nobody's business")
		case "never":
			xmpp.Async(ctx)
			select {
			case <-stop:
			case <-ctx.Done():
			}
			return nil, stanza.ResourceConstraint
		}
		reply := sum{}
		for _, p := range q.Parts {
			reply.Total += p
		}
		return reply, nil
	})
}

// A custom IQ between two clients: answered, refused in several ways, unknown, malformed, and never answered.
func customIQ(w *world) {
	asker, server := w.connection(w.user()), w.connection(w.user())
	stop := make(chan struct{})
	server.Handle(add(stop))
	require.NoError(w, server.Login(w.ctx, "", ""))
	require.NoError(w, asker.Login(w.ctx, "", ""))
	to := server.User()

	var got sum
	require.NoError(w, asker.Get(w.ctx, to, sum{Parts: []int{1, 2, 39}}, &got))
	require.Equal(w, 42, got.Total)

	var refused *stanza.Error
	err := asker.Get(w.ctx, to, sum{Order: "forbid"}, &got)
	require.ErrorAs(w, err, &refused)
	require.ErrorIs(w, err, stanza.Forbidden)
	require.Equal(w, stanza.ErrorAuth, refused.Type)
	require.Equal(w, "not for "+asker.User().Resource(), refused.Text)
	require.ErrorIs(w, asker.Get(w.ctx, to, sum{Order: "bare condition"}, nil), stanza.NotAcceptable)
	err = asker.Get(w.ctx, to, sum{Order: "fail"}, nil)
	require.ErrorIs(w, err, stanza.InternalServerError)
	require.NotContains(w, err.Error(), "nobody's business")
	require.ErrorIs(w, asker.Set(w.ctx, to, sum{}, nil), stanza.ServiceUnavailable, "only get is handled")
	bad, err := stanza.Parse("<sum xmlns='urn:example:interop'><part>many</part></sum>")
	require.NoError(w, err)
	require.ErrorIs(w, asker.Get(w.ctx, to, bad, nil), stanza.ServiceUnavailable, "a stranger isn't told")
	require.NoError(w, server.PresenceManager().SendTo(w.ctx, asker.User(), &stanza.Presence{}))
	require.ErrorIs(w, asker.Get(w.ctx, to, bad, nil), stanza.BadRequest, "who sees us is")
	nowhere, err := to.WithResource("nowhere")
	require.NoError(w, err)
	require.ErrorIs(w, asker.Get(w.ctx, nowhere, sum{}, nil), stanza.ServiceUnavailable)

	// No answer: the context's end, and the request timeout.
	begin := time.Now()
	err = asker.Get(w.within(patience), to, sum{Order: "never"}, nil)
	require.ErrorIs(w, err, context.DeadlineExceeded)
	require.True(w, xmpp.SafeToRetry(err))
	require.Less(w, time.Since(begin), patience+promptness)
	hasty := w.online(w.user(), func(cfg *xmpp.ConnectionConfiguration) { cfg.RequestTimeout = patience })
	begin = time.Now()
	err = hasty.Get(w.ctx, to, sum{Order: "never"}, nil)
	require.ErrorIs(w, err, xmpp.ErrTimeout)
	require.ErrorContains(w, err, to.String())
	require.Less(w, time.Since(begin), patience+promptness)
	// The late answers are dropped, and what follows is not.
	close(stop)
	require.NoError(w, asker.Get(w.ctx, to, sum{Parts: []int{7}}, &got))
	require.Equal(w, 7, got.Total)
	await(w, "late answers", func() bool { return asker.Stats().Late == 1 && hasty.Stats().Late == 1 })
}

// A message handler that asks and waits for the answer, for each of a thousand messages.
func handlerAsks(w *world) {
	const n = 1000
	a, b := w.connection(w.user()), w.connection(w.user())
	a.Handle(add(nil))
	type result struct {
		body  string
		total int
		err   error
	}
	results := make(chan result, n)
	b.ChatManager().OnMessage(func(ctx context.Context, c *xmpp.Chat, m *stanza.Message) {
		var got sum
		err := b.Get(ctx, m.From, sum{Parts: []int{len(m.Body), 1000}}, &got)
		results <- result{m.Body, got.Total, err}
	})
	require.NoError(w, a.Login(w.ctx, "", ""))
	require.NoError(w, b.Login(w.ctx, "", ""))
	w.unarchived(a, b)
	begin := time.Now()
	chat := a.ChatManager().CreateChat(b.User())
	for i := range n {
		require.NoError(w, chat.SendMessage(w.ctx, fmt.Sprint("question ", i)))
	}
	for i := range n {
		r := next(w, "a handled message", results)
		require.NoError(w, r.err)
		require.Equal(w, fmt.Sprint("question ", i), r.body)
		require.Equal(w, len(r.body)+1000, r.total)
	}
	w.Logf("%d messages, each with a request of its own, in %v", n, time.Since(begin).Round(time.Millisecond))
}

// A handler blocks for two seconds, with more behind it than the soft bound; other goroutines' requests are answered at once.
func handlerBlocks(w *world) {
	a, b := w.connection(w.user()), w.connection(w.user())
	began, release, bodies := make(chan struct{}, 1), make(chan struct{}), make(chan string, behind)
	b.ChatManager().OnMessage(func(ctx context.Context, _ *xmpp.Chat, m *stanza.Message) {
		if m.Body == "0" {
			began <- struct{}{}
			<-release
		}
		bodies <- m.Body
	})
	require.NoError(w, a.Login(w.ctx, "", ""))
	require.NoError(w, b.Login(w.ctx, "", ""))
	w.unarchived(a, b)
	chat := a.ChatManager().CreateChat(b.User())
	for i := range behind {
		require.NoError(w, chat.SendMessage(w.ctx, fmt.Sprint(i)))
	}
	next(w, "the handler", began)
	defer close(release)
	await(w, "the soft bound", func() bool { return b.Stats().Waiting >= softBound })
	block := time.NewTimer(2 * time.Second)
	defer block.Stop()
	var longest time.Duration
	answered := 0
	// Not too many: answers, too, are counted behind what isn't handled, and then the reader pauses (sm.MaxHeld).
	for blocked := true; blocked && answered < 1000; answered++ {
		begin := time.Now()
		require.NoError(w, b.Get(w.ctx, jid.JID{}, ping{}, nil))
		longest = max(longest, time.Since(begin))
		select {
		case <-block.C:
			blocked = false
		default:
		}
	}
	require.Empty(w, bodies, "the handler did not block")
	require.Less(w, longest, time.Second)
	require.Greater(w, answered, 2)
	w.Logf("%d requests answered in 2 s, the slowest in %v", answered, longest.Round(time.Microsecond))
	release <- struct{}{}
	for i := range behind {
		require.Equal(w, fmt.Sprint(i), next(w, "a message", bodies))
	}
}
