package xmpp_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// heapNow is what is alive.
func heapNow() (bytes, objects int64) {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc), int64(m.HeapObjects)
}

// What presence is counted for (Limits.StrangersBytes, Limits.RosterBytes) is what it costs, or more; and it is few objects.
func TestPresenceCostsWhatItCounts(t *testing.T) {
	for name, flood := range map[string]struct {
		addresses, resources int
		resource             string
		show, status         string
		contacts             bool
		objects              int // for each address, with the map's
	}{
		"one each":       {3000, 1, "phone-%d", "away", "", false, 3},
		"many each":      {60, 64, "r%d", "", "not kept", false, 3},
		"long resources": {20, 64, strings.Repeat("r", 1000) + "%03d", "dnd", "", false, 3},
		"odd shows":      {400, 5, "r%d", strings.Repeat("o", 32), "", false, 9},
		"odd and many":   {60, 64, "r%d", strings.Repeat("o", 32), "", false, 68},
		"contacts":       {400, 5, "r%d", "xa", "I am away, and so I am", true, 9},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := xmpp.NewConnection(&xmpp.ConnectionConfiguration{
				Address: jid.MustParse("romeo@localhost"), Password: "secret", Limits: xmpp.Limits{StrangersBytes: 64 << 20},
			})
			require.NoError(t, err)
			var all []*stanza.Presence
			for i := range flood.addresses {
				for n := range flood.resources {
					from, err := jid.New(fmt.Sprint("peer", i), "stranger.example", fmt.Sprintf(flood.resource, n))
					require.NoError(t, err)
					all = append(all, &stanza.Presence{From: from, Show: stanza.Show(flood.show), Status: flood.status, Priority: -1})
					if flood.contacts && n == 0 {
						c.Roster().Know(from.Bare())
					}
				}
			}
			before, objects := heapNow()
			for _, p := range all {
				c.Roster().Track(p)
			}
			after, objectsAfter := heapNow()
			counted := c.Roster().Counted()
			t.Logf("%d bytes counted, %d in %d objects", counted, after-before, objectsAfter-objects)
			require.Less(t, after-before, int64(counted))
			if !raceEnabled {
				require.LessOrEqual(t, objectsAfter-objects, int64(flood.objects*flood.addresses+100))
			}

			// Who was there as often as can be and has one resource left holds the memory of one.
			if flood.resources > 1 {
				for i, p := range all {
					if i%flood.resources != 0 {
						gone := *p
						gone.Type = stanza.PresenceUnavailable
						c.Roster().Track(&gone)
					}
				}
				after, _ = heapNow()
				require.Less(t, after-before, int64(c.Roster().Counted()))
			}
			runtime.KeepAlive(all)
			runtime.KeepAlive(c)
		})
	}
}

// An address is packed and taken apart again: whatever is said of its resources, in whatever order they change and go, the others stay as they are.
func TestResourcesDontTouchEachOther(t *testing.T) {
	c, err := xmpp.NewConnection(&xmpp.ConnectionConfiguration{Address: jid.MustParse("romeo@localhost"), Password: "secret"})
	require.NoError(t, err)
	r := c.Roster()
	peer := jid.MustParse("juliet@localhost")
	r.Know(peer)
	want := map[jid.JID]xmpp.Availability{}
	shows := []stanza.Show{"", "away", "chat", "dnd", "xa", "odd", "stranger"}
	names := []string{"", "a", "b", "long " + strings.Repeat("l", 300), "日本", "c", "d"}
	for i := range 3000 {
		// Two generators that have no period in common, so that every step meets every state.
		full := peer
		if name := names[i*i%97%len(names)]; name != "" {
			full = must(peer.WithResource(name))
		}
		p := &stanza.Presence{From: full, Show: shows[i*7%31%len(shows)], Priority: int8(i % 256)}
		if i%3 == 0 {
			p.Status = fmt.Sprint("status ", i)
		}
		if i%5 == 2 {
			p.Type = stanza.PresenceUnavailable
		}
		r.Track(p)
		switch {
		case p.Type == stanza.PresenceAvailable:
			want[full] = xmpp.Availability{Address: full, Available: true, Show: p.Show, Status: p.Status, Priority: p.Priority}
		case full == peer:
			clear(want)
		default:
			delete(want, full)
		}
		got := map[jid.JID]xmpp.Availability{}
		for a := range r.Presences(peer) {
			got[a.Address] = a
		}
		require.Equal(t, want, got, "step %d", i)
		for full, a := range want {
			one, ok := r.Presence(full)
			require.True(t, ok)
			require.Equal(t, a, one)
		}
		require.Equal(t, len(want) > 0, r.Available(peer))
	}
}

// An address that was parsed may lie in the cache, beside others. What the library keeps for long is a copy that leaves these behind.
func TestWhatIsKeptHoldsNoNeighbours(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := online(t, srv, "romeo")
		require.NoError(t, c.Roster().Add(t.Context(), juliet, ""))
		raw(srv, "romeo", "<presence from='juliet@localhost'/>")
		settle()
		best, ok := c.Roster().Best(juliet)
		require.True(t, ok)
		contact, ok := c.Roster().Contact(juliet)
		require.True(t, ok)
		chat := c.ChatManager().CreateChat(juliet)
		for what, kept := range map[string]jid.JID{"presence": best.Address, "contact": contact.JID, "chat": chat.Peer(), "user": c.User()} {
			cached := jid.MustParse(kept.String())
			require.Same(t, unsafe.StringData(cached.String()), unsafe.StringData(jid.MustParse(kept.String()).String()), "it is in the cache")
			require.NotSame(t, unsafe.StringData(cached.String()), unsafe.StringData(kept.String()), what)
		}
		account := jid.MustParse("account@localhost")
		other, err := xmpp.NewConnection(&xmpp.ConnectionConfiguration{Address: account, Password: "secret"})
		require.NoError(t, err)
		require.Equal(t, account, other.User())
		require.NotSame(t, unsafe.StringData(account.String()), unsafe.StringData(other.User().String()))
	})
}
