package xmpptest_test

import (
	"testing"

	"github.com/gosmack/xmpp/xmpptest"
)

// befriend makes two users see each other, by hand.
func befriend(t *testing.T, srv *xmpptest.Server, a, b string) {
	t.Helper()
	one, two := online(t, srv, a, "x"), online(t, srv, b, "x")
	subscribe := func(from, to *rawClient, fromName, toName string) {
		from.send("<presence type='subscribe' to='%s@localhost'/>", toName)
		from.expect("ask='subscribe'")
		to.expect("type='subscribe'", "from='"+fromName+"@localhost'")
		to.send("<presence type='subscribed' to='%s@localhost'/>", fromName)
		to.expect("<item jid='" + fromName + "@localhost'")
		from.expect("type='subscribed'")
		from.expect("<item jid='" + toName + "@localhost'")
		from.expect("<presence", "from='"+toName+"@localhost/x'")
	}
	subscribe(one, two, a, b)
	subscribe(two, one, b, a)
	srv.Drop(b)
	one.expect("type='unavailable'", "from='"+b+"@localhost/x'")
	srv.Drop(a)
}

func TestPresenceOfContacts(t *testing.T) {
	everywhere(t, xmpptest.Options{}, func(t *testing.T, srv *xmpptest.Server) {
		befriend(t, srv, "romeo", "juliet")
		romeo := online(t, srv, "romeo", "orchard")
		juliet := online(t, srv, "juliet", "balcony")
		juliet.expect("<presence", "from='romeo@localhost/orchard'")
		romeo.expect("<presence", "from='juliet@localhost/balcony'", "to='romeo@localhost'")

		juliet.send("<presence><show>away</show></presence>")
		juliet.expect("<show>away</show>")
		romeo.expect("<show>away</show>")
		romeo.send("<presence type='probe' to='juliet@localhost'/>")
		romeo.expect("<show>away</show>", "from='juliet@localhost/balcony'")

		juliet.send("<presence type='unavailable'><status>bye</status></presence>")
		romeo.expect("type='unavailable'", "<status>bye</status>")
		juliet.sync() // she is still connected, and got nothing
		romeo.send("<presence type='probe' to='juliet@localhost'/>")
		romeo.expect("type='unavailable'", "from='juliet@localhost'")
	})
}

func TestDirectedPresence(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		romeo, juliet := online(t, srv, "romeo", "orchard"), online(t, srv, "juliet", "balcony")
		romeo.send("<presence to='juliet@localhost/balcony'/>")
		juliet.expect("from='romeo@localhost/orchard'")
		romeo.send("<presence><show>dnd</show></presence>")
		romeo.expect("dnd")
		juliet.sync() // no subscription
		juliet.send("<presence to='romeo@localhost' type='probe'/>")
		juliet.expect("type='unsubscribed'")
		srv.Drop("romeo")
		juliet.expect("type='unavailable'", "from='romeo@localhost/orchard'")
	})
}

func TestSubscriptionWaitsAndIsDenied(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		srv.Password("juliet")
		romeo := online(t, srv, "romeo", "orchard")
		for range 2 { // the second changes nothing
			romeo.send("<presence type='subscribe' to='juliet@localhost/any' id='s'><status>pray</status></presence>")
		}
		romeo.expect("<item jid='juliet@localhost' subscription='none' ask='subscribe'/>")
		romeo.sync()
		for range 2 { // the request comes at each login until it is answered
			juliet := login(t, srv, "juliet", "balcony")
			juliet.send("<presence/>")
			juliet.expect("<presence")
			juliet.expect("type='subscribe'", "from='romeo@localhost'", "<status>pray</status>")
			juliet.sync()
			srv.Drop("juliet")
		}
		juliet := login(t, srv, "juliet", "balcony")
		juliet.send("<presence type='unsubscribed' to='romeo@localhost'/><presence/>")
		juliet.expect("<presence")
		juliet.sync()
		romeo.expect("type='unsubscribed'", "from='juliet@localhost'")
		romeo.expect("<item jid='juliet@localhost' subscription='none'/>")
		romeo.sync()
	})
}

func TestPreApproval(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		romeo, juliet := online(t, srv, "romeo", "orchard"), online(t, srv, "juliet", "balcony")
		juliet.send("<presence type='subscribed' to='romeo@localhost'/>")
		juliet.expect("<item jid='romeo@localhost' subscription='none' approved='true'/>")
		romeo.sync() // he learns nothing
		romeo.send("<presence type='subscribe' to='juliet@localhost'/>")
		romeo.expect("ask='subscribe'")
		romeo.expect("type='subscribed'", "from='juliet@localhost'")
		romeo.expect("<item jid='juliet@localhost' subscription='to'/>")
		romeo.expect("<presence from='juliet@localhost/balcony'")
		juliet.expect("<item jid='romeo@localhost' subscription='from' approved='true'/>")
		juliet.sync() // and was not asked
	})
}

func TestSubscriptionsEnd(t *testing.T) {
	tests := []struct{ send, own, told, item, seen string }{
		{"<presence type='unsubscribe' to='juliet@localhost'/>", "from", "unsubscribe", "to", "from='juliet@localhost/balcony'"},
		{"<presence type='unsubscribed' to='juliet@localhost'/>", "to", "unsubscribed", "from", ""},
	}
	for _, tt := range tests {
		t.Run(tt.told, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, nil)
				befriend(t, srv, "romeo", "juliet")
				romeo, juliet := online(t, srv, "romeo", "orchard"), online(t, srv, "juliet", "balcony")
				romeo.expect("<presence")
				juliet.expect("<presence")
				romeo.send("%s", tt.send)
				if tt.seen == "" {
					juliet.expect("type='unavailable'", "from='romeo@localhost/orchard'")
				}
				juliet.expect("type='"+tt.told+"'", "from='romeo@localhost'")
				juliet.expect("<item jid='romeo@localhost' subscription='" + tt.item + "'/>")
				romeo.expect("<item jid='juliet@localhost' subscription='" + tt.own + "'/>")
				if tt.seen != "" {
					romeo.expect("type='unavailable'", tt.seen)
				}
				romeo.sync()
				juliet.sync()
			})
		})
	}
}

func TestUnsolicitedAnswersChangeNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		romeo, juliet := online(t, srv, "romeo", "orchard"), online(t, srv, "juliet", "balcony")
		for _, kind := range []string{"subscribed", "unsubscribed", "unsubscribe"} {
			romeo.send("<presence type='%s' to='juliet@localhost'/>", kind)
		}
		juliet.sync()
		juliet.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
		juliet.expect("<query xmlns='jabber:iq:roster'/>")
	})
}
