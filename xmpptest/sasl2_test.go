package xmpptest_test

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/xmpptest"
	"github.com/stretchr/testify/require"
)

const device = "<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'/>"

func modern() xmpptest.Options {
	return xmpptest.Options{SASL2: true, Bind2: true, FAST: true, Accounts: map[string]string{"romeo": "secret", "juliet": "secret"},
		StreamManagement: xmpptest.StreamManagement{AskEvery: -1}}
}

// hello returns a client on direct TLS that said who it is, and the features.
func hello(t *testing.T, srv *xmpptest.Server, user string) (*rawClient, xmlstream.Element) {
	t.Helper()
	c := dial(t, srv, srv.DirectTLSAddr())
	require.NoError(t, c.handshake(&tls.Config{NextProtos: []string{"xmpp-client"}}))
	c.send("<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='%s' from='%s' version='1.0'>",
		srv.Domain(), srv.Address(user))
	c.header()
	return c, c.expect("urn:xmpp:sasl:2")
}

// authenticate sends one attempt with PLAIN and returns what comes next.
func (c *rawClient) authenticate(user, password, content string) xmlstream.Element {
	c.t.Helper()
	c.send("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>%s</initial-response>%s</authenticate>",
		b64("\x00"+user+"\x00"+password), content)
	return c.next()
}

func bind2(content string) string {
	return "<bind xmlns='urn:xmpp:bind:0'><tag>App</tag>" + content + "</bind>"
}

func TestSASL2Offer(t *testing.T) {
	features := func(t *testing.T, o xmpptest.Options) string {
		_, f := hello(t, xmpptest.NewServer(t, &o), "romeo")
		return text(f.Child("urn:xmpp:sasl:2", "authentication"))
	}
	bubble(t, func(t *testing.T) {
		f := features(t, modern())
		require.Contains(t, f, "<mechanism>SCRAM-SHA-256-PLUS</mechanism>")
		require.Contains(t, f, "<inline><bind xmlns='urn:xmpp:bind:0'><inline><feature var='urn:xmpp:carbons:2'/><feature var='urn:xmpp:csi:0'/>"+
			"<feature var='urn:xmpp:sm:3'/></inline></bind><sm xmlns='urn:xmpp:sm:3'/><fast xmlns='urn:xmpp:fast:0'>"+
			"<mechanism>HT-SHA-256-EXPR</mechanism><mechanism>HT-SHA-256-ENDP</mechanism><mechanism>HT-SHA-256-NONE</mechanism></fast></inline>")
		f = features(t, xmpptest.Options{SASL2: true, NoStreamManagement: true})
		require.Contains(t, f, "<inline/>")
		f = features(t, xmpptest.Options{FAST: true, ChannelBinding: []string{}})
		require.Contains(t, f, "<fast xmlns='urn:xmpp:fast:0'><mechanism>HT-SHA-256-NONE</mechanism></fast>")
	})
	bubble(t, func(t *testing.T) {
		o := modern()
		_, f := secured(t, xmpptest.NewServer(t, &o)) // no from
		require.NotContains(t, text(f), "urn:xmpp:sasl:2")
		_, f = secured(t, xmpptest.NewServer(t, nil))
		require.NotContains(t, text(f), "urn:xmpp:sasl:2")
	})
}

func TestSASL2ThenBind(t *testing.T) {
	everywhere(t, modern(), func(t *testing.T, srv *xmpptest.Server) {
		c, _ := hello(t, srv, "romeo")
		e := c.authenticate("romeo", "secret", device)
		require.Equal(t, "<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>romeo@localhost</authorization-identifier></success>", text(e))
		c.expect("features", "urn:ietf:params:xml:ns:xmpp-bind", "<sm "+sm+"/>", "<csi xmlns='urn:xmpp:csi:0'/>")
		require.Contains(t, text(c.bind("orchard")), "romeo@localhost/orchard")
		c.sync()
		c.send("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'/>")
		c.ended("unsupported-stanza-type")
	})
}

func TestSASL2SCRAM(t *testing.T) {
	everywhere(t, modern(), func(t *testing.T, srv *xmpptest.Server) {
		c, _ := hello(t, srv, "romeo")
		a := attempt{mechanism: "SCRAM-SHA-256-PLUS", flag: "p=tls-exporter", user: "romeo", password: "secret", data: c.binding("tls-exporter")}
		last, signed := a.run2(c, bind2(""))
		require.Equal(t, "success", last.Local(), text(last))
		require.True(t, signed)
		require.Contains(t, text(last), "<bound xmlns='urn:xmpp:bind:0'>")
	})
}

func TestSASL2Refusals(t *testing.T) {
	tests := []struct{ name, user, password, mechanism, want string }{
		{"wrong password", "romeo", "Secret", "PLAIN", "not-authorized"},
		{"somebody else", "juliet", "secret", "PLAIN", "invalid-authzid"},
		{"not offered", "romeo", "secret", "EXTERNAL", "invalid-mechanism"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				o := modern()
				srv := xmpptest.NewServer(t, &o)
				c, _ := hello(t, srv, "romeo")
				c.send("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='%s'><initial-response>%s</initial-response>%s</authenticate>",
					tt.mechanism, b64("\x00"+tt.user+"\x00"+tt.password), bind2(""))
				e := c.expect("<failure xmlns='urn:xmpp:sasl:2'>")
				require.True(t, e.First().Is("urn:ietf:params:xml:ns:xmpp-sasl", tt.want), text(e))
				require.Empty(t, srv.Connections(tt.user))
				require.Equal(t, "success", c.authenticate("romeo", "secret", "").Local(), "the stream goes on")
			})
		})
	}
	t.Run("stanza in between", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			o := modern()
			c, _ := hello(t, xmpptest.NewServer(t, &o), "romeo")
			c.send("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'/>")
			c.expect("<challenge xmlns='urn:xmpp:sasl:2'")
			c.send("<message/>")
			c.ended("policy-violation")
		})
	})
}

func TestBind2(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := modern()
		srv := xmpptest.NewServer(t, &o)
		juliet := online(t, srv, "juliet", "x")
		juliet.say("romeo@localhost", 1, 1) // into offline storage and archive
		c, _ := hello(t, srv, "romeo")
		e := c.authenticate("romeo", "secret", device+bind2("<enable "+sm+" resume='true'/><enable xmlns='urn:xmpp:carbons:2'/><inactive xmlns='urn:xmpp:csi:0'/>"))
		address := e.Child("urn:xmpp:sasl:2", "authorization-identifier").Text()
		require.True(t, strings.HasPrefix(address, "romeo@localhost/App/"), address)
		bound := e.Child("urn:xmpp:bind:0", "bound")
		require.Equal(t, "true", bound.Child("urn:xmpp:sm:3", "enabled").Attr("resume"))
		metadata := bound.Child("urn:xmpp:mam:2", "metadata")
		require.NotEmpty(t, metadata.Child("urn:xmpp:mam:2", "start").Attr("id"))
		require.Equal(t, address, srv.Connections("romeo")[0].Address().String())
		f := c.expect("features", "<sm "+sm+"/>")
		require.NotContains(t, text(f), "xmpp-bind")

		c.send("<presence/>")
		c.silent()                          // presence is held, offline messages are gone
		juliet.say("romeo@localhost", 2, 2) // a message is not held
		c.expect("<presence")
		c.expect("<body>2</body>")
		other := online(t, srv, "romeo", "other")
		other.expect("<presence")
		c.silent()
		juliet.say("romeo@localhost/other", 3, 3)
		other.hears(3, 3)
		c.expect("<presence")
		c.expect("<received xmlns='urn:xmpp:carbons:2'", "<body>3</body>")
		s := srv.Sessions("romeo")[0]
		require.True(t, s.Resumable)
		require.EqualValues(t, 1, s.Received)
		require.EqualValues(t, 4, s.Sent)
	})
}

// An earlier session of the same client ends; those of others stay.
func TestBind2ReplacesTheClientsSession(t *testing.T) {
	bubble(t, func(t *testing.T) {
		o := modern()
		srv := xmpptest.NewServer(t, &o)
		start := func(id int) *rawClient {
			c, _ := hello(t, srv, "romeo")
			agent := fmt.Sprintf("<user-agent id='%d'/>", id)
			require.Equal(t, "success", c.authenticate("romeo", "secret", agent+bind2("<enable "+sm+" resume='true'/>")).Local())
			c.expect("features")
			return c
		}
		one, two := start(1), start(2)
		again := start(1)
		one.ended("conflict")
		two.sync()
		again.sync()
		require.Len(t, srv.Sessions("romeo"), 2)
		srv.Drop("romeo")
		start(1)
		require.Len(t, srv.Sessions("romeo"), 2)
	})
}

func TestInlineResume(t *testing.T) {
	everywhere(t, modern(), func(t *testing.T, srv *xmpptest.Server) {
		c, _ := hello(t, srv, "romeo")
		enable := bind2("<enable " + sm + " resume='true'/>")
		e := c.authenticate("romeo", "secret", enable)
		id := e.Child("urn:xmpp:bind:0", "bound").Child("urn:xmpp:sm:3", "enabled").Attr("id")
		srv.Drop("romeo")
		online(t, srv, "juliet", "x").say(srv.Sessions("romeo")[0].Address.String(), 1, 1)

		c, _ = hello(t, srv, "romeo")
		e = c.authenticate("romeo", "secret", "<resume "+sm+" previd='"+id+"' h='0'/>"+enable)
		require.Contains(t, text(e), "<resumed "+sm+" previd='"+id+"' h='0'/>")
		require.NotContains(t, text(e), "bound")
		c.hears(1, 1) // no features come before it
		c.sync()
		require.Len(t, srv.Connections("romeo"), 1)

		srv.Drop("romeo")
		srv.Forget("romeo")
		c, _ = hello(t, srv, "romeo")
		e = c.authenticate("romeo", "secret", "<resume "+sm+" previd='"+id+"' h='1'/>"+enable)
		require.Contains(t, text(e), "<failed "+sm+"><item-not-found")
		require.Contains(t, text(e), "<enabled")
		c.expect("features")
		c.sync()

		c, _ = hello(t, srv, "romeo")
		e = c.authenticate("romeo", "secret", "<resume "+sm+" previd='"+id+"' h='1'/>")
		require.Contains(t, text(e), "<failed "+sm+">")
		c.expect("features", "xmpp-bind")
		require.Contains(t, text(c.bind("orchard")), "romeo@localhost/orchard")
	})
}
