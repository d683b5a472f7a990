package xmpptest_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
	"github.com/stretchr/testify/require"
)

func TestCountsThatLie(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := login(t, srv, "romeo", "orchard")
		id := c.enable()
		c.sync()
		c.sync()
		for offset, want := range map[int]string{5: "h='7'", -1: "h='1'", -3: "h='4294967295'"} {
			srv.SetStreamManagement(xmpptest.StreamManagement{HandledOffset: offset})
			c.send("<r %s/>", sm)
			c.expect("<a", want)
		}
		srv.SetStreamManagement(xmpptest.StreamManagement{Mute: true})
		c.send("<r %s/>", sm)
		c.sync()
		srv.SetStreamManagement(xmpptest.StreamManagement{HandledOffset: 1})
		resume(t, srv, "romeo", id, 2).expect("<resumed", "h='4'")
	})
}

func TestUnackedLimit(t *testing.T) {
	for n, want := range map[int]string{5: "<resumed", 6: "<failed"} {
		bubble(t, func(t *testing.T) {
			srv := xmpptest.NewServer(t, &xmpptest.Options{StreamManagement: xmpptest.StreamManagement{UnackedLimit: 5}})
			juliet, romeo := login(t, srv, "juliet", "x"), login(t, srv, "romeo", "orchard")
			id := romeo.enable()
			juliet.say("romeo@localhost/orchard", 1, n)
			romeo.hears(1, n)
			romeo.send("<a %s h='%d'/>", sm, n)
			require.Equal(t, n, state(t, srv, "romeo").Most)
			resume(t, srv, "romeo", id, n).expect(want)
		})
	}
}

// What really leaves is what counts: the client can count nothing else.
func TestCountsFollowInterceptorsAndFaults(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, quiet())
		juliet, romeo := login(t, srv, "juliet", "x"), login(t, srv, "romeo", "orchard")
		id := romeo.enable()
		stop := srv.InterceptOutgoing(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element {
			if strings.Contains(e.String(), "<body>2</body>") {
				return nil
			}
			return []stanza.Element{e}
		})
		srv.SetFaults("romeo", xmpptest.Faults{Duplicate: 1, Reorder: 3})
		juliet.say("romeo@localhost/orchard", 1, 4)
		synctest.Wait()
		stop()
		for _, n := range []int{1, 1, 3} {
			romeo.hears(n, n)
		}
		srv.Connections("romeo")[0].Send("<message><body>raw</body></message>")
		romeo.expect("raw")
		require.EqualValues(t, 4, state(t, srv, "romeo").Sent)
		// The fourth waits for one to be put behind; it is not lost.
		srv.Drop("romeo")
		romeo = resume(t, srv, "romeo", id, 4)
		romeo.expect("<resumed")
		romeo.hears(4, 4)
		require.EqualValues(t, 5, state(t, srv, "romeo").Sent)
	})
}

func TestRestart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		juliet, romeo := login(t, srv, "juliet", "x"), online(t, srv, "romeo", "orchard")
		id := romeo.enable()
		srv.Drop("romeo")
		juliet.say("romeo@localhost", 1, 1)
		srv.Restart()
		juliet.lost()
		require.Empty(t, srv.Sessions("romeo"))
		romeo = resume(t, srv, "romeo", id, 0)
		require.Empty(t, romeo.expect("<failed").Attr("h"))
		romeo.bind("orchard")
		romeo.send("<presence/>")
		romeo.expect("<presence")
		romeo.sync() // the crash took the message
	})
}

// No session waits, with its timer, in a server that is closed.
func TestCloseEndsWaiting(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		online(t, srv, "romeo", "orchard").enable()
		juliet := online(t, srv, "juliet", "x")
		juliet.enable()
		srv.Drop("romeo")
		synctest.Wait()
		srv.Close()
		require.Empty(t, srv.Sessions("romeo"))
		require.Empty(t, srv.Sessions("juliet"))
	})
}
