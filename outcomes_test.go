package xmpp_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// A Shutdown that waits for acknowledgements hears that there will be none.
func TestShutdownAndARefusedEnable(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		refuse := make(chan struct{})
		srv.Script(func(s *xmpptest.ScriptConn) error {
			if _, err := s.Login("romeo"); err != nil {
				return err
			}
			if _, err := s.Expect("enable"); err != nil {
				return err
			}
			roster, err := s.Expect("jabber:iq:roster")
			if err != nil {
				return err
			}
			if err := s.Send("<iq type='result' id='" + roster.Attr("id") + "'><query xmlns='jabber:iq:roster'/></iq>"); err != nil {
				return err
			}
			if _, err := s.Expect("presence"); err != nil {
				return err
			}
			<-refuse
			if err := s.Send("<failed xmlns='urn:xmpp:sm:3'/>"); err != nil {
				return err
			}
			s.SetPatience(time.Hour)
			_, _ = s.Await("nothing")
			_ = s.Send("</stream:stream>")
			return nil
		})
		c := online(t, srv, "romeo")
		result := make(chan error, 1)
		began := time.Now()
		var took time.Duration
		go func() { err := c.Shutdown(t.Context()); took = time.Since(began); result <- err }()
		pass(100 * time.Millisecond)
		close(refuse)
		err := <-result
		t.Log(took, err)
		require.Less(t, took, time.Second)
	})
}

// What may have arrived is not safe to retry because it has expired since.
func TestWhatMayHaveArrivedAndExpired(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{NoArchive: true, StreamManagement: xmpptest.StreamManagement{Resumption: xmpptest.ResumeFailsWithoutCount, Mute: true}})
		juliet := managed(t, srv, "juliet")
		got := texts(juliet)
		c := managed(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) { cfg.Expiry = time.Minute })
		a, err := c.Submit(t.Context(), &stanza.Message{To: juliet.User(), Type: stanza.MessageChat, Body: "hello"})
		require.NoError(t, err)
		settle()
		require.Equal(t, []string{"hello"}, got.list())
		srv.Dialer().Refuse(-1)
		srv.Drop("romeo")
		pass(2 * time.Minute)
		srv.Dialer().Refuse(0)
		c.NetworkChanged()
		err = a.Wait(t.Context())
		t.Log(err, xmpp.SafeToRetry(err), got.list())
		require.False(t, xmpp.SafeToRetry(err), "juliet has it")
	})
}

// What may have arrived in one session is not safe to retry because a second one did not count it.
func TestWhatMayHaveArrivedTwice(t *testing.T) {
	bubble(t, func(t *testing.T) {
		without := xmpptest.StreamManagement{Resumption: xmpptest.ResumeFailsWithoutCount, Mute: true}
		with := xmpptest.StreamManagement{Resumption: xmpptest.ResumeFailsWithCount, Mute: true}
		srv := xmpptest.NewServer(t, &xmpptest.Options{NoArchive: true, StreamManagement: without})
		juliet := managed(t, srv, "juliet")
		got := texts(juliet)
		c := managed(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) { cfg.ResendWindow = time.Minute })
		a, err := c.Submit(t.Context(), &stanza.Message{To: juliet.User(), Type: stanza.MessageChat, Body: "hello"})
		require.NoError(t, err)
		settle()
		require.Equal(t, []string{"hello"}, got.list())
		stop := srv.Intercept(func(conn *xmpptest.Conn, e stanza.Element) []stanza.Element {
			if e.Local() == "message" { // the second session takes none
				srv.SetStreamManagement(with)
				srv.Dialer().Refuse(-1)
				conn.Kick(stanza.StreamReset)
				return nil
			}
			return []stanza.Element{e}
		})
		srv.Drop("romeo")
		pass(2 * time.Minute)
		stop()
		srv.Dialer().Refuse(0)
		c.NetworkChanged()
		err = a.Wait(t.Context())
		t.Log(err, xmpp.SafeToRetry(err), got.list())
		require.False(t, xmpp.SafeToRetry(err), "juliet has it")
	})
}

// A bounce ends the Ack of the message that bounced, also where another has its id.
func TestTwoMessagesWithOneID(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{StreamManagement: xmpptest.StreamManagement{Mute: true}})
		srv.Intercept(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element {
			if e.Local() == "message" {
				return nil
			}
			return []stanza.Element{e}
		})
		c := online(t, srv, "romeo")
		m := &stanza.Message{ID: "same", Body: "hello"}
		m.To = jid.MustParse("juliet@localhost/x")
		first, err := c.Submit(t.Context(), m)
		require.NoError(t, err)
		m.To = jid.MustParse("nurse@localhost/x")
		second, err := c.Submit(t.Context(), m)
		require.NoError(t, err)
		raw(srv, "romeo", "<message id='same' from='juliet@localhost/x' type='error'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>")
		settle()
		select {
		case <-first.Done():
		default:
			t.Error("the first is told nothing of its bounce")
		}
		// our server refuses the first; the second is told
		raw(srv, "romeo", "<message id='same' from='localhost' type='error'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>")
		settle()
		t.Log(first.Err(), second.Err())
	})
}
