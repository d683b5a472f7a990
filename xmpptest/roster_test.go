package xmpptest_test

import (
	"strings"
	"testing"

	"github.com/gosmack/xmpp/xmpptest"
	"github.com/stretchr/testify/require"
)

func set(item string) string {
	return "<iq type='set' id='s'><query xmlns='jabber:iq:roster'>" + item + "</query></iq>"
}

func TestRosterEditing(t *testing.T) {
	everywhere(t, xmpptest.Options{}, func(t *testing.T, srv *xmpptest.Server) {
		one, two, third := online(t, srv, "romeo", "a"), login(t, srv, "romeo", "b"), login(t, srv, "romeo", "c")
		two.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
		two.expect("<query xmlns='jabber:iq:roster'/>")
		both := func(part string) {
			t.Helper()
			one.expect("type='set'", part)
			two.expect("type='set'", part)
			one.expect("id='s'", "type='result'")
		}
		one.send("%s", set("<item jid='juliet@localhost' name='J&amp;J'><group>A</group><group>B</group></item>"))
		both("<item jid='juliet@localhost' name='J&amp;J' subscription='none'><group>A</group><group>B</group></item>")
		one.send("%s", set("<item jid='juliet@localhost' subscription='both'/>"))
		both("<item jid='juliet@localhost' subscription='none'/>")
		one.send("%s", set("<item jid='juliet@localhost' subscription='remove'/>"))
		both("<item jid='juliet@localhost' subscription='remove'/>")
		one.send("%s", set("<item jid='juliet@localhost' subscription='remove'/>"))
		one.expect("item-not-found")
		third.sync() // never asked for the roster
	})
}

func TestRosterRefusals(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := online(t, xmpptest.NewServer(t, nil), "romeo", "a")
		for item, want := range map[string]string{
			"": "bad-request",
			"<item jid='a@localhost'/><item jid='b@localhost'/>": "bad-request",
			"<item jid='@@'/>": "bad-request",
			"<item jid='a@localhost'><group>A</group><group>A</group></item>":    "bad-request",
			"<item jid='a@localhost'><group/></item>":                            "not-acceptable",
			"<item jid='a@localhost' name='" + strings.Repeat("x", 1024) + "'/>": "not-acceptable",
			"<item jid='romeo@localhost'/>":                                      "not-allowed",
		} {
			c.send("%s", set(item))
			c.expect("type='error'", want)
		}
		c.sync()
	})
}

func TestRosterVersions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := online(t, srv, "romeo", "a")
		get := func(c *rawClient, ver string) {
			c.send("<iq type='get' id='g'><query xmlns='jabber:iq:roster' ver='%s'/></iq>", ver)
		}
		for _, who := range []string{"a", "b", "c"} {
			c.send("%s", set("<item jid='"+who+"@localhost'/>"))
			c.expect("<item")
			c.expect("type='result'")
		}
		get(c, "")
		roster := c.expect("a@localhost", "b@localhost", "c@localhost").First()
		c.send("%s", set("<item jid='a@localhost' subscription='remove'/>"))
		c.expect("remove")
		c.expect("type='result'")
		c.send("%s", set("<item jid='b@localhost' name='B'/>"))
		ver := c.expect("<item").First().Attr("ver")
		c.expect("type='result'")

		other := login(t, srv, "romeo", "b")
		get(other, ver)
		require.True(t, other.expect("id='g'", "type='result'").First().IsZero())
		other.sync()

		other = login(t, srv, "romeo", "c")
		get(other, roster.Attr("ver"))
		require.True(t, other.expect("id='g'", "type='result'").First().IsZero())
		other.expect("type='set'", "<item jid='a@localhost' subscription='remove'/>")
		other.expect("type='set'", "name='B'", "ver='"+ver+"'")
		other.sync()

		other = login(t, srv, "romeo", "d")
		get(other, "another-server-7")
		other.expect("id='g'", "ver='"+ver+"'", "<item jid='c@localhost'")
	})
}

func TestRosterRemovalEndsSubscriptions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		befriend(t, srv, "romeo", "juliet")
		romeo, juliet := online(t, srv, "romeo", "orchard"), online(t, srv, "juliet", "balcony")
		juliet.expect("<presence from='romeo@localhost/orchard'")
		romeo.expect("<presence from='juliet@localhost/balcony'")
		romeo.send("%s", set("<item jid='juliet@localhost' subscription='remove'/>"))
		juliet.expect("type='unsubscribe'")
		juliet.expect("subscription='to'")
		juliet.expect("type='unavailable'")
		juliet.expect("type='unsubscribed'")
		juliet.expect("subscription='none'")
		juliet.sync()
		romeo.expect("type='unavailable'", "from='juliet@localhost/balcony'")
		romeo.expect("subscription='remove'")
		romeo.expect("type='result'")
		romeo.sync()
	})
}
