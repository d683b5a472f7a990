package xmpp_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// A stanza that no stream survives fails alone: what was sent before and behind it arrives, once and in order, whatever the server
// tells about the session (DECISIONS: poison).
func TestPoison(t *testing.T) {
	for name, sm := range map[string]xmpptest.StreamManagement{
		"the session can be resumed":   {},
		"its count is known":           {Resumption: xmpptest.ResumeFailsWithCount},
		"the server has forgotten all": {Resumption: xmpptest.ResumeFailsWithoutCount},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, &xmpptest.Options{StreamManagement: sm, NoArchive: true})
				srv.Intercept(func(c *xmpptest.Conn, e stanza.Element) []stanza.Element {
					if strings.Contains(e.String(), "poison") {
						c.Kick(stanza.StreamPolicyViolation)
						return nil
					}
					return []stanza.Element{e}
				})
				juliet := online(t, srv, "juliet")
				got := texts(juliet)
				c := online(t, srv, "romeo")
				settle()
				var acks []*xmpp.Ack
				for _, s := range []string{"one", "two", "poison", "three", "four"} {
					a, err := c.Submit(t.Context(), &stanza.Message{To: juliet.User(), Type: stanza.MessageChat, Body: s})
					require.NoError(t, err)
					acks = append(acks, a)
				}
				eventually(t, 10*time.Minute, func() bool { return len(got.list()) >= 4 })
				for i, a := range acks {
					if i != 2 {
						require.NoError(t, a.Wait(t.Context()), i)
						continue
					}
					err := a.Wait(t.Context())
					require.ErrorIs(t, err, xmpp.ErrRejected)
					require.ErrorIs(t, err, stanza.StreamPolicyViolation)
					require.False(t, xmpp.SafeToRetry(err))
				}
				pass(10 * time.Minute)
				require.Equal(t, xmpp.Online, c.State())
				all := strings.Join(got.list(), " ")
				require.NotContains(t, all, "poison")
				want := "one two three four"
				if name == "the server has forgotten all" {
					want = "one two " + want // nobody can tell what it had handled
					require.Positive(t, c.Stats().Reported)
				}
				require.Equal(t, want, all)
				require.LessOrEqual(t, srv.Dialer().Dials(), 6)
			})
		})
	}
}

// A message that comes back before it was acknowledged ends its Ack; a stranger's refusal does not.
func TestABounceEndsTheAck(t *testing.T) {
	const refusal = "' type='error'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
	for from, believed := range map[string]bool{
		"juliet@localhost/x": true, "juliet@localhost": true, "localhost": true, "romeo@localhost": true,
		"eve@localhost": false, "evil.example": false, "juliet@localhost/y": false,
	} {
		bubble(t, func(t *testing.T) {
			srv := xmpptest.NewServer(t, &xmpptest.Options{StreamManagement: xmpptest.StreamManagement{Mute: true}})
			srv.Intercept(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element {
				if e.Local() == "message" {
					return nil
				}
				return []stanza.Element{e}
			})
			c := online(t, srv, "romeo")
			a, err := c.Submit(t.Context(), &stanza.Message{To: jid.MustParse("juliet@localhost/x"), Body: "hello"})
			require.NoError(t, err)
			settle()
			raw(srv, "romeo", "<message id='"+a.ID()+"' from='"+from+refusal)
			settle()
			select {
			case <-a.Done():
				require.True(t, believed, from)
				require.ErrorIs(t, a.Err(), xmpp.ErrRejected)
				require.ErrorIs(t, a.Err(), stanza.ServiceUnavailable)
			default:
				require.False(t, believed, from)
			}
		})
	}
}

// What waited longer than it may is not sent late (Expiry).
func TestExpiry(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		juliet := online(t, srv, "juliet")
		got := texts(juliet)
		c := online(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) { cfg.Expiry = time.Minute })
		srv.Dialer().Refuse(-1)
		srv.Drop("romeo")
		settle()
		old, err := c.Submit(t.Context(), &stanza.Message{To: juliet.User(), Body: "old"})
		require.NoError(t, err)
		pass(2 * time.Minute)
		fresh, err := c.Submit(t.Context(), &stanza.Message{To: juliet.User(), Body: "fresh"})
		require.NoError(t, err)
		srv.Dialer().Refuse(0)
		c.NetworkChanged()
		err = old.Wait(t.Context())
		require.ErrorIs(t, err, xmpp.ErrExpired)
		require.True(t, xmpp.SafeToRetry(err))
		require.NoError(t, fresh.Wait(t.Context()))
		settle()
		require.Equal(t, []string{"fresh"}, got.list())
	})
}
