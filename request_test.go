package xmpp_test

import (
	"context"
	"encoding/xml"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

type uptimeQuery struct {
	XMLName xml.Name `xml:"urn:example:uptime query"`
	Of      string   `xml:"of,attr,omitempty"`
}

type uptime struct {
	XMLName xml.Name `xml:"urn:example:uptime uptime"`
	Seconds int      `xml:"seconds,attr"`
}

func TestGetAndSet(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		a, b := online(t, srv, "romeo"), online(t, srv, "juliet")
		b.Handle(xmpp.OnGet(func(_ context.Context, q uptimeQuery, iq *stanza.IQ) (any, error) {
			if q.Of == "nobody" {
				return nil, stanza.ItemNotFound
			}
			return uptime{Seconds: len(iq.From.Resource())}, nil
		}))
		b.Handle(xmpp.OnSet(func(_ context.Context, q uptimeQuery, _ *stanza.IQ) (any, error) {
			return nil, errors.Join(errors.New("the secret cause"), stanza.Forbidden)
		}))
		var up uptime
		require.NoError(t, a.Get(t.Context(), b.User(), uptimeQuery{}, &up))
		require.Equal(t, len(a.User().Resource()), up.Seconds)
		require.NoError(t, a.Get(t.Context(), b.User(), uptimeQuery{}, nil))
		var e stanza.Element
		require.NoError(t, a.Get(t.Context(), b.User(), uptimeQuery{}, &e))
		require.Equal(t, "uptime", e.Local())
		var other uptimeQuery
		require.ErrorIs(t, a.Get(t.Context(), b.User(), uptimeQuery{}, &other), stanza.ErrAbsent)

		err := a.Get(t.Context(), b.User(), uptimeQuery{Of: "nobody"}, &up)
		require.ErrorIs(t, err, stanza.ItemNotFound)
		var refused *stanza.Error
		require.ErrorAs(t, err, &refused)
		err = a.Set(t.Context(), b.User(), uptimeQuery{}, nil)
		require.ErrorIs(t, err, stanza.Forbidden)
		require.NotContains(t, err.Error(), "secret")
	})
}

func TestRequestLimits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		answers := make(chan string, 1)
		c := scripted(t, srv, "romeo", func(s *xmpptest.ScriptConn) error {
			for {
				iq, err := s.Await("uptime")
				if err != nil {
					return nil
				}
				answers <- "<iq type='result' id='" + iq.Attr("id") + "' from='juliet@localhost/x'><uptime xmlns='urn:example:uptime' seconds='1'/></iq>"
			}
		}, func(cfg *xmpp.ConnectionConfiguration) { cfg.RequestTimeout = 12 * time.Second })
		to := jid.MustParse("juliet@localhost/x")
		began := time.Now()
		err := c.Get(t.Context(), to, uptimeQuery{}, nil)
		require.ErrorIs(t, err, xmpp.ErrTimeout)
		require.True(t, xmpp.SafeToRetry(err), "a get changes nothing")
		require.Equal(t, 12*time.Second, time.Since(began))
		late := <-answers

		err = c.Set(t.Context(), to, uptimeQuery{}, nil)
		require.ErrorIs(t, err, xmpp.ErrTimeout)
		require.False(t, xmpp.SafeToRetry(err))
		<-answers

		why := errors.New("never mind")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(why) })
		require.ErrorIs(t, c.Get(ctx, to, uptimeQuery{}, nil), why)
		<-answers

		before := c.Stats().Late
		raw(srv, "romeo", late)
		settle()
		require.Equal(t, before+1, c.Stats().Late, "a late answer is dropped")
		done := make(chan error)
		go func() { done <- c.Get(t.Context(), to, uptimeQuery{}, nil) }()
		raw(srv, "romeo", <-answers)
		require.NoError(t, <-done)
		require.Equal(t, xmpp.Online, c.State())
	})
}

func TestSameIDTwice(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		c := online(t, srv, "romeo")
		srv.Intercept(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element { return nil })
		iq := &stanza.IQ{Type: stanza.IQGet, ID: "mine"}
		stanza.Add(iq, uptimeQuery{})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _, _ = c.SendIQ(ctx, iq) }()
		settle()
		var bad *xmpp.ConfigError
		require.ErrorAs(t, second(c.SendIQ(t.Context(), iq)), &bad)
		cancel()
		settle()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, second(c.SendIQ(short, iq)), context.DeadlineExceeded, "the id is free again")
	})
}

func contains(all []string, s string) bool {
	for _, a := range all {
		if a == s {
			return true
		}
	}
	return false
}
