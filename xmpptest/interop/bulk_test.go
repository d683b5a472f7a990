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

// bulk is how many messages go each way.
const bulk = 10_000

// Ten thousand messages each way, both ways at the same time, whole and in order: one end hears by callback, the other by channel.
func tenThousand(w *world) {
	a, b := w.connection(w.user()), w.connection(w.user())
	atA, atB := make(chan string, 100), b.ChatManager().Messages(w.ctx)
	a.ChatManager().OnMessage(func(ctx context.Context, _ *xmpp.Chat, m *stanza.Message) {
		select {
		case atA <- m.Body:
		case <-ctx.Done():
		}
	})
	require.NoError(w, a.Login(w.ctx, "", ""))
	require.NoError(w, b.Login(w.ctx, "", ""))
	w.unarchived(a, b)
	begin := time.Now()
	ends := make(chan error, 4)
	window := bulk
	if w.keeps > 0 {
		window = w.keeps / 50 // our acknowledgements wait behind our own messages, as many as these
	}
	toA, toB := make(chan struct{}, window), make(chan struct{}, window)
	go func() { ends <- sendMany(w.ctx, a, b, toB) }()
	go func() { ends <- sendMany(w.ctx, b, a, toA) }()
	go func() { ends <- inOrder(w.ctx, atA, toA, func(body string) string { return body }) }()
	go func() { ends <- inOrder(w.ctx, atB, toB, func(m *stanza.Message) string { return m.Body }) }()
	for range cap(ends) {
		require.NoError(w, <-ends, "which the scenario's context bounds")
	}
	took := time.Since(begin)
	w.Logf("%d messages each way in %v, %.0f messages/s", bulk, took.Round(time.Millisecond), 2*bulk/took.Seconds())
	await(w, "nothing waiting", func() bool { return a.Stats().Waiting+b.Stats().Waiting == 0 })
	require.Zero(w, a.Stats().Reported+b.Stats().Reported)
}

// mamPrefs is <prefs/> of XEP-0313 §7.
type mamPrefs struct {
	XMLName xml.Name `xml:"urn:xmpp:mam:2 prefs"`
	Default string   `xml:"default,attr"`
	Always  struct{} `xml:"always"`
	Never   struct{} `xml:"never"`
}

// unarchived turns the accounts' archives off. ejabberd's default archive, a Mnesia bag, reads all of an account's
// messages to add one, and after some hundreds it is that which is measured.
func (w *world) unarchived(all ...*xmpp.Connection) {
	w.Helper()
	for _, c := range all {
		err := c.Set(w.ctx, jid.JID{}, mamPrefs{Default: "never"}, nil)
		if w.name == inProcessName && errors.Is(err, stanza.ServiceUnavailable) {
			continue // it has none
		}
		require.NoError(w, err)
	}
}

func bulkBody(i int) string { return fmt.Sprint("message ", i) }

// sendMany sends as long as there is room in under, which inOrder makes.
func sendMany(ctx context.Context, from, to *xmpp.Connection, under chan<- struct{}) error {
	chat := from.ChatManager().CreateChat(to.User())
	for i := range bulk {
		select {
		case under <- struct{}{}:
		case <-ctx.Done():
			return fmt.Errorf("message %d: %w", i, context.Cause(ctx))
		}
		if err := chat.SendMessage(ctx, bulkBody(i)); err != nil {
			return fmt.Errorf("message %d: %w", i, err)
		}
	}
	return nil
}

// inOrder takes as many messages as were sent and compares each.
func inOrder[T any](ctx context.Context, c <-chan T, under <-chan struct{}, body func(T) string) error {
	for i := range bulk {
		select {
		case v, ok := <-c:
			if !ok {
				return fmt.Errorf("the channel ended before message %d", i)
			}
			<-under
			if got := body(v); got != bulkBody(i) {
				return fmt.Errorf("%q in place of message %d", got, i)
			}
		case <-ctx.Done():
			return fmt.Errorf("message %d: %w", i, context.Cause(ctx))
		}
	}
	return nil
}
