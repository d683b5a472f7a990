package xmpp_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/xmpptest"
)

// What is never acknowledged comes with each new session, for as long as sessions are lost. It is heard once.
func TestAMessageThatComesAgainAndAgain(t *testing.T) {
	for name, more := range map[string]string{
		"from the archive": "<stanza-id xmlns='urn:xmpp:sid:0' by='romeo@localhost' id='1'/>",
		"late":             "<delay xmlns='urn:xmpp:delay' from='localhost' stamp='2000-01-01T00:00:00Z'/>",
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, &xmpptest.Options{NoArchive: true})
				c := online(t, srv, "romeo")
				seen := texts(c)
				for range 6 {
					raw(srv, "romeo", "<message from='bot@localhost/x' type='chat' id='1'><body>a</body>"+more+"</message>")
					pass(6 * time.Minute)
					srv.Drop("romeo")
					eventually(t, time.Minute, func() bool { return c.State() == xmpp.Online })
				}
				require.Equal(t, []string{"a"}, seen.list())
				require.EqualValues(t, 5, c.Stats().Doubled)
			})
		})
	}
}

// Without an archive the word of our server that a message is late is believed for ten minutes.
func TestLateIsBelievedForTenMinutes(t *testing.T) {
	for wait, want := range map[time.Duration]int{10*time.Minute - 2*time.Second: 1, 10*time.Minute + 2*time.Second: 2} {
		bubble(t, func(t *testing.T) {
			srv := xmpptest.NewServer(t, &xmpptest.Options{NoArchive: true})
			c := online(t, srv, "romeo")
			seen := texts(c)
			const message = "<message from='bot@localhost/x' type='chat' id='1'><body>a</body><delay xmlns='urn:xmpp:delay' from='localhost' stamp='2000-01-01T00:00:00Z'/></message>"
			start := time.Now()
			raw(srv, "romeo", message)
			settle()
			srv.Drop("romeo")
			eventually(t, time.Minute, func() bool { return c.State() == xmpp.Online })
			pass(wait - time.Since(start))
			raw(srv, "romeo", message)
			settle()
			require.Len(t, seen.list(), want, wait)
		})
	}
}
