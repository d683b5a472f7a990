package xmpp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// TestEveryPhaseObeysItsContext is R19: wherever a server falls silent between the dialing and the roster, a Login is over when its context is.
func TestEveryPhaseObeysItsContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const limit = time.Second
		srv := xmpptest.NewServer(t, nil)
		login := func() (error, time.Duration) {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			c := offline(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) { cfg.DisablePresence = true })
			began := time.Now()
			err := c.Login(ctx, "", "")
			took := time.Since(began)
			require.NoError(t, c.Close())
			return err, took
		}
		phases := map[string]bool{}
		try := func(name string) bool {
			err, took := login()
			require.LessOrEqual(t, took, limit, name)
			if err == nil {
				return false
			}
			require.ErrorIs(t, err, context.DeadlineExceeded, name)
			var tried *xmpp.ConnectError
			require.ErrorAs(t, err, &tried)
			for _, a := range tried.Attempts {
				phases[a.Step] = true
			}
			return true
		}
		srv.Dialer().BlackHole(1)
		require.True(t, try("dial"))
		for n := int64(1); ; n += 40 {
			srv.Next(func(c *xmpptest.Conn) { c.SetFaults(xmpptest.Faults{Wire: true, StallAfterWrite: n}) })
			if !try(fmt.Sprint("byte ", n)) {
				break
			}
		}
		for _, step := range []string{"starttls", "tls", "stream", "authenticate", "bind"} {
			require.True(t, phases[step], "%s: %v", step, phases)
		}
		figure(t, "R19", "silence at every 40th byte of a login, %d phases: each Login over within its context", len(phases))
	})
}

// A strange network: what its connections do instead of whole reads and writes.
type strange struct {
	xmpp.Dialer
	wrap func(net.Conn) net.Conn
}

func (d *strange) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.Dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return d.wrap(conn), nil
}

// oneByte reads one byte at a time and writes three.
type oneByte struct{ net.Conn }

func (c oneByte) Read(p []byte) (int, error) { return c.Conn.Read(p[:min(len(p), 1)]) }

func (c oneByte) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var k int
		k, err = c.Conn.Write(p[n:min(n+3, len(p))])
		n += k
	}
	return n, err
}

// short breaks off in the middle of each hundredth write, and says how far it got.
type short struct {
	net.Conn
	writes *atomic.Int32
}

func (c short) Write(p []byte) (int, error) {
	if c.writes.Add(1)%100 > 0 {
		return c.Conn.Write(p)
	}
	n, _ := c.Conn.Write(p[:len(p)/2])
	return n, errors.Join(io.ErrShortWrite, c.Conn.Close())
}

// atOnce returns the end of the connection along with its last bytes.
type atOnce struct {
	net.Conn
	ends *atomic.Bool // soon
}

func (c atOnce) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p[:1])
	for err == nil && n < len(p) && c.ends.Load() {
		var k int
		k, err = c.Conn.Read(p[n:])
		n += k
	}
	return n, err
}

// TestPartialIO is R29: however the network cuts reads and writes, and however it tells that it broke, the same messages arrive.
func TestPartialIO(t *testing.T) {
	const messages = 300
	for name, wrap := range map[string]func(net.Conn) net.Conn{
		"whole":    func(c net.Conn) net.Conn { return c },
		"one byte": func(c net.Conn) net.Conn { return oneByte{c} },
		"writes that are cut off": func() func(net.Conn) net.Conn {
			n := new(atomic.Int32)
			return func(c net.Conn) net.Conn { return short{c, n} }
		}(),
	} {
		for _, plain := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%v", name, plain), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					o, change := &xmpptest.Options{NoArchive: true}, with(func(*xmpp.ConnectionConfiguration) {})
					if plain {
						o = fast(*o)
					}
					srv := xmpptest.NewServer(t, o)
					if plain {
						change = inTheClear(srv)
					}
					c := managed(t, srv, "romeo", change, func(cfg *xmpp.ConnectionConfiguration) { cfg.Dialer = &strange{srv.Dialer(), wrap} })
					echo := managed(t, srv, "juliet", change)
					echo.OnMessage(func(ctx context.Context, m *stanza.Message) {
						_ = echo.Send(ctx, &stanza.Message{To: c.User(), Type: stanza.MessageChat, Body: m.Body})
					})
					got := texts(c)
					var want []string
					for n := range messages {
						want = append(want, fmt.Sprint(n, strings.Repeat("ü<&", n%50)))
						require.NoError(t, c.Send(t.Context(), text(want[n])))
						if n%10 == 0 {
							pass(time.Second)
						}
					}
					eventually(t, 10*time.Minute, func() bool { return len(got.list()) >= messages })
					pass(10 * time.Second)
					require.Equal(t, want, got.list())
					require.Equal(t, name == "writes that are cut off", srv.Dialer().Dials() > 2)
				})
			})
		}
	}
	for _, plain := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			o, change := &xmpptest.Options{NoStreamManagement: true}, with(func(*xmpp.ConnectionConfiguration) {})
			if plain {
				o = fast(*o)
			}
			srv := xmpptest.NewServer(t, o)
			if plain {
				change = inTheClear(srv)
			}
			ends := new(atomic.Bool)
			c := online(t, srv, "romeo", change, func(cfg *xmpp.ConnectionConfiguration) {
				cfg.Dialer = &strange{srv.Dialer(), func(c net.Conn) net.Conn { return atOnce{c, ends} }}
			})
			got := texts(c)
			settle()
			ends.Store(true)
			raw(srv, "romeo", flood(10, 100))
			settle()
			srv.Drop("romeo")
			settle()
			require.Len(t, got.list(), 10, "what comes along with the end counts")
		})
	}
	figure(t, "R29", "one-byte reads, three-byte writes, writes cut off in the middle, last bytes along with the error; TLS and plain: the same %d messages", messages)
}

// TestServersThatDiffer is R32: what servers in use do beside the letter changes nothing. (TestInlined and TestHostileTwins have what they do within SASL2.)
func TestServersThatDiffer(t *testing.T) {
	const (
		offersBoth = "<stream:features><sm xmlns='urn:xmpp:sm:2'/><sm xmlns='urn:xmpp:sm:3'/><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session></stream:features>"
		bound      = "<iq type='result' id='%s'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>romeo@localhost/x</jid></bind></iq>"
		enabled    = "<enabled xmlns='urn:xmpp:sm:3' id='first' resume='true' max='600'/>"
	)
	// binds plays a session from its features on.
	binds := func(s *xmpptest.ScriptConn) error {
		bind, err := s.Expect("xmpp-bind")
		return errors.Join(err, s.Send(fmt.Sprintf(bound, bind.Attr("id"))), second(s.Expect("urn:xmpp:sm:3")), s.Send(enabled), second(s.Expect("presence")))
	}
	begins := func(s *xmpptest.ScriptConn) error {
		return errors.Join(s.Greet(), s.Authenticate("romeo"), s.Send(offersBoth))
	}
	for name, end := range map[string]string{"r before the end": "<r xmlns='urn:xmpp:sm:3'/></stream:stream>", "r behind the end": "</stream:stream><r xmlns='urn:xmpp:sm:3'/>"} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, nil)
				script := srv.Script(func(s *xmpptest.ScriptConn) error {
					if err := errors.Join(begins(s), binds(s)); err != nil {
						return err
					}
					for {
						e, err := s.Await("")
						if err != nil {
							return errors.Join(s.Send(end), s.ExpectEnd(""))
						}
						if e.Local() == "r" {
							if err := s.Send("<a xmlns='urn:xmpp:sm:3' h='1'/>"); err != nil {
								return err
							}
						}
					}
				})
				c := online(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) { cfg.DisableRoster = true })
				settle()
				require.NoError(t, c.Shutdown(t.Context()))
				require.NoError(t, script.Wait(t.Context()))
			})
		})
	}
	t.Run("failed with previd, features again", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			srv := xmpptest.NewServer(t, nil)
			srv.Script(func(s *xmpptest.ScriptConn) error {
				defer time.Sleep(time.Second) // and then it breaks off, when the client is online
				return errors.Join(begins(s), binds(s), s.Send("<r xmlns='urn:xmpp:sm:3'/>"), second(s.Await("a")))
			})
			c := online(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) { cfg.DisableRoster = true })
			states := new(record[xmpp.StateChange])
			c.OnState(states.add)
			settle()
			again := srv.Script(func(s *xmpptest.ScriptConn) error {
				err := errors.Join(begins(s), second(s.Expect("resume")),
					s.Send("<failed xmlns='urn:xmpp:sm:3' h='1' previd='first'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>gone</text></failed>"),
					binds(s), s.Send(offersBoth)) // which nobody asked for any more
				return errors.Join(err, second(s.Await("message")))
			})
			pass(30 * time.Second)
			require.Equal(t, xmpp.Online, c.State())
			require.True(t, states.list()[len(states.list())-1].Reset)
			require.NoError(t, c.Send(t.Context(), text("x")))
			require.NoError(t, again.Wait(t.Context()))
		})
	})
	t.Run("features behind a resumption", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			srv := xmpptest.NewServer(t, modern())
			c := offline(t, srv, "romeo")
			c.Use(catches())
			for c.Login(t.Context(), "", "") != nil {
			}
			states := new(record[xmpp.StateChange])
			c.OnState(states.add)
			srv.Drop("romeo")
			eventually(t, time.Minute, func() bool { return c.State() == xmpp.Online })
			require.True(t, states.list()[len(states.list())-1].Resumed)
			for range 2 {
				raw(srv, "romeo", strings.ReplaceAll(offersBoth, "<stream:features>", "<stream:features xmlns:stream='http://etherx.jabber.org/streams'>"))
				raw(srv, "romeo", flood(1, 0))
			}
			settle()
			require.EqualValues(t, 2, c.Stats().Unhandled)
			require.Equal(t, xmpp.Online, c.State())
			require.Equal(t, 2, srv.Dialer().Dials())
			countsAgree(t, srv, c, "features don't count")
		})
	})
	figure(t, "R32", "two versions on offer, <failed/> with previd, h and text, features again behind a bind and behind a resumption, <r/> before and behind the end of stream: tolerated")
}
