package xmpp_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

func TestPresenceOfContacts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := online(t, srv, "romeo")
		seen := new(record[string])
		c.Roster().OnPresence(func(_ context.Context, a xmpp.Availability) {
			seen.add(fmt.Sprint(a.Address.Resource(), " ", a.Available, " ", a.Show, a.Status))
		})
		settle()
		r := c.Roster()
		say := func(resource, rest string) {
			raw(srv, "romeo", "<presence from='juliet@capulet.example/"+resource+"'"+rest)
			settle()
		}
		peer := jid.MustParse("juliet@capulet.example")
		order := func() (all []string) {
			for a := range r.Presences(peer) {
				all = append(all, a.Address.Resource())
			}
			return all
		}
		require.False(t, r.Available(peer))
		say("dnd", "><show>dnd</show></presence>")
		say("away", "><show>away</show></presence>")
		say("plain", "/>")
		say("odd", "><show>odd</show></presence>")
		say("chat", "><show>chat</show></presence>")
		say("xa", "><show>xa</show></presence>")
		say("high", "><show>dnd</show><priority>5</priority></presence>")
		say("low", "><show>chat</show><priority>-1</priority></presence>")
		require.Equal(t, []string{"high", "chat", "odd", "plain", "away", "xa", "dnd", "low"}, order())
		best, ok := r.Best(peer)
		require.True(t, ok)
		require.Equal(t, "high", best.Address.Resource())
		a, ok := r.Presence(must(peer.WithResource("away")))
		require.True(t, ok)
		require.Equal(t, stanza.ShowAway, a.Show)

		before := len(seen.list())
		say("plain", "/>")
		require.Len(t, seen.list(), before, "nothing has changed")
		say("high", " type='unavailable'><status>bye</status></presence>")
		require.Equal(t, "high false bye", seen.list()[before])
		say("never seen", " type='unavailable'/>")
		say("high", " type='error'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>")
		require.Len(t, seen.list(), before+1)
		raw(srv, "romeo", "<presence from='juliet@capulet.example' type='unavailable'/>")
		settle()
		require.False(t, r.Available(peer))
		require.Len(t, seen.list(), before+8, "all of them have gone")
	})
}

// A new session knows nobody's presence; its own come after that was said.
func TestPresenceAcrossSessions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{NoStreamManagement: true})
		c, j := online(t, srv, "romeo"), online(t, srv, "juliet", func(cfg *xmpp.ConnectionConfiguration) { cfg.Resource = "x" })
		require.NoError(t, c.Roster().PreApprove(t.Context(), juliet))
		require.NoError(t, j.Roster().PreApprove(t.Context(), srv.Address("romeo")))
		require.NoError(t, c.Roster().Subscribe(t.Context(), juliet))
		settle()
		require.True(t, c.Roster().Available(juliet))
		raw(srv, "romeo", "<presence from='gone@capulet.example/x'/>")
		settle()
		seen := new(record[string])
		c.Roster().OnPresence(func(_ context.Context, a xmpp.Availability) {
			if a.Address.Bare() != srv.Address("romeo") {
				seen.add(fmt.Sprint(a.Address, " ", a.Available))
			}
		})
		srv.Drop("romeo")
		settle()
		require.Empty(t, seen.list(), "nobody has said that juliet is away")
		eventually(t, time.Minute, func() bool { return c.State() == xmpp.Online })
		settle()
		all := seen.list()
		require.ElementsMatch(t, []string{"juliet@localhost/x false", "gone@capulet.example/x false"}, all[:2])
		require.Equal(t, []string{"juliet@localhost/x true"}, all[2:])
		require.True(t, c.Roster().Available(juliet))
	})
}

// S191: peers choose addresses and resources, so what is kept is bounded.
func TestHostilePresenceFlood(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := online(t, srv, "romeo")
		require.NoError(t, c.Roster().Add(t.Context(), juliet, ""))
		var b strings.Builder
		for i := range 200 {
			fmt.Fprintf(&b, "<presence from='juliet@localhost/%d'/>", i)
		}
		for i := range 6000 {
			fmt.Fprintf(&b, "<presence from='s%d@stranger.example/x'/>", i)
		}
		raw(srv, "romeo", b.String())
		pass(time.Second)
		here := func(i int) bool { return c.Roster().Available(jid.MustParse(fmt.Sprintf("s%d@stranger.example", i))) }
		require.False(t, here(0), "who came first has gone")
		require.False(t, here(400))
		require.True(t, here(2000))
		require.True(t, here(5999))
		n := 0
		for range c.Roster().Presences(juliet) {
			n++
		}
		require.Equal(t, 64, n, "strangers don't cost a contact its place")
	})
}

// Limits.StrangersBytes: who was heard of first makes room, and listeners hear just what is kept.
func TestStrangersMakeRoom(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{NoStreamManagement: true})
		c := online(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) { cfg.Limits.StrangersBytes = 1500 }) // each has about 430
		r, told := c.Roster(), new(record[string])
		r.OnPresence(func(_ context.Context, a xmpp.Availability) {
			told.add(fmt.Sprint(a.Address.Local(), " ", a.Available))
		})
		says := func(who, more string) {
			raw(srv, "romeo", "<presence from='"+who+"@stranger.example/x'"+more+"/>")
			settle()
		}
		here := func() (all string) {
			for _, who := range []string{"a", "b", "c", "d", "e", "f"} {
				if r.Available(jid.MustParse(who + "@stranger.example")) {
					all += who
				}
			}
			return all
		}
		for _, who := range []string{"a", "b", "c", "a"} {
			says(who, "")
		}
		require.Equal(t, "abc", here())
		says("d", "")
		require.Equal(t, "bcd", here())
		require.Equal(t, []string{"a true", "b true", "c true", "d true", "a false"}, told.list())

		says("c", " type='unavailable'")
		says("e", "")
		require.Equal(t, "bde", here(), "who goes makes room")

		for range 10 {
			raw(srv, "romeo", "<presence from='b@stranger.example/y'/><presence from='b@stranger.example/y' type='unavailable'/>")
			settle()
		}
		require.Equal(t, "bde", here(), "nor does a resource that has gone count")

		// A contact is no stranger, and is one again when it is off the list.
		require.NoError(t, r.Add(t.Context(), jid.MustParse("b@stranger.example"), ""))
		says("a", "")
		require.Equal(t, "abde", here())
		require.NoError(t, r.Remove(t.Context(), jid.MustParse("b@stranger.example")))
		settle()
		require.Equal(t, "abe", here())
		require.Equal(t, "d false", told.list()[len(told.list())-1])

		// A new session begins at nothing.
		srv.Drop("romeo")
		pass(time.Minute)
		require.Empty(t, here())
		for _, who := range []string{"d", "e", "f"} {
			says(who, "")
		}
		require.Equal(t, "def", here())
	})
}

// What is stored holds no stanza in memory: cut from large stanzas.
func TestStoredValuesHoldNoStanza(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		pad := "<x xmlns='urn:x'>" + strings.Repeat("x", 1<<18) + "</x>"
		heap := func() int64 {
			settle()
			runtime.GC()
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return int64(m.HeapAlloc)
		}
		before := heap()
		stop := srv.InterceptOutgoing(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element {
			if e.Attr("type") == "result" && e.Local() == "iq" {
				return []stanza.Element{must(stanza.Parse("<iq xmlns='jabber:client' type='result' id='" + e.Attr("id") +
					"'><query xmlns='jabber:iq:roster'><item jid='first@localhost' name='First'/>" + strings.Repeat(pad, 24) + "</query></iq>"))}
			}
			return []stanza.Element{e}
		})
		c := online(t, srv, "romeo")
		stop()
		for i := range 40 {
			raw(srv, "romeo", fmt.Sprintf("<presence from='juliet@localhost/%d'><show>odd%d</show><status>s%d</status>%s</presence>", i, i, i, pad)+
				fmt.Sprintf("<iq type='set' id='%d'><query xmlns='jabber:iq:roster' ver='v%d'><item jid='c%d@localhost' name='n%d' subscription='s%d'><group>g%d</group></item>%s</query></iq>", i, i, i, i, i, i, pad))
			settle()
		}
		grown := heap() - before
		require.Len(t, contacts(c.Roster()), 41)
		require.Less(t, grown, int64(5<<20), "40 of each, cut from 20 MB")
		runtime.KeepAlive(c)
	})
}

// Strangers choose their status, and it isn't kept.
func TestStrangersStatusIsNotKept(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := online(t, srv, "romeo")
		told := new(record[int])
		c.Roster().OnPresence(func(_ context.Context, a xmpp.Availability) { told.add(len(a.Status)) })
		raw(srv, "romeo", "<presence from='eve@evil.example/x'><show>"+strings.Repeat("s", 1000)+"</show><status>"+strings.Repeat("x", 200_000)+"</status></presence>")
		settle()
		a, ok := c.Roster().Presence(jid.MustParse("eve@evil.example/x"))
		require.True(t, ok)
		require.Empty(t, a.Status)
		require.Empty(t, a.Show)
		require.Equal(t, []int{200_000}, told.list())
	})
}

// Limits.RosterBytes bounds the contacts' presence as well: their statuses are left out first, and everything is told all the same.
func TestContactsPresenceHasABound(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{NoStreamManagement: true})
		c := online(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) { cfg.Limits.RosterBytes = 20_000 })
		require.NoError(t, c.Roster().Add(t.Context(), juliet, ""))
		told := new(record[string])
		c.Roster().OnPresence(func(_ context.Context, a xmpp.Availability) {
			told.add(fmt.Sprint(a.Address.Resource(), " ", a.Available, " ", len(a.Status)))
		})
		says := func(resource, more string) {
			raw(srv, "romeo", "<presence from='juliet@localhost/"+resource+"'"+more)
			settle()
		}
		kept := func() (resources, statuses int) {
			for a := range c.Roster().Presences(juliet) {
				resources++
				statuses += min(1, len(a.Status))
			}
			return resources, statuses
		}
		status := "><status>" + strings.Repeat("s", 4000) + "</status></presence>"
		for i := range 64 {
			says(fmt.Sprint("r", i), status)
		}
		resources, statuses := kept()
		require.Equal(t, 4, statuses, "of 20 000 bytes")
		require.Greater(t, resources, 15)
		require.Less(t, resources, 64)
		require.Len(t, told.list(), 64)
		require.Equal(t, "r63 true 4000", told.list()[63])

		// What goes makes room, and what is replaced does.
		says("r0", " type='unavailable'/>")
		says("r1", "/>")
		says("new", status)
		says("r2", status)
		_, statuses = kept()
		require.Equal(t, 3, statuses)
		says("r1", status)
		_, statuses = kept()
		require.Equal(t, 4, statuses)
		for i := range 64 {
			says(fmt.Sprint("r", i), " type='unavailable'/>")
		}
		says("new", " type='unavailable'/>")
		require.False(t, c.Roster().Available(juliet))

		// An address that is taken off the list and put on it again counts once.
		for range 30 {
			says("x", status)
			require.NoError(t, c.Roster().Remove(t.Context(), juliet))
			require.NoError(t, c.Roster().Add(t.Context(), juliet, ""))
			says("x", status)
			says("x", " type='unavailable'/>")
		}
		for i := range 8 {
			says(fmt.Sprint("r", i), status)
		}
		_, statuses = kept()
		require.Equal(t, 4, statuses)
	})
}
