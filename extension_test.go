package xmpp_test

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

type wayStep = func(context.Context, *stanza.Message) (*stanza.Message, error)

// tag makes a step that adds its name to the body.
func tag(name string) wayStep {
	return func(_ context.Context, m *stanza.Message) (*stanza.Message, error) {
		m = m.Clone()
		m.Body += " " + name
		return m, nil
	}
}

// The steps in their order, whatever the order of attachment; at most one Unwrap.
func TestOrderOfSteps(t *testing.T) {
	pass := func(_ context.Context, m *stanza.Message) (*stanza.Message, error) { return m, nil }
	extensions := []xmpp.Extension{
		{Name: "a", Incoming: tag("in"), Decrypt: tag("decrypt"), Unwrap: pass, Outgoing: tag("out"), Encrypt: tag("encrypt")},
		{Name: "b", Unwrap: tag("unwrap"), Encrypt: pass},
		{Name: "c", Unwrap: tag("unwrap"), Outgoing: tag("out")},
	}
	for range 2 {
		slices.Reverse(extensions)
		bubble(t, func(t *testing.T) {
			srv := xmpptest.NewServer(t, nil)
			c := offline(t, srv, "romeo")
			for _, x := range extensions {
				c.Use(x)
			}
			got := texts(c)
			bounced := new(record[string])
			c.OnMessageError(func(_ context.Context, m *stanza.Message, e *stanza.Error) {
				bounced.add(fmt.Sprint(m.Body, e.Condition))
			})
			require.NoError(t, c.Login(t.Context(), "", ""))
			sent := online(t, srv, "juliet").Messages(t.Context())

			raw(srv, "romeo", "<message from='juliet@localhost'><body>m</body></message>")
			for _, typ := range []string{"normal", "chat", "groupchat", "headline", "strange"} {
				raw(srv, "romeo", "<message from='juliet@localhost' type='"+typ+"'><body>m</body></message>")
			}
			raw(srv, "romeo", "<message from='juliet@localhost' type='error'><body>m</body><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>")
			settle()
			require.Equal(t, slices.Repeat([]string{"m unwrap decrypt in"}, 6), got.list())
			require.Len(t, bounced.list(), 1)
			require.Contains(t, bounced.list()[0], "m in", "errors pass only Incoming")

			m := text("m")
			require.NoError(t, c.Send(t.Context(), m))
			require.Equal(t, "m", m.Body, "the steps work on a copy")
			require.Equal(t, "m out out encrypt", (<-sent).Body)
			require.NoError(t, c.Send(t.Context(), &stanza.Message{To: juliet, Type: stanza.MessageError, Body: "e", Error: &stanza.Error{Condition: stanza.Gone}}))
			require.NoError(t, c.Send(t.Context(), text("last")))
			require.Equal(t, "last out out encrypt", (<-sent).Body)
		})
	}
}

// Each result that a step may have.
func TestResultsOfSteps(t *testing.T) {
	odd := errors.New("odd")
	results := map[string]func(m *stanza.Message) (*stanza.Message, error){
		"pass":     func(m *stanza.Message) (*stanza.Message, error) { return m, nil },
		"consumed": func(*stanza.Message) (*stanza.Message, error) { return nil, nil },
		"odd":      func(m *stanza.Message) (*stanza.Message, error) { return m, odd },
		"forged":   func(*stanza.Message) (*stanza.Message, error) { return nil, odd },
	}
	act := func(_ context.Context, m *stanza.Message) (*stanza.Message, error) { return results[m.Body](m) }
	for name, x := range map[string]xmpp.Extension{"Unwrap": {Unwrap: act}, "Decrypt": {Decrypt: act}, "Incoming": {Incoming: act}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, nil)
				reported := new(record[error])
				c := offline(t, srv, "romeo", complaints(reported))
				x.Name = "thing"
				c.Use(x)
				got := texts(c)
				require.NoError(t, c.Login(t.Context(), "", ""))
				for _, body := range []string{"pass", "consumed", "odd", "forged"} {
					raw(srv, "romeo", "<message from='juliet@localhost'><body>"+body+"</body></message>")
				}
				settle()
				require.Equal(t, []string{"pass", "odd"}, got.list())
				require.Len(t, reported.list(), 2)
				require.ErrorIs(t, reported.list()[0], odd)
				require.ErrorContains(t, reported.list()[0], "thing")
			})
		})
	}
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := offline(t, srv, "romeo")
		c.Use(xmpp.Extension{Name: "thing", Outgoing: act})
		require.NoError(t, c.Login(t.Context(), "", ""))
		require.NoError(t, c.Send(t.Context(), text("pass")))
		require.NoError(t, c.Send(t.Context(), text("consumed")))
		err := c.Send(t.Context(), text("odd"))
		require.ErrorIs(t, err, odd)
		require.True(t, xmpp.SafeToRetry(err))
		ack, err := c.Submit(t.Context(), text("consumed"))
		require.NoError(t, err)
		require.NoError(t, ack.Wait(t.Context()), "nothing is left to wait for")
	})
}

// Start before presence and in one flight with the roster, Online after it, Closed at the end.
func TestLifeOfAnExtension(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{NoStreamManagement: true})
		log := new(record[string])
		c := offline(t, srv, "romeo")
		for _, name := range []string{"a", "b"} {
			c.Use(xmpp.Extension{
				Name: name,
				Start: func(ctx context.Context, s *xmpp.Session) error {
					log.add("start " + name)
					require.False(t, s.Resumed)
					require.False(t, s.Features.Child("urn:ietf:params:xml:ns:xmpp-bind", "bind").IsZero())
					require.False(t, s.Inlined("urn:x"))
					return c.Get(ctx, jid.JID{}, uptimeQuery{Of: name}, nil)
				},
				Online:   func(ctx context.Context, s *xmpp.Session) error { log.add("online"); return nil },
				Closed:   func(err error) { log.add("closed " + fmt.Sprint(errors.Is(err, xmpp.ErrClosed))) },
				Announce: func(_ context.Context, p *stanza.Presence) error { stanza.Add(p, announced{Of: name}); return nil },
			})
		}
		srv.Script(func(s *xmpptest.ScriptConn) error {
			if _, err := s.Login("romeo"); err != nil {
				return err
			}
			var answers strings.Builder
			for range 3 { // none waits for the answer of another
				iq, err := s.Expect("iq")
				if err != nil {
					return err
				}
				fmt.Fprintf(&answers, "<iq type='result' id='%s'/>", iq.Attr("id"))
			}
			settleHere(log, "before the answers")
			s.Conn.Send(answers.String())
			p, err := s.Expect("presence")
			if err != nil {
				return err
			}
			if !strings.Contains(p.String(), "of=") || p.Child("urn:example:announced", "x").IsZero() {
				return errors.New("not announced: " + p.String())
			}
			log.add("presence")
			return s.Serve()
		})
		require.NoError(t, c.Login(t.Context(), "", ""))
		settle()
		require.NoError(t, c.Close())
		settle()
		all := log.list()
		require.ElementsMatch(t, []string{"start a", "start b"}, all[:2])
		require.Equal(t, "before the answers", all[2])
		require.ElementsMatch(t, []string{"presence", "online", "online"}, all[3:6])
		require.Equal(t, []string{"closed true", "closed true"}, all[6:])
	})
}

func settleHere(log *record[string], s string) {
	time.Sleep(time.Second) // virtual
	log.add(s)
}

type announced struct {
	XMLName xml.Name `xml:"urn:example:announced x"`
	Of      string   `xml:"of,attr"`
}

func TestRequired(t *testing.T) {
	broken := errors.New("broken")
	fail := func(context.Context, *xmpp.Session) error { return broken }
	slow := func(ctx context.Context, _ *xmpp.Session) error { <-ctx.Done(); return ctx.Err() }
	for name, tt := range map[string]struct {
		x     xmpp.Extension
		fails bool
	}{
		"Start fails":             {xmpp.Extension{Start: fail}, false},
		"Start fails, required":   {xmpp.Extension{Start: fail, Required: true}, true},
		"Start is slow":           {xmpp.Extension{Start: slow}, false},
		"Start is slow, required": {xmpp.Extension{Start: slow, Required: true}, true},
		"Online fails":            {xmpp.Extension{Online: fail}, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, &xmpptest.Options{NoStreamManagement: true})
				reported := new(record[error])
				c := offline(t, srv, "romeo", complaints(reported))
				tt.x.Name = "thing"
				c.Use(tt.x)
				began := time.Now()
				err := c.Login(t.Context(), "", "")
				require.LessOrEqual(t, time.Since(began), 30*time.Second)
				settle()
				if tt.fails {
					require.ErrorContains(t, err, "extension thing: Start")
					require.Equal(t, xmpp.Disconnected, c.State())
					require.Empty(t, srv.Connections("romeo"))
					return
				}
				require.NoError(t, err)
				require.Len(t, reported.list(), 1)
			})
		})
	}
	bubble(t, func(t *testing.T) { // Online, required: the session ends, and another is tried
		srv := xmpptest.NewServer(t, &xmpptest.Options{NoStreamManagement: true})
		c := offline(t, srv, "romeo")
		fails := 2
		c.Use(xmpp.Extension{Name: "thing", Required: true, Online: func(context.Context, *xmpp.Session) error {
			if fails--; fails >= 0 {
				return broken
			}
			return nil
		}})
		seen := states(c)
		require.NoError(t, c.Login(t.Context(), "", ""))
		pass(2 * time.Minute)
		require.Equal(t, []string{"connecting", "online", "reconnecting", "online reset", "reconnecting", "online reset"}, seen.list())
	})
}

func TestUse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := offline(t, srv, "romeo")
		c.Use(xmpp.Extension{Name: "b", Features: []string{"urn:b", "urn:a"}, IQ: []xmpp.IQHandler{xmpp.OnGet(answerUptime)}})
		c.Use(xmpp.Extension{Name: "c", Features: []string{"urn:a"}})
		require.PanicsWithValue(t, "xmpp: b is attached already: make one per connection and pass it on", func() { c.Use(xmpp.Extension{Name: "b"}) })
		require.Panics(t, func() { c.Use(xmpp.Extension{}) })
		want := []string{"urn:a", "urn:b", "urn:xmpp:ping"}
		require.Equal(t, want, slices.Collect(c.Features()))
		require.NoError(t, c.Connect(t.Context()))
		require.Panics(t, func() { c.Use(xmpp.Extension{Name: "late"}) })
		require.Equal(t, want, slices.Collect(c.Features()))
	})
}

// What an extension claims reaches neither roster nor listeners.
func TestPresenceStep(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := offline(t, srv, "romeo")
		room := jid.MustParse("balcony@rooms.example/nick")
		c.Use(xmpp.Extension{Name: "rooms", Presence: func(_ context.Context, p *stanza.Presence) bool { return p.From.Domain() == room.Domain() }})
		heard := new(record[string])
		c.PresenceManager().OnPresence(func(_ context.Context, p *stanza.Presence) { heard.add(p.From.Domain()) })
		c.Roster().OnPresence(func(_ context.Context, a xmpp.Availability) { heard.add(a.Address.Domain()) })
		require.NoError(t, c.Login(t.Context(), "", ""))
		raw(srv, "romeo", "<presence from='"+room.String()+"'/><presence from='juliet@capulet.example/x'/>")
		settle()
		require.NotContains(t, heard.list(), room.Domain())
		require.Contains(t, heard.list(), "capulet.example")
		require.False(t, c.Roster().Available(room))
	})
}
