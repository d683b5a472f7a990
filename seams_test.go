package xmpp_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// A burst of requests is answered, however many replies wait for the acknowledgements behind it.
func TestABurstOfRequests(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := managed(t, srv, "romeo")
		conn := srv.Connections("romeo")[0]
		conn.Stall(false, true)
		for n := range 5000 {
			conn.Send(fmt.Sprintf("<iq type='get' id='p%d' from='juliet@localhost/x' to='%s'><ping xmlns='urn:xmpp:ping'/></iq>", n, c.User()))
		}
		settle()
		conn.Stall(false, false)
		pass(10 * time.Minute)
		t.Logf("%+v %v", c.Stats(), srv.Sessions("romeo"))
		require.EqualValues(t, 0, c.Stats().Waiting)
	})
}

// A message that comes twice counts as handled when its first copy is.
func TestADoubleIsHandledWithItsFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{NoArchive: true})
		c := online(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) {
			cfg.DisablePresence = true
			cfg.Trace = func(e xmpp.TraceEvent) {
				if x := string(e.Data); strings.Contains(x, "sm:3") && len(x) < 200 || strings.Contains(x, "<message") {
					t.Log(e.Out, x)
				}
			}
		})
		block := make(chan struct{})
		t.Cleanup(func() { close(block) })
		c.OnMessage(func(_ context.Context, m *stanza.Message) { <-block })
		m := "<message from='bot@localhost/x' type='chat' id='1'><body>a</body>%s</message>"
		raw(srv, "romeo", fmt.Sprintf(m, ""))
		settle()
		srv.SetStreamManagement(xmpptest.StreamManagement{Resumption: xmpptest.ResumeFailsWithoutCount, AskEvery: 1})
		srv.Drop("romeo")
		pass(30 * time.Second)
		t.Logf("%+v", srv.Sessions("romeo"))
		raw(srv, "romeo", fmt.Sprintf(m, "<delay xmlns='urn:xmpp:delay' from='localhost' stamp='2020-01-01T00:00:00Z'/>"))
		pass(10 * time.Second)
		raw(srv, "romeo", "<r xmlns='urn:xmpp:sm:3'/>")
		pass(time.Second)
		t.Logf("%+v", srv.Sessions("romeo"))
		t.Logf("doubled %d", c.Stats().Doubled)
		require.EqualValues(t, 1, srv.Sessions("romeo")[0].Acked, "h claims a message whose handler hasn't returned")
		settle()
	})
}

// A message that comes again in a new session is dropped also where the first one still waits for the router.
func TestADoubleBehindABacklog(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{NoArchive: true})
		c := online(t, srv, "romeo")
		seen := texts(c)
		block := make(chan struct{})
		c.Handle(xmpp.OnGet(func(ctx context.Context, _ uptimeQuery, _ *stanza.IQ) (any, error) { <-block; return nil, nil }))
		m := "<message from='bot@localhost/x' type='chat' id='1'><body>a</body>%s</message>"
		juliet := managed(t, srv, "juliet")
		go juliet.Get(t.Context(), c.User(), uptimeQuery{}, nil)
		settle()
		raw(srv, "romeo", fmt.Sprintf(m, ""))
		settle()
		srv.SetStreamManagement(xmpptest.StreamManagement{Resumption: xmpptest.ResumeFailsWithoutCount})
		srv.Drop("romeo")
		pass(15 * time.Second)
		raw(srv, "romeo", fmt.Sprintf(m, "<delay xmlns='urn:xmpp:delay' from='localhost' stamp='2020-01-01T00:00:00Z'/>"))
		settle()
		close(block)
		pass(10 * time.Second)
		require.Equal(t, []string{"a"}, seen.list(), c.State())
	})
}

// What was accepted for an account whose login failed is not sent by another (S177).
func TestMessagesOfAnotherAccount(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		juliet := managed(t, srv, "juliet")
		var from record[string]
		juliet.OnMessage(func(_ context.Context, m *stanza.Message) { from.add(m.From.String() + " " + m.Body) })
		c := offline(t, srv, "romeo")
		first := true
		c.Use(xmpp.Extension{Name: "x", Required: true, Start: func(_ context.Context, s *xmpp.Session) error {
			if first {
				first = false
				require.NoError(t, c.Send(t.Context(), &stanza.Message{To: juliet.User(), Body: "romeo's secret"}))
				return fmt.Errorf("no")
			}
			return nil
		}})
		require.Error(t, c.Login(t.Context(), "", ""))
		require.NoError(t, c.Login(t.Context(), "benvolio", xmpp.Secret(srv.Password("benvolio"))))
		pass(10 * time.Second)
		require.Empty(t, from.list())
	})
}

// Nor is it where the server says who each login is: with ANONYMOUS the next one is somebody else.
func TestMessagesOfAnotherStranger(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{Mechanisms: []string{"ANONYMOUS", "SCRAM-SHA-256"}})
		got := texts(online(t, srv, "juliet"))
		c := offline(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) {
			cfg.Address, cfg.Password, cfg.Domain, cfg.Mechanisms = jid.JID{}, "", "localhost", []string{"ANONYMOUS"}
		})
		var ack *xmpp.Ack
		c.Use(xmpp.Extension{Name: "x", Required: true, Start: func(_ context.Context, s *xmpp.Session) (err error) {
			if ack == nil {
				ack, err = c.Submit(t.Context(), text("the first one's secret"))
				require.NoError(t, err)
				return fmt.Errorf("no")
			}
			return nil
		}})
		require.Error(t, c.Login(t.Context(), "", ""))
		require.NoError(t, c.Login(t.Context(), "", ""))
		pass(10 * time.Second)
		require.Empty(t, got.list())
		require.ErrorIs(t, ack.Err(), xmpp.ErrAccountChanged)
	})
}

// What is in flight is bounded, also while the reader is paused.
func TestInFlightIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := managed(t, srv, "romeo")
		juliet := managed(t, srv, "juliet")
		block := make(chan struct{})
		c.OnMessage(func(_ context.Context, m *stanza.Message) { <-block })
		for n := range 300 {
			require.NoError(t, juliet.Send(t.Context(), &stanza.Message{To: c.User(), Type: stanza.MessageChat, Body: fmt.Sprint(n)}))
		}
		settle()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		n := 0
		for n = range 30000 {
			if c.Send(ctx, &stanza.Message{To: juliet.User(), Type: stanza.MessageChat, Body: strings.Repeat("x", 1000)}) != nil {
				break
			}
		}
		settle()
		t.Logf("sent %d; %+v", n, c.Stats())
		defer close(block)
		require.Less(t, c.Stats().Unacked, 5000)
	})
}

// Shutdown in a callback ends, however much waits behind it.
func TestShutdownInACallbackThatIsBehind(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := managed(t, srv, "romeo")
		juliet := managed(t, srv, "juliet")
		result := make(chan error, 1)
		var took time.Duration
		gate := make(chan struct{})
		once := false
		c.OnMessage(func(ctx context.Context, m *stanza.Message) {
			if once {
				return
			}
			once = true
			<-gate
			_ = c.Send(ctx, &stanza.Message{To: juliet.User(), Type: stanza.MessageChat, Body: "bye"})
			began := time.Now()
			err := c.Shutdown(ctx)
			took = time.Since(began)
			result <- err
		})
		for n := range 400 {
			require.NoError(t, juliet.Send(t.Context(), &stanza.Message{To: c.User(), Type: stanza.MessageChat, Body: fmt.Sprint(n)}))
		}
		pass(time.Second)
		close(gate)
		err := <-result
		t.Log(took, err)
		require.NoError(t, err)
		require.Less(t, took, time.Second)
	})
}

// What the callback's own turn still holds doesn't keep the reader from the server's last words.
func TestShutdownInACallbackAheadOfMuch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := managed(t, srv, "romeo")
		gate, result := make(chan struct{}), make(chan error, 1)
		var took time.Duration
		c.OnMessage(func(ctx context.Context, m *stanza.Message) {
			switch m.Body {
			case "wait":
				<-gate
			case "end":
				_ = c.Send(ctx, &stanza.Message{To: juliet, Type: stanza.MessageChat, Body: "bye"})
				began := time.Now()
				err := c.Shutdown(ctx)
				took = time.Since(began)
				result <- err
			}
		})
		large := strings.Repeat("x", 3<<20) // two of them are more than a paused reader takes
		for _, body := range []string{"wait", "end", large, large, "last"} {
			raw(srv, "romeo", "<message from='juliet@localhost/x'><body>"+body+"</body></message>")
			pass(time.Second)
		}
		close(gate)
		require.NoError(t, <-result)
		require.Less(t, took, time.Second)
	})
}

// All that is ever taken in waits behind a callback when Shutdown is called: what it drops is no reason not to hear the server's last words.
func TestShutdownWithAllThatIsTakenWaiting(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		slow, release := managed(t, srv, "juliet"), make(chan struct{})
		defer close(release)
		slow.Handle(xmpp.OnGet(func(ctx context.Context, _ uptimeQuery, _ *stanza.IQ) (any, error) {
			xmpp.Async(ctx)
			<-release
			return nil, nil
		}))
		c := managed(t, srv, "romeo")
		first := true
		c.OnMessage(func(ctx context.Context, _ *stanza.Message) {
			if first {
				first = false
				_ = c.Get(ctx, slow.User(), uptimeQuery{}, nil) // the reader reads on for its answer
			}
		})
		for range 50 {
			raw(srv, "romeo", flood(100, 100))
			settle()
		}
		require.Equal(t, 4096, c.Stats().Waiting)
		require.NoError(t, c.Shutdown(t.Context()))
	})
}

// Shutdown while an archive is asked leaves no Ack without an outcome.
func TestShutdownWhileTheArchiveIsAsked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{NoArchive: true, StreamManagement: xmpptest.StreamManagement{Resumption: xmpptest.ResumeFailsWithoutCount}})
		juliet := managed(t, srv, "juliet")
		c := offline(t, srv, "romeo")
		in := make(chan struct{}, 1)
		c.Use(xmpp.Extension{Name: "x", Reconcile: func(ctx context.Context, m []*stanza.Message) ([]xmpp.Arrival, error) {
			in <- struct{}{}
			<-ctx.Done()
			time.Sleep(time.Second) // virtual
			return nil, ctx.Err()
		}})
		require.NoError(t, c.Login(t.Context(), "", ""))
		srv.Connections("romeo")[0].Stall(true, true)
		a, err := c.Submit(t.Context(), &stanza.Message{To: juliet.User(), Type: stanza.MessageChat, Body: "hello"})
		require.NoError(t, err)
		settle()
		srv.Drop("romeo")
		<-in
		err = c.Shutdown(t.Context())
		var ended bool
		select {
		case <-a.Done():
			ended = true
		default:
		}
		t.Log(err, ended, c.Stats())
		pass(5 * time.Second)
		t.Log(a.Err())
		require.True(t, ended)
		require.Error(t, err)
	})
}

// A poisonous stanza is given up alone where nothing uncertain is sent again, too.
func TestPoisonAndReports(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{NoArchive: true})
		srv.Intercept(func(c *xmpptest.Conn, e stanza.Element) []stanza.Element {
			if strings.Contains(e.String(), "poison") {
				c.Kick(stanza.StreamPolicyViolation)
				return nil
			}
			return []stanza.Element{e}
		})
		juliet := online(t, srv, "juliet")
		c := online(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) {
			cfg.Resend = xmpp.ReportUnknown
		})
		settle()
		var acks []*xmpp.Ack
		for _, s := range []string{"one", "poison", "three", "four"} {
			a, err := c.Submit(t.Context(), &stanza.Message{To: juliet.User(), Type: stanza.MessageChat, Body: s})
			require.NoError(t, err)
			acks = append(acks, a)
		}
		pass(10 * time.Minute)
		for _, a := range acks {
			t.Log(a.Err())
		}
		require.NoError(t, acks[2].Err())
	})
}

// authOnly plays a login up to <resume/> and returns its previd.
func authOnly(s *xmpptest.ScriptConn, user string) (string, error) {
	if err := s.Greet(); err != nil {
		return "", err
	}
	if err := s.Authenticate(user); err != nil {
		return "", err
	}
	if _, err := s.Header(); err == nil {
		if err := s.SendHeader(); err != nil {
			return "", err
		}
	}
	if err := s.Send("<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/></stream:features>"); err != nil {
		return "", err
	}
	e, err := s.Expect("resume")
	if err != nil {
		return "", err
	}
	return e.Attr("previd"), nil
}

// A session is not asked for again where the answer shows that it never will be (S180).
func TestAResumptionThatCannotBe(t *testing.T) {
	for name, answer := range map[string]string{
		"too high": "<stream:error><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><handled-count-too-high xmlns='urn:xmpp:sm:3' h='10' send-count='8'/></stream:error></stream:stream>",
		"no h":     "<resumed xmlns='urn:xmpp:sm:3' previd='%ID%'/>",
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, nil)
				c := managed(t, srv, "romeo")
				srv.Script(func(s *xmpptest.ScriptConn) error {
					id, err := authOnly(s, "romeo")
					if err != nil {
						return err
					}
					return s.Send(strings.ReplaceAll(answer, "%ID%", id))
				})
				settle()
				seen := states(c)
				srv.Drop("romeo")
				pass(10 * time.Minute)
				require.Equal(t, []string{"reconnecting", "online reset"}, seen.list(), "it is not asked for again")
				require.Equal(t, 3, srv.Dialer().Dials())
			})
		})
	}
}

// A suspect's acknowledgement may lie behind a burst whose callbacks send.
func TestASuspectInABurst(t *testing.T) {
	for _, careful := range []bool{false, true} {
		t.Run(fmt.Sprint(careful), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, &xmpptest.Options{NoArchive: true})
				c := managed(t, srv, "romeo")
				juliet := managed(t, srv, "juliet")
				ctx, cancel := context.WithCancel(t.Context())
				t.Cleanup(cancel)
				c.OnMessage(func(_ context.Context, m *stanza.Message) {
					_ = c.Send(ctx, &stanza.Message{To: m.From, Type: stanza.MessageChat, Body: "echo"})
				})
				if careful {
					srv.Connections("romeo")[0].Stall(true, false)
				}
				flooded := false
				srv.Intercept(func(conn *xmpptest.Conn, e stanza.Element) []stanza.Element {
					if strings.Contains(e.String(), "suspect") && !flooded {
						flooded = true
						conn.Stall(false, true)
						for n := range 4000 {
							conn.Send(fmt.Sprintf("<message type='chat' id='%d' from='%s' to='%s'><body>b</body></message>", n, juliet.User(), conn.Address()))
						}
						go func() { time.Sleep(time.Second); conn.Stall(false, false) }() // virtual
					}
					return []stanza.Element{e}
				})
				a, err := c.Submit(t.Context(), &stanza.Message{To: juliet.User(), Type: stanza.MessageChat, Body: "suspect"})
				require.NoError(t, err)
				settle()
				if careful {
					srv.Connections("romeo")[0].Kick(stanza.StreamPolicyViolation)
				}
				pass(30 * time.Minute)
				t.Logf("%v %+v", c.State(), c.Stats())
				select {
				case <-a.Done():
				default:
					t.Error("no outcome")
				}
				require.Zero(t, c.Stats().Waiting)
			})
		})
	}
}

// A hook's context ends with the session, which the server's last words end: they were heard all the same.
func TestShutdownByAHook(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		for i := range 100 {
			c := offline(t, srv, "romeo")
			result := make(chan error, 1)
			c.Use(xmpp.Extension{Name: "x", Online: func(ctx context.Context, _ *xmpp.Session) error {
				result <- c.Shutdown(ctx)
				return nil
			}})
			_ = c.Login(t.Context(), "", "")
			require.NoError(t, <-result, "time %d", i)
		}
	})
}
