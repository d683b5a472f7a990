package mam_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/mam"
	"github.com/gosmack/xmpp/xmpptest"
)

// talkTo sends one message to each of so many.
func (w *world) talkTo(peers int) (all []*stanza.Message) {
	for i := range peers {
		m := &stanza.Message{ID: fmt.Sprint("m", i), To: jid.MustParse(fmt.Sprintf("u%d@localhost", i)), Type: stanza.MessageChat, Body: "b"}
		require.NoError(w, w.bot.Send(w.Context(), m))
		all = append(all, m)
	}
	pass(time.Second)
	return all
}

func count(all []xmpp.Arrival, a xmpp.Arrival) (n int) {
	for _, b := range all {
		if a == b {
			n++
		}
	}
	return n
}

// Many conversations are asked about at the same time, but not all.
func TestReconcileManyConversations(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.login(nil)
		all := w.talkTo(300)
		w.delay(500 * time.Millisecond)
		begin := time.Now()
		arrived, err := w.archive.Reconcile(t.Context(), all)
		require.NoError(t, err)
		require.Equal(t, 300, count(arrived, xmpp.Arrived))
		require.Less(t, time.Since(begin), 25*time.Second)
		require.Greater(t, time.Since(begin), 10*time.Second)
	})
}

// When the time is over, what is known until then counts.
func TestReconcileOutOfTime(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.login(nil)
		all := w.talkTo(300)
		w.delay(500 * time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		begin := time.Now()
		arrived, err := w.archive.Reconcile(ctx, all)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "left out: ")
		require.Equal(t, 5*time.Second, time.Since(begin))
		require.GreaterOrEqual(t, count(arrived, xmpp.Arrived), 70)
		require.Zero(t, count(arrived, xmpp.NotArrived))
	})
}

// An archive that is silent is not asked 300 times.
func TestReconcileSilentArchive(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.login(nil)
		all := w.talkTo(300)
		n := 0
		w.srv.Intercept(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element {
			if n++; e.First().Is(mam.NS, "query") && n > 20 {
				return nil
			}
			return []stanza.Element{e}
		})
		begin := time.Now()
		arrived, err := w.archive.Reconcile(t.Context(), all)
		require.ErrorIs(t, err, xmpp.ErrTimeout)
		require.LessOrEqual(t, time.Since(begin), 31*time.Second)
		require.GreaterOrEqual(t, count(arrived, xmpp.Arrived), 10)
		require.LessOrEqual(t, w.asked(), 30)
	})
}
