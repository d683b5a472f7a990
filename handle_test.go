package xmpp_test

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// dialogue is romeo's connection to a script that passes on every answer.
func dialogue(t *testing.T, srv *xmpptest.Server, attach func(*xmpp.Connection), changes ...with) (c *xmpp.Connection, ask func(string), answers chan stanza.Element) {
	t.Helper()
	answers = make(chan stanza.Element, 10_000)
	c = scripted(t, srv, "romeo", func(s *xmpptest.ScriptConn) error {
		for {
			e, err := s.Await("")
			if err != nil {
				return nil
			}
			answers <- e
		}
	}, append(changes, func(cfg *xmpp.ConnectionConfiguration) { cfg.Resource = "r" })...)
	if attach != nil {
		attach(c)
	}
	settle()
	return c, func(s string) { raw(srv, "romeo", s) }, answers
}

func TestAutomaticAnswers(t *testing.T) {
	const q = "<query xmlns='urn:example:uptime'/>"
	tests := map[string]struct {
		iq   string
		want string // in the answer; "" for none
	}{
		"ping":               {"<iq type='get' id='1' from='romeo@localhost/other'><ping xmlns='urn:xmpp:ping'/></iq>", "type='result'"},
		"ping of a stranger": {"<iq type='get' id='1' from='juliet@localhost/x'><ping xmlns='urn:xmpp:ping'/></iq>", "service-unavailable"},
		"ping of the server": {"<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>", "type='result'"},
		"unknown payload":    {"<iq type='get' id='1' from='juliet@localhost/x'><x xmlns='urn:x'/></iq>", "service-unavailable"},
		"known, wrong type":  {"<iq type='set' id='1' from='juliet@localhost/x'>" + q + "</iq>", "service-unavailable"},
		"known":              {"<iq type='get' id='1' from='juliet@localhost/x'>" + q + "</iq>", "seconds='7'"},
		"undecodable":        {"<iq type='get' id='1' from='romeo@localhost/other'><count xmlns='urn:example:uptime' n='many'/></iq>", "bad-request"},
		"no payload":         {"<iq type='get' id='1' from='romeo@localhost/other'/>", "bad-request"},
		"two payloads":       {"<iq type='get' id='1' from='romeo@localhost/other'>" + q + q + "</iq>", "bad-request"},
		"a stranger's":       {"<iq type='get' id='1' from='juliet@localhost/x'><count xmlns='urn:example:uptime' n='many'/></iq>", "<error type='cancel'><service-unavailable"},
		"a stranger's none":  {"<iq type='get' id='1' from='juliet@localhost/x'/>", "<error type='cancel'><service-unavailable"},
		"a stranger's two":   {"<iq type='get' id='1' from='juliet@localhost/x'>" + q + q + "</iq>", "<error type='cancel'><service-unavailable"},
		"handler's own":      {"<iq type='get' id='1' from='juliet@localhost/x'><query xmlns='urn:example:uptime' of='bad'/></iq>", "bad-request"},
		"condition":          {"<iq type='get' id='1' from='juliet@localhost/x'><query xmlns='urn:example:uptime' of='forbidden'/></iq>", "<error type='auth'><forbidden"},
		"own error":          {"<iq type='get' id='1' from='juliet@localhost/x'><query xmlns='urn:example:uptime' of='full'/></iq>", "for you to read"},
		"any error":          {"<iq type='get' id='1' from='juliet@localhost/x'><query xmlns='urn:example:uptime' of='other'/></iq>", "internal-server-error"},
		"panic":              {"<iq type='get' id='1' from='juliet@localhost/x'><query xmlns='urn:example:uptime' of='panic'/></iq>", "internal-server-error"},
		"unencodable answer": {"<iq type='get' id='1' from='juliet@localhost/x'><query xmlns='urn:example:uptime' of='dirt'/></iq>", "internal-server-error"},
		"nothing":            {"<iq type='get' id='1' from='juliet@localhost/x'><query xmlns='urn:example:uptime' of='nothing'/></iq>", "type='result'/>"},
		"late result":        {"<iq type='result' id='1' from='juliet@localhost/x'/>", ""},
		"error":              {"<iq type='error' id='1' from='juliet@localhost/x'/>", ""},
		"message error":      {"<message type='error' id='1' from='juliet@localhost/x'/>", ""},
	}
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		panics, reported := new(record[any]), new(record[error])
		_, ask, answers := dialogue(t, srv, func(c *xmpp.Connection) {
			c.Handle(xmpp.OnGet(answerUptime))
			c.Handle(xmpp.OnGet(func(context.Context, counted, *stanza.IQ) (any, error) { return nil, nil }))
		}, complaints(reported), func(cfg *xmpp.ConnectionConfiguration) {
			cfg.OnPanic = func(v any, stack []byte) { panics.add(v) }
		})
		for name, tt := range tests {
			ask(tt.iq)
			settle()
			if tt.want == "" {
				require.Empty(t, answers, name)
				continue
			}
			require.Len(t, answers, 1, name)
			answer := strings.ReplaceAll((<-answers).String(), `"`, "'")
			require.Contains(t, answer, tt.want, name)
			require.Contains(t, answer, "1", name)
			require.NotContains(t, answer, "secret", name)
		}
		require.Equal(t, []any{"boom"}, panics.list())
		require.Contains(t, errorText(reported.list()), "secret", "who owns the handler hears of it")
	})
}

type counted struct {
	XMLName xml.Name `xml:"urn:example:uptime count"`
	N       int      `xml:"n,attr"`
}

func answerUptime(_ context.Context, q uptimeQuery, _ *stanza.IQ) (any, error) {
	switch q.Of {
	case "forbidden":
		return nil, fmt.Errorf("a secret reason: %w", stanza.Forbidden)
	case "full":
		return nil, &stanza.Error{Condition: stanza.NotAllowed, Text: "for you to read"}
	case "other":
		return nil, errors.New("a secret")
	case "bad":
		return nil, stanza.BadRequest
	case "panic":
		panic("boom")
	case "dirt":
		return uptimeQuery{Of: "\x00"}, nil
	case "nothing":
		return nil, nil
	}
	return uptime{Seconds: 7}, nil
}

func TestHandlePanics(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := offline(t, srv, "romeo")
		c.Handle(xmpp.OnGet(answerUptime))
		c.Handle(xmpp.OnSet(answerUptime))
		require.Panics(t, func() { c.Handle(xmpp.OnGet(answerUptime)) })
		require.Panics(t, func() { c.Handle(xmpp.IQHandler{}) })
	})
}

// A handler holds up what came later, unless it calls Async.
func TestAsync(t *testing.T) {
	for _, async := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			srv := xmpptest.NewServer(t, nil)
			var got *record[string]
			c, ask, answers := dialogue(t, srv, func(c *xmpp.Connection) {
				got = texts(c)
				c.Handle(xmpp.OnGet(func(ctx context.Context, q uptimeQuery, iq *stanza.IQ) (any, error) {
					if async {
						xmpp.Async(ctx)
						xmpp.Async(ctx)
					}
					select {
					case <-time.After(3 * time.Second):
					case <-ctx.Done():
					}
					return uptime{}, nil
				}))
			})
			ask("<iq type='get' id='slow' from='juliet@localhost/x'><query xmlns='urn:example:uptime'/></iq><message from='juliet@localhost'><body>next</body></message>")
			pass(time.Second)
			require.Equal(t, async, len(got.list()) == 1)
			require.Equal(t, async, c.Stats().Waiting == 0)
			require.Empty(t, answers)
			pass(3 * time.Second)
			require.Len(t, got.list(), 1)
			require.Equal(t, "slow", (<-answers).Attr("id"))
			ask("<iq type='get' id='slow' from='juliet@localhost/x'><query xmlns='urn:example:uptime'/></iq>")
			settle()
			began := time.Now()
			require.NoError(t, c.Close()) // the handler's context ends with the connection
			settle()
			require.Less(t, time.Since(began), time.Second)
		})
	}
}

// What was asked in an earlier session is not answered as somebody else.
func TestAnswerOfAnEarlierSession(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, &xmpptest.Options{NoStreamManagement: true})
		answered := new(record[string])
		srv.Intercept(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element {
			if e.Local() == "iq" && e.Attr("type") == "result" {
				answered.add(e.Attr("id"))
			}
			return []stanza.Element{e}
		})
		c := online(t, srv, "romeo") // the server chooses the resource
		gate := make(chan struct{})
		c.Handle(xmpp.OnGet(func(ctx context.Context, _ uptimeQuery, _ *stanza.IQ) (any, error) {
			xmpp.Async(ctx)
			<-gate
			return uptime{}, nil
		}))
		for range 2 {
			raw(srv, "romeo", "<iq type='get' id='"+c.User().Resource()+"' from='juliet@localhost/x' to='"+c.User().String()+"'><query xmlns='urn:example:uptime'/></iq>")
			settle()
			old := c.User()
			srv.Drop("romeo")
			eventually(t, time.Minute, func() bool { return c.State() == xmpp.Online })
			require.NotEqual(t, old, c.User())
		}
		raw(srv, "romeo", "<iq type='get' id='now' from='juliet@localhost/x' to='"+c.User().String()+"'><query xmlns='urn:example:uptime'/></iq>")
		settle()
		close(gate)
		settle()
		require.Equal(t, []string{"now"}, answered.list())
	})
}

// A flood of requests from strangers is answered one by one and costs the application nothing.
func TestRequestFlood(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c, ask, answers := dialogue(t, srv, nil)
		const n = 3000
		var flood strings.Builder
		for i := range n {
			fmt.Fprintf(&flood, "<iq type='get' id='%d' from='mallory@localhost/x'><ping xmlns='urn:xmpp:ping'/></iq>", i)
		}
		ask(flood.String())
		pass(time.Second)
		require.Len(t, answers, n)
		for i := range n {
			require.Equal(t, fmt.Sprint(i), (<-answers).Attr("id"))
		}
		require.Zero(t, c.Stats().Waiting)
	})
}
