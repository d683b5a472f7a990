package xmpptest_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmack/xmpp/xmpptest"
	"github.com/stretchr/testify/require"
)

const sm = "xmlns='urn:xmpp:sm:3'"

// quiet is a server that asks for no acknowledgment.
func quiet() *xmpptest.Options {
	return &xmpptest.Options{StreamManagement: xmpptest.StreamManagement{AskEvery: -1}}
}

// enable enables stream management and returns the session's identifier.
func (c *rawClient) enable() string {
	c.t.Helper()
	c.send("<enable %s resume='true'/>", sm)
	e := c.expect("<enabled", sm, "resume='true'")
	require.NotEmpty(c.t, e.Attr("id"))
	return e.Attr("id")
}

// authenticated returns a client that has no resource yet.
func authenticated(t *testing.T, srv *xmpptest.Server, user string) *rawClient {
	t.Helper()
	c, _ := secured(t, srv)
	require.Equal(t, "success", c.plain(user, srv.Password(user)).Local())
	c.r.Restart()
	require.Contains(t, text(c.open()), "<sm "+sm+"/>")
	return c
}

// resume returns a new connection that asked to resume.
func resume(t *testing.T, srv *xmpptest.Server, user, id string, h int) *rawClient {
	t.Helper()
	c := authenticated(t, srv, user)
	c.send("<resume %s previd='%s' h='%d'/>", sm, id, h)
	return c
}

// say sends numbered messages from somebody else's client.
func (c *rawClient) say(to string, from, until int) {
	c.t.Helper()
	for i := from; i <= until; i++ {
		c.send("<message type='chat' to='%s' id='m%d'><body>%d</body></message>", to, i, i)
	}
	c.sync()
}

func (c *rawClient) hears(from, until int) {
	c.t.Helper()
	for i := from; i <= until; i++ {
		c.expect("<message", fmt.Sprintf("<body>%d</body>", i))
	}
}

// state returns the only session of a user.
func state(t *testing.T, srv *xmpptest.Server, user string) xmpptest.SessionState {
	t.Helper()
	synctest.Wait()
	list := srv.Sessions(user)
	require.Len(t, list, 1)
	return list[0]
}

func TestAcks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, quiet())
		c := login(t, srv, "romeo", "orchard")
		require.Empty(t, srv.Sessions("romeo"))
		c.enable()
		c.send("<presence/><iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq><message type='x'/>   <r %s/>", sm)
		c.expect("<presence")
		c.expect("<iq", "id='1'")
		c.expect("<message")
		c.expect("<a", "h='3'")
		c.send("<a %s h='2'/><r %s/>", sm, sm)
		c.expect("<a", "h='3'")
		s := state(t, srv, "romeo")
		require.Equal(t, "romeo@localhost/orchard", s.Address.String())
		s.Address = srv.Address("romeo")
		require.Equal(t, xmpptest.SessionState{
			Address: srv.Address("romeo"), Connected: true, Resumable: true, Received: 3, Sent: 3, Acked: 2, Unacked: 1, Most: 3,
		}, s)
	})
}

func TestServerAsksForAcks(t *testing.T) {
	for every, want := range map[int]int{0: 2, 1: 20, 7: 2, -1: 0} {
		t.Run(fmt.Sprint(every), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, &xmpptest.Options{StreamManagement: xmpptest.StreamManagement{AskEvery: every}})
				c := login(t, srv, "romeo", "orchard")
				c.enable()
				asked := 0
				for range 20 {
					c.send("<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>")
				}
				c.send("<r %s/>", sm)
				for e := c.next(); e.Local() != "a"; e = c.next() {
					if e.Local() == "r" {
						asked++
					}
				}
				require.Equal(t, want, asked)
			})
		})
	}
}

func TestStreamManagementErrors(t *testing.T) {
	const failed = "<failed " + sm + ">"
	tests := []struct {
		name, send, want string
		end              string
	}{
		{"enabled twice", "<enable " + sm + "/>", failed + "<unexpected-request", ""},
		{"resume after bind", "<resume " + sm + " previd='x' h='0'/>", failed + "<unexpected-request", ""},
		{"h too high", "<a " + sm + " h='3'/>", "<handled-count-too-high " + sm + " h='3' send-count='2'/>", "undefined-condition"},
		{"h going back", "<a " + sm + " h='2'/><a " + sm + " h='1'/>", "<handled-count-too-high " + sm + " h='1' send-count='2'/>", "undefined-condition"},
		{"no h", "<a " + sm + "/>", "", "bad-format"},
		{"unknown", "<b " + sm + "/>", "", "unsupported-stanza-type"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				c := login(t, xmpptest.NewServer(t, quiet()), "romeo", "orchard")
				c.enable()
				c.sync()
				c.sync()
				c.send("%s", tt.send)
				e := c.expect(tt.want)
				if tt.end == "" {
					c.sync()
					return
				}
				require.Equal(t, tt.end, e.First().Local())
				c.ended("")
			})
		})
	}
	t.Run("before bind", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			c := authenticated(t, xmpptest.NewServer(t, nil), "romeo")
			c.send("<enable %s/>", sm)
			c.expect(failed, "unexpected-request")
			require.Contains(t, text(c.bind("orchard")), "romeo@localhost/orchard")
		})
	})
	t.Run("not offered", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			c := login(t, xmpptest.NewServer(t, &xmpptest.Options{NoStreamManagement: true}), "romeo", "orchard")
			c.send("<enable %s/>", sm)
			c.ended("unsupported-stanza-type")
		})
	})
}

func TestEnabled(t *testing.T) {
	tests := []struct {
		name    string
		options xmpptest.Options
		send    string
		want    string
	}{
		{"acks only", xmpptest.Options{}, "", ""},
		{"no resumption", xmpptest.Options{ResumeFor: -1}, "resume='1'", ""},
		{"never", xmpptest.Options{StreamManagement: xmpptest.StreamManagement{Resumption: xmpptest.ResumeNever}}, "resume='1'", ""},
		{"default", xmpptest.Options{}, "resume='1'", "id='X' resume='true' max='300'"},
		{"shorter", xmpptest.Options{}, "resume='true' max='20'", "id='X' resume='true' max='20'"},
		{"longer", xmpptest.Options{ResumeFor: 30 * time.Second}, "resume='true' max='200'", "id='X' resume='true' max='30'"},
		{"location", xmpptest.Options{StreamManagement: xmpptest.StreamManagement{Location: "[::1]:1"}}, "resume='true'", "id='X' resume='true' max='300' location='[::1]:1'"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				c := login(t, xmpptest.NewServer(t, &tt.options), "romeo", "orchard")
				c.send("<enable %s %s/>", sm, tt.send)
				got := regexp.MustCompile(` id='[^']*'`).ReplaceAllString(text(c.next()), " id='X'")
				require.Equal(t, strings.TrimSpace("<enabled "+sm+" "+tt.want)+"/>", got)
			})
		})
	}
}
