package xmpptest_test

import (
	"testing"
	"time"

	"github.com/gosmack/xmpp/xmpptest"
	"github.com/stretchr/testify/require"
)

// copied is online with copies of the account's other conversations.
func copied(t *testing.T, srv *xmpptest.Server, user, resource string) *rawClient {
	t.Helper()
	c := login(t, srv, user, resource)
	c.send("<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
	c.expect("<iq", "type='result'", "id='c'")
	return c
}

func TestCarbons(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		romeo, phone, plain := copied(t, srv, "romeo", "orchard"), copied(t, srv, "romeo", "phone"), login(t, srv, "romeo", "plain")
		juliet, tablet := online(t, srv, "juliet", "balcony"), copied(t, srv, "juliet", "tablet")

		romeo.send("<message type='chat' id='1' to='juliet@localhost'><body>hi</body></message>")
		juliet.expect("<body>hi</body>")
		sent := phone.expect("<sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='romeo@localhost/orchard' to='juliet@localhost'")
		require.Equal(t, "romeo@localhost", sent.Attr("from"))
		require.Equal(t, "romeo@localhost/phone", sent.Attr("to"))
		require.Equal(t, "chat", sent.Attr("type"))
		got := tablet.expect("<received xmlns='urn:xmpp:carbons:2'>", "from='romeo@localhost/orchard'", "urn:xmpp:sid:0")
		require.Equal(t, "juliet@localhost", got.Attr("from"))

		// A resource's own copy is the message itself, whoever sent it.
		phone.send("<message type='chat' to='romeo@localhost/orchard'><body>self</body></message>")
		require.NotContains(t, text(romeo.expect("self")), "carbons")
		for _, c := range []*rawClient{romeo, phone, plain, juliet, tablet} {
			c.sync()
		}

		for _, tt := range []struct {
			message string
			copied  bool
		}{
			{"type='chat'><active xmlns='http://jabber.org/protocol/chatstates'/>", true},
			{"><body>normal</body>", true},
			{"><received xmlns='urn:xmpp:receipts' id='1'/>", true},
			{"><x xmlns='jabber:x:conference' jid='room@localhost'/>", true},
			{"><data xmlns='urn:x'/>", false},
			{"type='chat'><body>x</body><private xmlns='urn:xmpp:carbons:2'/>", false},
			{"type='chat'><body>x</body><no-copy xmlns='urn:xmpp:hints'/>", false},
			{"type='groupchat'><body>x</body>", false},
			{"type='headline'><body>x</body>", false},
			{"type='error'><body>x</body>", false},
			{"type='chat'><sent xmlns='urn:xmpp:carbons:2'/>", false},
		} {
			romeo.send("<message to='juliet@localhost/balcony' %s</message>", tt.message)
			juliet.expect("<message")
			if tt.copied {
				phone.expect("<sent")
				tablet.expect("<received")
			}
			phone.sync()
			tablet.sync()
		}
		phone.send("<iq type='set' id='c'><disable xmlns='urn:xmpp:carbons:2'/></iq>")
		phone.expect("type='result'")
		romeo.send("<message type='chat' to='juliet@localhost'><body>hi</body></message>")
		juliet.expect("hi")
		phone.sync()
		juliet.send("<iq type='get' id='d' to='localhost'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>")
		juliet.expect("<feature var='urn:xmpp:carbons:2'/>")
	})
}

// A copy that nobody acknowledged is no message of its own.
func TestLostCarbonIsNotStored(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, quiet())
		romeo, phone := copied(t, srv, "romeo", "orchard"), copied(t, srv, "romeo", "phone")
		phone.enable()
		srv.Password("juliet")
		romeo.send("<message type='chat' to='juliet@localhost'><body>hi</body></message>")
		phone.expect("<sent")
		srv.Forget("romeo")
		phone.conn.Close()
		romeo.send("<presence/>")
		romeo.expect("<presence")
		time.Sleep(time.Minute) // virtual
		romeo.sync()
	})
}

func TestCSI(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, quiet())
		befriend(t, srv, "romeo", "juliet")
		romeo, juliet := online(t, srv, "romeo", "orchard"), online(t, srv, "juliet", "balcony")
		juliet.expect("<presence", "romeo@localhost/orchard")
		romeo.expect("<presence", "juliet@localhost/balcony")
		id := romeo.enable()
		noise := func(show string) {
			juliet.send("<presence><show>%s</show></presence>", show)
			juliet.expect("<presence")
			juliet.send("<message to='romeo@localhost' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>")
			juliet.sync()
		}
		romeo.send("<inactive xmlns='urn:xmpp:csi:0'/>")
		romeo.sync()
		noise("away")
		romeo.silent()
		// Something important sends all, in order.
		juliet.send("<message to='romeo@localhost' type='chat'><body>hi</body></message>")
		romeo.expect("<show>away</show>")
		romeo.expect("<composing")
		romeo.expect("<body>hi</body>")
		noise("dnd")
		romeo.send("<active xmlns='urn:xmpp:csi:0'/>")
		romeo.expect("<show>dnd</show>")
		romeo.expect("<composing")
		noise("xa")
		romeo.expect("<show>xa</show>")
		romeo.expect("<composing")

		// A resumed session begins active, and has lost nothing.
		romeo.send("<inactive xmlns='urn:xmpp:csi:0'/>")
		romeo.sync()
		noise("away")
		srv.Drop("romeo")
		noise("chat")
		h := int(srv.Sessions("romeo")[0].Sent)
		romeo = resume(t, srv, "romeo", id, h)
		romeo.expect("<resumed")
		for _, show := range []string{"away", "chat"} {
			romeo.expect("<show>" + show + "</show>")
			romeo.expect("<composing")
		}
		noise("xa")
		romeo.expect("<show>xa</show>")
	})
}
