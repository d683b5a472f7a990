package xmpptest_test

import (
	"testing"
	"time"

	"github.com/gosmack/xmpp/xmpptest"
	"github.com/stretchr/testify/require"
)

func TestResume(t *testing.T) {
	everywhere(t, *quiet(), func(t *testing.T, srv *xmpptest.Server) {
		juliet, romeo := login(t, srv, "juliet", "x"), login(t, srv, "romeo", "orchard")
		id := romeo.enable()
		romeo.send("<presence/>")
		romeo.expect("<presence")
		juliet.say("romeo@localhost", 1, 3)
		romeo.hears(1, 3)
		srv.Drop("romeo")
		romeo.lost()
		require.Empty(t, srv.Connections("romeo"))
		juliet.say("romeo@localhost", 4, 5)
		s := srv.Sessions("romeo")[0]
		require.False(t, s.Connected)
		require.Equal(t, 2, s.Waiting)

		// The client got the presence and the first message only.
		romeo = resume(t, srv, "romeo", id, 2)
		romeo.expect("<resumed", "previd='"+id+"'", "h='1'")
		romeo.hears(2, 5)
		require.Equal(t, "romeo@localhost/orchard", srv.Connections("romeo")[0].Address().String())
		juliet.say("romeo@localhost/orchard", 6, 6)
		romeo.hears(6, 6)
		romeo.send("<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
		romeo.expect("id='p'")

		// Once more, with nothing to be sent again.
		srv.Drop("romeo")
		romeo = resume(t, srv, "romeo", id, 8)
		romeo.expect("<resumed", "h='2'")
		romeo.sync()
	})
}

// The counts of both sides stay equal over fifty resumptions.
func TestCountsSurviveResumption(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, quiet())
		juliet, romeo := login(t, srv, "juliet", "x"), login(t, srv, "romeo", "orchard")
		id := romeo.enable()
		for i := range 50 {
			if i%3 == 0 {
				juliet.say("romeo@localhost/orchard", i, i)
				romeo.hears(i, i)
			}
			srv.Drop("romeo")
			heard := i/3 + 1
			romeo = resume(t, srv, "romeo", id, heard)
			romeo.expect("<resumed", "h='0'")
			s := state(t, srv, "romeo")
			require.EqualValues(t, heard, s.Acked)
			require.EqualValues(t, heard, s.Sent)
			require.Zero(t, s.Unacked)
		}
	})
}

func TestResumeWhileStillConnected(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		old := online(t, srv, "romeo", "orchard")
		id := old.enable()
		romeo := resume(t, srv, "romeo", id, 0)
		romeo.expect("<resumed")
		old.ended("conflict")
		romeo.sync()
		require.Len(t, srv.Connections("romeo"), 1)
	})
}

func TestResumeIsRefused(t *testing.T) {
	tests := []struct {
		name   string
		before func(t *testing.T, srv *xmpptest.Server)
		h      string // of <failed/>
	}{
		{"with h", func(_ *testing.T, srv *xmpptest.Server) {
			srv.SetStreamManagement(xmpptest.StreamManagement{Resumption: xmpptest.ResumeFailsWithCount})
		}, "1"},
		{"without h", func(_ *testing.T, srv *xmpptest.Server) {
			srv.SetStreamManagement(xmpptest.StreamManagement{Resumption: xmpptest.ResumeFailsWithoutCount})
		}, ""},
		{"forgotten", func(_ *testing.T, srv *xmpptest.Server) { srv.Forget("romeo") }, ""},
		{"too late", func(*testing.T, *xmpptest.Server) { time.Sleep(6 * time.Minute) }, "1"},
		{"too late, forgotten", func(_ *testing.T, srv *xmpptest.Server) {
			time.Sleep(6 * time.Minute) // virtual
			srv.Forget("romeo")
		}, ""},
		{"replaced", func(t *testing.T, srv *xmpptest.Server) { login(t, srv, "romeo", "orchard") }, "1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, nil)
				juliet, romeo := login(t, srv, "juliet", "x"), online(t, srv, "romeo", "orchard")
				id := romeo.enable()
				romeo.sync()
				juliet.say("romeo@localhost", 1, 1)
				romeo.hears(1, 1)
				srv.Drop("romeo")
				juliet.say("romeo@localhost", 2, 2)
				tt.before(t, srv)

				romeo = resume(t, srv, "romeo", id, 1)
				e := romeo.expect("<failed", "item-not-found")
				require.Equal(t, tt.h, e.Attr("h"))
				require.Contains(t, text(romeo.bind("balcony")), "romeo@localhost/balcony")
				romeo.send("<presence/>")
				romeo.expect("<presence")
				// What was not acknowledged waits in the offline storage.
				romeo.expect("<body>1</body>", "urn:xmpp:delay", "stanza-id")
				romeo.expect("<body>2</body>", "urn:xmpp:delay")
			})
		})
	}
}

func TestResumeForSomebodyElse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		romeo := login(t, srv, "romeo", "orchard")
		id := romeo.enable()
		require.Empty(t, resume(t, srv, "juliet", id, 0).expect("<failed", "item-not-found").Attr("h"))
		romeo.sync()
		srv.Drop("romeo")
		resume(t, srv, "juliet", id, 0).expect("<failed", "item-not-found")
		resume(t, srv, "romeo", id, 1).expect("<resumed")
	})
}

func TestUnackedGoesToAnotherResource(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		juliet, orchard, tomb := login(t, srv, "juliet", "x"), login(t, srv, "romeo", "orchard"), online(t, srv, "romeo", "tomb")
		orchard.enable()
		srv.Drop("romeo")
		tomb = online(t, srv, "romeo", "tomb")
		juliet.say("romeo@localhost/orchard", 1, 1)
		juliet.send("<iq type='get' id='q' to='romeo@localhost/orchard'><ping xmlns='urn:xmpp:ping'/></iq>")
		juliet.sync()
		tomb.sync()
		time.Sleep(6 * time.Minute) // virtual
		tomb.expect("<body>1</body>", "to='romeo@localhost/orchard'", "urn:xmpp:delay")
		juliet.expect("id='q'", "service-unavailable")
	})
}

func TestContactsSeeNothingOfACut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		befriend(t, srv, "romeo", "juliet")
		juliet := online(t, srv, "juliet", "x")
		romeo := online(t, srv, "romeo", "orchard")
		juliet.expect("<presence", "romeo@localhost/orchard")
		romeo.expect("<presence", "juliet@localhost/x")
		id := romeo.enable()
		srv.Drop("romeo")
		juliet.sync()
		romeo = resume(t, srv, "romeo", id, 0)
		romeo.expect("<resumed")
		time.Sleep(6 * time.Minute) // a session that was resumed does not expire
		romeo.sync()
		juliet.sync()
		srv.Drop("romeo")
		time.Sleep(6 * time.Minute) // virtual
		juliet.expect("type='unavailable'", "romeo@localhost/orchard")
	})
}

func TestCleanEndLeavesNoSession(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, quiet())
		juliet, romeo := login(t, srv, "juliet", "x"), online(t, srv, "romeo", "orchard")
		id := romeo.enable()
		juliet.say("romeo@localhost", 1, 2)
		romeo.hears(1, 2)
		romeo.send("<a %s h='1'/></stream:stream>", sm)
		romeo.ended("")
		require.Empty(t, srv.Sessions("romeo"))
		romeo = resume(t, srv, "romeo", id, 1)
		romeo.expect("<failed")
		romeo.bind("orchard")
		romeo.send("<presence/>")
		romeo.expect("<presence")
		romeo.expect("<body>2</body>", "urn:xmpp:delay")
		romeo.sync()
	})
}
