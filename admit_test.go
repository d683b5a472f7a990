package xmpp_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// Admit keeps messages back and lets them go on ahead of a later one; Handled hears of each behind its
// listeners, as it was before Decrypt, of those that a step has consumed too.
func TestAdmitAndHandled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := offline(t, srv, "romeo")
		log := new(record[string])
		var kept []*stanza.Message
		c.Use(xmpp.Extension{
			Name: "a",
			Admit: func(_ context.Context, m *stanza.Message) ([]*stanza.Message, bool) {
				switch {
				case strings.HasPrefix(m.Body, "keep"):
					kept = append(kept, m)
					return nil, true
				case strings.HasPrefix(m.Body, "all"):
					ahead := kept
					kept = nil
					return ahead, false
				}
				return nil, false
			},
			Decrypt: tag("decrypt"),
			Handled: func(m *stanza.Message) { log.add("handled " + m.Body) },
		})
		c.Use(xmpp.Extension{Name: "b", Incoming: func(_ context.Context, m *stanza.Message) (*stanza.Message, error) {
			if strings.HasPrefix(m.Body, "eaten") {
				return nil, nil
			}
			return m, nil
		}})
		c.OnMessage(func(_ context.Context, m *stanza.Message) { log.add(m.Body) })
		require.NoError(t, c.Login(t.Context(), "", ""))
		for _, body := range []string{"keep 1", "pass", "keep 2", "eaten", "all"} {
			raw(srv, "romeo", "<message from='juliet@localhost'><body>"+body+"</body></message>")
		}
		settle()
		require.Equal(t, []string{
			"pass decrypt", "handled pass", "handled eaten",
			"keep 1 decrypt", "handled keep 1", "keep 2 decrypt", "handled keep 2", "all decrypt", "handled all",
		}, log.list())

		require.NoError(t, c.Deliver(t.Context(), text("keep 3")))
		require.Equal(t, []string{"keep 3 decrypt", "handled keep 3"}, log.list()[9:], "what is delivered isn't admitted")
		require.Empty(t, kept)
	})
}

// Reset stands between the messages of two sessions, and not where one is resumed.
func TestReset(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		log := new(record[string])
		c := offline(t, srv, "romeo")
		c.Use(xmpp.Extension{
			Name:  "a",
			Reset: func() { log.add("reset") },
			Admit: func(_ context.Context, m *stanza.Message) ([]*stanza.Message, bool) {
				log.add(m.Body)
				return nil, false
			},
		})
		require.NoError(t, c.Login(t.Context(), "", ""))
		juliet := online(t, srv, "juliet")
		say := func(body string) {
			require.NoError(t, juliet.ChatManager().CreateChat(srv.Address("romeo")).SendMessage(t.Context(), body))
			settle()
		}
		back := func() { eventually(t, 2*time.Minute, func() bool { return c.State() == xmpp.Online }); settle() }
		say("1")
		srv.Drop("romeo")
		say("2")
		back()
		say("3")
		srv.Drop("romeo")
		settle()
		srv.Forget("romeo")
		say("4")
		back()
		require.Equal(t, []string{"reset", "1", "2", "3", "reset", "4"}, log.list())
	})
}

// What a step has consumed is handled, however long a callback works.
func TestConsumedMessagesDoNotWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := offline(t, srv, "romeo")
		c.Use(xmpp.Extension{Name: "a", Incoming: func(_ context.Context, m *stanza.Message) (*stanza.Message, error) {
			if m.Body == "eaten" {
				return nil, nil
			}
			return m, nil
		}})
		free := make(chan struct{})
		defer close(free)
		c.OnMessage(func(context.Context, *stanza.Message) { <-free })
		require.NoError(t, c.Login(t.Context(), "", ""))
		settle() // our own presence is through
		for _, body := range []string{"slow", "eaten", "eaten"} {
			raw(srv, "romeo", "<message from='juliet@localhost'><body>"+body+"</body></message>")
		}
		settle()
		require.Equal(t, 1, c.Stats().Waiting)
	})
}
