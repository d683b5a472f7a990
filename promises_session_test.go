package xmpp_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/carbons"
	"github.com/gosmack/xmpp/xmpptest"
)

// forgetful is a server that refuses to resume and doesn't say how far it got.
func forgetful(o xmpptest.Options) *xmpptest.Options {
	o.StreamManagement.Resumption = xmpptest.ResumeFailsWithoutCount
	return &o
}

// TestTheArchiveKnows is R05: the server has forgotten the session and does not say what it had handled, but it has an archive, and an extension that
// reads it tells what had arrived. What the archive lacks is sent again, and nothing else. (xep/mam is that extension; xmpptest/interop has the real archives.)
func TestTheArchiveKnows(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const messages, handled = 40, 17
		srv := xmpptest.NewServer(t, forgetful(xmpptest.Options{}))
		archive := new(record[string])
		srv.Intercept(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element {
			if e.Local() == "message" {
				archive.add(e.Attr("id"))
			}
			return []stanza.Element{e}
		})
		got := texts(managed(t, srv, "juliet"))
		said := new(record[error])
		c := offline(t, srv, "romeo", complaints(said))
		asked := 0
		c.Use(xmpp.Extension{Name: "archive", Reconcile: func(_ context.Context, all []*stanza.Message) (arrived []xmpp.Arrival, err error) {
			for _, m := range all {
				asked++
				if slices.Contains(archive.list(), m.ID) {
					arrived = append(arrived, xmpp.Arrived)
				} else {
					arrived = append(arrived, xmpp.NotArrived)
				}
			}
			return arrived, nil
		}})
		require.NoError(t, c.Login(t.Context(), "", ""))
		settle()
		srv.SetStreamManagement(xmpptest.StreamManagement{Resumption: xmpptest.ResumeFailsWithoutCount, Mute: true})
		var want []string
		var acks []*xmpp.Ack
		for n := range messages {
			if n == handled {
				settle()
				srv.Connections("romeo")[0].Stall(true, false)
			}
			want = append(want, fmt.Sprint(n))
			ack, err := c.Submit(t.Context(), text(want[n]))
			require.NoError(t, err)
			acks = append(acks, ack)
		}
		settle()
		srv.SetStreamManagement(xmpptest.StreamManagement{Resumption: xmpptest.ResumeFailsWithoutCount})
		srv.Drop("romeo")
		for _, ack := range acks {
			require.NoError(t, ack.Wait(t.Context()))
		}
		settle()
		require.Equal(t, want, got.list())
		require.Equal(t, messages, asked)
		require.Empty(t, said.list(), "nothing may arrive twice")
		figure(t, "R05", "session forgotten without a count, %d of %d messages had arrived: the archive was asked, %d sent again, 0 lost, 0 doubled", handled, messages, messages-handled)
	})
}

// TestNotSentAgain is R07: when a session is lost, what would be wrong later is not sent in the next one, and who asked is told.
func TestNotSentAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, forgetful(xmpptest.Options{}))
		said, sent := new(record[error]), new(record[string])
		c := online(t, srv, "romeo", complaints(said), func(cfg *xmpp.ConnectionConfiguration) {
			cfg.ResendWindow = 20 * time.Minute
			cfg.RequestTimeout = 3 * time.Hour
			cfg.Silence = -1
			cfg.Trace = func(e xmpp.TraceEvent) {
				if e.Out {
					sent.add(string(e.Data))
				}
			}
		})
		settle()
		srv.Connections("romeo")[0].Stall(true, true) // all that follows is on its way
		old, err := c.Submit(t.Context(), text("of long ago"))
		require.NoError(t, err)
		pass(30 * time.Minute)
		get, set := make(chan error, 1), make(chan error, 1)
		go func() { get <- c.Get(t.Context(), juliet, uptimeQuery{Of: "get"}, nil) }()
		go func() { set <- c.Set(t.Context(), juliet, uptimeQuery{Of: "set"}, nil) }()
		require.NoError(t, c.PresenceManager().Set(t.Context(), &stanza.Presence{Status: "stale"}))
		require.NoError(t, c.Send(t.Context(), &stanza.Presence{To: juliet, Status: "directed"}))
		typing := text("")
		stanza.Add(typing, must(stanza.Parse("<composing xmlns='http://jabber.org/protocol/chatstates'/>")))
		require.NoError(t, c.Send(t.Context(), typing))
		both := text("with a text")
		stanza.Add(both, must(stanza.Parse("<active xmlns='http://jabber.org/protocol/chatstates'/>")))
		require.NoError(t, c.Send(t.Context(), both))
		settle()
		before := len(sent.list())
		srv.Dialer().Refuse(-1)
		srv.Drop("romeo")
		settle()
		require.NoError(t, c.PresenceManager().Set(t.Context(), &stanza.Presence{Status: "current"}))
		srv.Dialer().Refuse(0)
		eventually(t, 5*time.Minute, func() bool { return c.State() == xmpp.Online })
		pass(10 * time.Second)
		next := strings.Join(sent.list()[before:], "\n")
		for _, s := range []string{"of long ago", "of='get'", "of='set'", "stale", "directed", "composing"} {
			require.NotContains(t, next, s)
		}
		require.Equal(t, 1, strings.Count(next, ">current<"))
		require.Equal(t, 1, strings.Count(next, "with a text"), "a text is sent again, whatever stands beside it")
		require.ErrorIs(t, old.Wait(t.Context()), xmpp.ErrExpired)
		require.True(t, xmpp.SafeToRetry(<-get))
		err = <-set
		require.ErrorIs(t, err, xmpp.ErrUnknownOutcome)
		require.False(t, xmpp.SafeToRetry(err))
		require.NotEmpty(t, said.list(), "never silent")
		figure(t, "R07", "of requests, stale and directed presence, a chat state and a message past the resend window 0 were sent again; the text beside them was")
	})
}

// TestANewSessionStandsInOrder is R09: what a lost session took with it is done again, each thing once and in this order, and said once.
func TestANewSessionStandsInOrder(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, forgetful(xmpptest.Options{}))
		sent := new(record[string])
		c := offline(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) {
			cfg.Trace = func(e xmpp.TraceEvent) {
				if e.Out {
					sent.add(string(e.Data))
				}
			}
		})
		carbons.Enable(c)
		c.Use(xmpp.Extension{Name: "rooms", Online: func(ctx context.Context, _ *xmpp.Session) error {
			return c.Get(ctx, srv.Address("").Bare(), uptimeQuery{Of: "rejoin"}, nil)
		}})
		require.NoError(t, c.Login(t.Context(), "", ""))
		require.NoError(t, c.Roster().Add(t.Context(), juliet, "Juliet"))
		settle()
		srv.Connections("romeo")[0].Stall(true, true)
		require.NoError(t, c.Send(t.Context(), text("unacknowledged")))
		settle()
		states := new(record[xmpp.StateChange])
		c.OnState(states.add)
		before := len(sent.list())
		srv.Drop("romeo")
		settle()
		require.NoError(t, c.Send(t.Context(), text("new")))
		eventually(t, time.Minute, func() bool { return c.State() == xmpp.Online })
		pass(time.Second)
		next := sent.list()[before:]
		at := -1
		for _, step := range []string{"<resume ", "xmpp-bind", "<enable xmlns='urn:xmpp:sm:3'", "<presence", "unacknowledged", ">new<"} {
			i := slices.IndexFunc(next, func(s string) bool { return strings.Contains(s, step) })
			require.Greater(t, i, at, "%s in its place: %s", step, strings.Join(next, "\n"))
			require.Equal(t, 1, strings.Count(strings.Join(next, ""), step), step)
			at = i
		}
		place := func(what string) int {
			return slices.IndexFunc(next, func(s string) bool { return strings.Contains(s, what) })
		}
		for _, step := range []string{"urn:xmpp:carbons:2", "jabber:iq:roster"} { // in one flight
			require.Greater(t, place(step), place("<enable xmlns='urn:xmpp:sm:3'"), step)
			require.Less(t, place(step), place("<presence"), step)
		}
		require.Regexp(t, "ver='[^']+'", next[place("jabber:iq:roster")], "it asks for what has changed")
		require.Greater(t, place("of='rejoin'"), place("<presence"))
		resets := slices.DeleteFunc(states.list(), func(s xmpp.StateChange) bool { return !s.Reset })
		require.Len(t, resets, 1)
		figure(t, "R09", "resume, bind, enable, carbons and roster by version, presence, what was unacknowledged, what is new, Online hooks; 1 Reset event")
	})
}

// TestHandledIsAPrefix is R11: what is in a handler, and all behind it, is not counted, the question for the count is answered at once all the same, and a connection
// that breaks meanwhile makes nothing come twice.
func TestHandledIsAPrefix(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const messages, held = 20, 7
		// Without an archive, so that nothing but its place tells a stanza that comes again.
		srv := xmpptest.NewServer(t, &xmpptest.Options{StreamManagement: xmpptest.StreamManagement{AskEvery: -1}, NoArchive: true})
		romeo, c := managed(t, srv, "romeo"), managed(t, srv, "juliet")
		seen := new(record[string])
		c.OnMessage(func(_ context.Context, m *stanza.Message) {
			if m.Body == fmt.Sprint(held) {
				time.Sleep(10 * time.Second) // virtual
			}
			seen.add(m.Body)
		})
		settle()
		raw(srv, "juliet", "<r xmlns='urn:xmpp:sm:3'/>")
		settle()
		base := srv.Sessions("juliet")[0].Acked
		var want []string
		for n := range messages {
			want = append(want, fmt.Sprint(n))
			require.NoError(t, romeo.Send(t.Context(), &stanza.Message{To: c.User(), Type: stanza.MessageChat, Body: want[n]}))
		}
		settle()
		asked := time.Now()
		raw(srv, "juliet", "<r xmlns='urn:xmpp:sm:3'/>")
		settle()
		require.Zero(t, time.Since(asked))
		require.EqualValues(t, held, srv.Sessions("juliet")[0].Acked-base, "what stands before the one that is held")
		require.Len(t, seen.list(), held)
		srv.Drop("juliet") // and the server sends the others again
		eventually(t, 5*time.Second, func() bool { return c.State() == xmpp.Online })
		pass(time.Minute)
		require.Equal(t, want, seen.list())
		require.Zero(t, c.Stats().Doubled)
		countsAgree(t, srv, c, "at the end")
		figure(t, "R11", "a handler holds stanza %d for 10 s: <r/> is answered after 0 s with h=%d, and %d that the server sends again are dropped by their place", held+1, held, messages-held)
	})
}
