package xmpptest_test

import (
	"fmt"
	"testing"

	"github.com/gosmack/xmpp/xmpptest"
	"github.com/stretchr/testify/require"
)

// scene is a server with juliet on the balcony (priority 1), in the chamber
// (priority 5) and in the tomb (negative), and romeo.
func scene(t *testing.T) (srv *xmpptest.Server, romeo, balcony, chamber, tomb *rawClient) {
	t.Helper()
	srv = xmpptest.NewServer(t, nil)
	balcony, chamber, tomb = login(t, srv, "juliet", "balcony"), login(t, srv, "juliet", "chamber"), login(t, srv, "juliet", "tomb")
	all := []*rawClient{balcony, chamber, tomb}
	for i, priority := range []int{1, 5, -1} {
		all[i].send("<presence><priority>%d</priority></presence>", priority)
		for _, c := range all[:i+1] {
			c.expect("<presence", fmt.Sprintf("<priority>%d</priority>", priority))
		}
		for range all[:i] {
			all[i].expect("<presence") // of the resources that were there before
		}
	}
	return srv, login(t, srv, "romeo", "orchard"), balcony, chamber, tomb
}

func TestMessagesByPriority(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, romeo, balcony, chamber, tomb := scene(t)
		quiet := func(all ...*rawClient) {
			t.Helper()
			for _, c := range all {
				c.sync()
			}
		}
		romeo.send("<message to='juliet@localhost' type='chat' id='1'><body>hi</body></message>")
		chamber.expect("from='romeo@localhost/orchard'", "id='1'", "<body>hi</body>", "to='juliet@localhost'")
		romeo.send("<message to='juliet@localhost/tomb' id='2'><body>hi</body></message>")
		tomb.expect("id='2'")
		romeo.send("<message to='juliet@localhost/elsewhere' type='chat' id='3'><body>hi</body></message>")
		chamber.expect("id='3'")
		romeo.send("<message to='juliet@localhost' type='headline' id='4'/>")
		chamber.expect("id='4'")
		balcony.expect("id='4'")
		romeo.send("<message to='juliet@localhost/elsewhere' type='headline'/><message to='juliet@localhost' type='error'/>")
		quiet(romeo, balcony, chamber, tomb)

		balcony.send("<presence><priority>5</priority></presence>")
		for _, c := range []*rawClient{balcony, chamber, tomb} {
			c.expect("<priority>5</priority>")
		}
		romeo.send("<message to='juliet@localhost' id='5'/>")
		balcony.expect("id='5'")
		chamber.expect("id='5'")
		quiet(tomb)
	})
}

func TestBounces(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, romeo, balcony, _, _ := scene(t)
		for _, tt := range []struct{ send, want string }{
			{"<message to='nobody@localhost' id='x'><body/></message>", "service-unavailable"},
			{"<message to='juliet@elsewhere.example' id='x'><body/></message>", "remote-server-not-found"},
			{"<message to='@@' id='x'/>", "jid-malformed"},
			{"<message to='juliet@localhost' type='groupchat' id='x'/>", "service-unavailable"},
			{"<message to='localhost' id='x'/>", "service-unavailable"},
			{"<iq to='juliet@localhost/elsewhere' type='get' id='x'><q xmlns='urn:q'/></iq>", "service-unavailable"},
			{"<iq to='juliet@localhost' type='get' id='x'><q xmlns='urn:q'/></iq>", "service-unavailable"},
			{"<iq to='juliet@localhost' type='set' id='x'><query xmlns='jabber:iq:roster'/></iq>", "forbidden"},
			{"<iq to='x@elsewhere.example' type='get' id='x'><q xmlns='urn:q'/></iq>", "remote-server-not-found"},
			{"<iq to='localhost' type='get' id='x'><q xmlns='urn:q'/></iq>", "service-unavailable"},
			{"<iq type='get' id='x'><q xmlns='urn:q'/></iq>", "service-unavailable"},
			{"<iq type='get' id='x'/>", "bad-request"},
			{"<iq type='none' id='x'><q xmlns='urn:q'/></iq>", "bad-request"},
			{"<presence id='x'><priority>200</priority></presence>", "bad-request"},
			{"<presence id='x' type='none'/>", "bad-request"},
			{"<presence id='x' to='juliet@elsewhere.example' type='subscribe'/>", "remote-server-not-found"},
		} {
			romeo.send("%s", tt.send)
			romeo.expect("type='error'", "id='x'", "<"+tt.want+" xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>")
		}
		romeo.send("<message to='nobody@localhost' type='error'/><iq to='nobody@localhost/x' type='result' id='y'/>")
		romeo.sync()
		balcony.sync()
	})
}

func TestIQBetweenClients(t *testing.T) {
	bubble(t, func(t *testing.T) {
		_, romeo, balcony, _, _ := scene(t)
		romeo.send("<iq to='juliet@localhost/balcony' type='get' id='q'><q xmlns='urn:q' a='1'/></iq>")
		balcony.expect("<iq", "from='romeo@localhost/orchard'", "id='q'", "<q xmlns='urn:q' a='1'/>")
		balcony.send("<iq to='romeo@localhost/orchard' type='result' id='q'><a xmlns='urn:q'/></iq>")
		romeo.expect("from='juliet@localhost/balcony'", "type='result'", "<a xmlns='urn:q'/>")
	})
}

func TestServerAnswers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := login(t, srv, "romeo", "orchard")
		for _, tt := range []struct{ to, query, want string }{
			{"localhost", "<ping xmlns='urn:xmpp:ping'/>", "<iq from='localhost'"},
			{"localhost", "<query xmlns='jabber:iq:version'/>", "<name>xmpptest</name><version>1</version>"},
			{"localhost", "<query xmlns='http://jabber.org/protocol/disco#info'/>", "<identity category='server' type='im' name='xmpptest'/><feature var='http://jabber.org/protocol/disco#info'/>"},
			{"romeo@localhost", "<query xmlns='http://jabber.org/protocol/disco#info'/>", "<identity category='account' type='registered'/>"},
			{"localhost", "<query xmlns='http://jabber.org/protocol/disco#items'/>", "<query xmlns='http://jabber.org/protocol/disco#items'/>"},
			{"localhost", "<query xmlns='http://jabber.org/protocol/disco#info' node='x'/>", "item-not-found"},
		} {
			c.send("<iq type='get' to='%s' id='i'>%s</iq>", tt.to, tt.query)
			c.expect("id='i'", tt.want)
		}
		c.send("<iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>")
		c.expect("id='s'", "type='result'")
	})
}

func TestOffline(t *testing.T) {
	everywhere(t, xmpptest.Options{}, func(t *testing.T, srv *xmpptest.Server) {
		srv.Password("juliet")
		romeo := login(t, srv, "romeo", "orchard")
		for i := range 3 {
			romeo.send("<message to='juliet@localhost' type='chat' id='%d'><body>hi</body></message>", i)
		}
		romeo.send("<message to='juliet@localhost' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>")
		romeo.send("<message to='juliet@localhost' type='headline'><body>gone</body></message>")
		romeo.sync()

		juliet := login(t, srv, "juliet", "balcony")
		juliet.send("<presence><priority>-1</priority></presence>")
		juliet.expect("<presence")
		romeo.send("<message to='juliet@localhost' type='chat' id='3'><body>hi</body></message>")
		romeo.sync()
		juliet.sync() // a negative priority wants no messages
		juliet.send("<presence/>")
		juliet.expect("<presence")
		for i := range 4 {
			m := juliet.expect("from='romeo@localhost/orchard'", fmt.Sprintf("id='%d'", i), "<body>hi</body>")
			delay := m.Child("urn:xmpp:delay", "delay")
			require.Equal(t, "localhost", delay.Attr("from"))
			require.Regexp(t, `^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`, delay.Attr("stamp"))
		}
		juliet.sync()
		srv.Drop("juliet")
		juliet = online(t, srv, "juliet", "balcony")
		juliet.sync() // each only once
	})
}
