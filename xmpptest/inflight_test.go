package xmpptest_test

import (
	"sync"
	"testing"
	"testing/synctest"

	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
	"github.com/stretchr/testify/require"
)

// What an old connection has not written yet goes to the new one only.
func TestResumeWhileTheOldOneIsStalled(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, quiet())
		juliet, old := login(t, srv, "juliet", "x"), login(t, srv, "romeo", "orchard")
		id := old.enable()
		conn := srv.Connections("romeo")[0]
		conn.Stall(false, true)
		juliet.say("romeo@localhost/orchard", 1, 1)
		synctest.Wait()
		juliet.say("romeo@localhost/orchard", 2, 2)
		romeo := resume(t, srv, "romeo", id, 0)
		romeo.expect("<resumed")
		romeo.hears(1, 2)
		conn.Resume()
		old.hears(1, 1)
		old.ended("conflict")
		require.EqualValues(t, 2, state(t, srv, "romeo").Sent)
	})
}

// What was not written when the session ended is stored, and is not written
// any more to a client that could not acknowledge it.
func TestUnwrittenIsStored(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, quiet())
		juliet, romeo := login(t, srv, "juliet", "x"), online(t, srv, "romeo", "orchard")
		romeo.enable()
		conn := srv.Connections("romeo")[0]
		conn.Stall(false, true)
		juliet.say("romeo@localhost", 1, 1)
		synctest.Wait() // the first is being written
		juliet.say("romeo@localhost", 2, 2)
		romeo.send("</stream:stream>")
		synctest.Wait()
		conn.Resume()
		romeo.hears(1, 1)
		romeo.ended("")
		romeo = online(t, srv, "romeo", "orchard")
		romeo.hears(1, 2)
		romeo.sync()
	})
}

// A stanza that the server had read when the session left its connection is
// neither acted upon nor counted: the client will send it again.
func TestStanzaBehindACut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, quiet())
		juliet, romeo := online(t, srv, "juliet", "x"), online(t, srv, "romeo", "orchard")
		id := romeo.enable()
		var once sync.Once
		srv.Intercept(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element {
			once.Do(func() { srv.Drop("romeo") })
			return []stanza.Element{e}
		})
		romeo.send("<message to='juliet@localhost'><body>1</body></message>")
		romeo.lost()
		synctest.Wait()
		romeo = resume(t, srv, "romeo", id, 0)
		romeo.expect("<resumed", "h='0'")
		romeo.send("<message to='juliet@localhost'><body>1</body></message>")
		juliet.hears(1, 1)
		juliet.sync()
	})
}
