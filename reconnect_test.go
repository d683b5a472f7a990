package xmpp_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

func TestBackoffIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := online(t, srv, "romeo")
		pass(2 * time.Minute)
		srv.Dialer().Refuse(-1)
		srv.Drop("romeo")
		lost, before := time.Now(), srv.Dialer().Dials()
		first := time.Duration(0)
		for time.Since(lost) < time.Hour {
			pass(100 * time.Millisecond)
			if first == 0 && srv.Dialer().Dials() > before {
				first = time.Since(lost)
			}
		}
		require.LessOrEqual(t, first, 10*time.Second+200*time.Millisecond, "the first try comes within 10 s")
		tries := srv.Dialer().Dials() - before
		// Full jitter up to 60 s: 30 s on average, so about 120 tries in the hour.
		require.Greater(t, tries, 80, "it goes on trying")
		require.Less(t, tries, 180, "it does not storm")
		require.Equal(t, xmpp.Reconnecting, c.State())
		srv.Dialer().Refuse(0)
		eventually(t, 61*time.Second, func() bool { return c.State() == xmpp.Online })
	})
}

// A server that takes us in and throws us out again at once sees no storm either.
func TestShortSessionsBackOff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := online(t, srv, "romeo")
		began, before := time.Now(), srv.Dialer().Dials()
		for time.Since(began) < 20*time.Minute {
			srv.Kick("romeo", stanza.StreamPolicyViolation) // after bind it is no reason to give up
			pass(100 * time.Millisecond)
		}
		require.Less(t, srv.Dialer().Dials()-before, 70)
		require.Greater(t, srv.Dialer().Dials()-before, 20)
		require.NotEqual(t, xmpp.Closed, c.State())
	})
}

func TestNetworkChanged(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := online(t, srv, "romeo")
		for range 5 {
			srv.Drop("romeo")
			settle()
			require.Equal(t, xmpp.Reconnecting, c.State())
			at, dials := time.Now(), srv.Dialer().Dials()
			c.NetworkChanged()
			settle()
			require.Equal(t, dials+1, srv.Dialer().Dials(), "no wait")
			eventually(t, time.Second, func() bool { return c.State() == xmpp.Online })
			require.LessOrEqual(t, time.Since(at), 300*time.Millisecond, "but for what the server may still have to read")
		}
	})
}

func TestTerminalCauses(t *testing.T) {
	tests := map[string]struct {
		first bool // it happens to the first login, or to a later one
		make  func(srv *xmpptest.Server)
		check func(t *testing.T, err error)
	}{
		"password changed": {false, func(srv *xmpptest.Server) {
			_ = srv.AddAccount("romeo", "another")
			srv.Drop("romeo")
		}, func(t *testing.T, err error) { require.ErrorIs(t, err, sasl.NotAuthorized) }},
		"conflict": {false, func(srv *xmpptest.Server) { srv.Kick("romeo", stanza.StreamConflict) }, func(t *testing.T, err error) {
			require.ErrorIs(t, err, xmpp.ErrReplaced)
			require.ErrorIs(t, err, stanza.StreamConflict)
			require.False(t, xmpp.SafeToRetry(err))
		}},
		"host unknown": {false, refuseNext(stanza.StreamHostUnknown), func(t *testing.T, err error) { require.ErrorIs(t, err, stanza.StreamHostUnknown) }},
		"policy":       {false, refuseNext(stanza.StreamPolicyViolation), func(t *testing.T, err error) { require.ErrorIs(t, err, stanza.StreamPolicyViolation) }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, nil)
				c := online(t, srv, "romeo")
				var last xmpp.StateChange
				c.OnState(func(s xmpp.StateChange) { last = s })
				tt.make(srv)
				pass(15 * time.Second)
				require.Equal(t, xmpp.Closed, c.State())
				tt.check(t, c.Err())
				require.Equal(t, c.Err(), last.Err)
				dials := srv.Dialer().Dials()
				require.LessOrEqual(t, dials, 2)
				pass(time.Hour)
				require.Equal(t, dials, srv.Dialer().Dials(), "no retry")
			})
		})
	}
}

// refuseNext drops romeo and ends the next secured stream with an error.
func refuseNext(condition stanza.StreamCondition) func(*xmpptest.Server) {
	return func(srv *xmpptest.Server) {
		srv.Script(func(c *xmpptest.ScriptConn) error {
			if err := c.Greet(); err != nil {
				return err
			}
			c.Kick(condition)
			return nil
		})
		srv.Drop("romeo")
	}
}

// What happens between bind and Online happens to an established stream.
func TestEndDuringSetUp(t *testing.T) {
	for condition, terminal := range map[stanza.StreamCondition]bool{
		stanza.StreamConflict: true, stanza.StreamPolicyViolation: false, stanza.StreamHostUnknown: false, stanza.StreamReset: false,
	} {
		t.Run(string(condition), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, &xmpptest.Options{NoStreamManagement: true})
				c := online(t, srv, "romeo")
				srv.Script(func(s *xmpptest.ScriptConn) error {
					if _, err := s.Login("romeo"); err != nil {
						return err
					}
					if _, err := s.Expect("jabber:iq:roster"); err != nil {
						return err
					}
					s.Kick(condition)
					return nil
				})
				srv.Drop("romeo")
				pass(2 * time.Minute)
				if terminal {
					require.ErrorIs(t, c.Err(), xmpp.ErrReplaced)
					require.Equal(t, 2, srv.Dialer().Dials())
					return
				}
				require.Equal(t, xmpp.Online, c.State())
			})
		})
	}
}

func TestDisableReconnection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := online(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) { cfg.DisableReconnection = true })
		srv.Drop("romeo")
		<-c.Done()
		require.Error(t, c.Err())
		require.NotErrorIs(t, c.Err(), xmpp.ErrClosed)
		require.Equal(t, 1, srv.Dialer().Dials())
	})
}

// Messages that were sent while away arrive afterwards, all of them, in order.
func TestMessagesWaitForTheConnection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		juliet, romeo := online(t, srv, "juliet"), online(t, srv, "romeo")
		got := texts(juliet)
		srv.Dialer().Refuse(3)
		srv.Drop("romeo")
		settle()
		var want []string
		for i := range 200 {
			want = append(want, fmt.Sprint(i))
			require.NoError(t, romeo.Send(t.Context(), &stanza.Message{To: srv.Address("juliet"), Body: fmt.Sprint(i)}))
		}
		require.Empty(t, got.list())
		eventually(t, 5*time.Minute, func() bool { return len(got.list()) == 200 })
		require.Equal(t, want, got.list())
	})
}

func TestRequestsAtACut(t *testing.T) {
	query := must(stanza.Parse("<q xmlns='urn:x'/>"))
	call := func(c *xmpp.Connection, set bool, to string) chan error {
		done := make(chan error, 1)
		go func() {
			iq := &stanza.IQ{Type: stanza.IQGet, To: must(parse(to))}
			if set {
				iq.Type = stanza.IQSet
			}
			stanza.Add(iq, query)
			_, err := c.SendIQ(context.Background(), iq)
			done <- err
		}()
		settle()
		return done
	}
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{NoStreamManagement: true})
		srv.Intercept(func(c *xmpptest.Conn, e stanza.Element) []stanza.Element {
			if e.Attr("to") == "silent@localhost" {
				return nil
			}
			return []stanza.Element{e}
		})
		c := online(t, srv, "romeo")
		get, set := call(c, false, "silent@localhost"), call(c, true, "silent@localhost")
		srv.Dialer().Refuse(-1)
		srv.Drop("romeo")
		err := <-get
		require.True(t, xmpp.SafeToRetry(err), "a get may be asked again: %v", err)
		err = <-set
		require.ErrorIs(t, err, xmpp.ErrUnknownOutcome)
		require.False(t, xmpp.SafeToRetry(err))

		// Between sessions: both wait for the connection, until their limit.
		for _, isSet := range []bool{false, true} {
			began := time.Now()
			err = <-call(c, isSet, "silent@localhost")
			require.ErrorIs(t, err, xmpp.ErrTimeout)
			require.True(t, xmpp.SafeToRetry(err), "it was never sent")
			require.Equal(t, 30*time.Second, time.Since(began))
		}
		srv.Dialer().Refuse(0)
		set = call(c, true, "nobody@localhost")
		c.NetworkChanged()
		var refused *stanza.Error
		require.ErrorAs(t, <-set, &refused, "the next session carried it")

		set, get = call(c, true, "silent@localhost"), call(c, false, "silent@localhost")
		require.NoError(t, c.Close())
		require.ErrorIs(t, <-set, xmpp.ErrUnknownOutcome)
		err = <-get
		require.True(t, errors.Is(err, xmpp.ErrClosed) && xmpp.SafeToRetry(err), "%v", err)
	})
}

// What was received before an end that nobody asked for is handled before Done.
func TestATerminalEndLosesNothingReceived(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := online(t, srv, "juliet", func(cfg *xmpp.ConnectionConfiguration) { cfg.DisableReconnection = true })
		seen := new(record[string])
		c.OnMessage(func(_ context.Context, m *stanza.Message) {
			time.Sleep(100 * time.Millisecond) // virtual
			seen.add(m.Body)
		})
		romeo := online(t, srv, "romeo")
		for i := range 50 {
			require.NoError(t, romeo.Send(t.Context(), text(fmt.Sprint(i))))
		}
		settle()
		srv.Drop("juliet")
		<-c.Done()
		require.Len(t, seen.list(), 50)
		require.ErrorIs(t, c.Login(t.Context(), "", ""), xmpp.ErrClosed)
	})
}
