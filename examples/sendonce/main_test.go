package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

func TestSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		admin := srv.Client(t, "admin")
		messages := admin.ChatManager().Messages(t.Context())
		srv.Intercept(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element {
			time.Sleep(time.Second) // of virtual time: a busy server
			return []stanza.Element{e}
		})
		srv.Password("admin")
		require.NoError(t, send(t.Context(), srv.Configuration("monitor"), srv.Address("admin"), strings.NewReader("disk full\non host ж\n")))
		synctest.Wait()
		select {
		case m := <-messages:
			require.Equal(t, "disk full\non host ж", m.Body)
			require.Equal(t, srv.Address("monitor"), m.From.Bare())
			require.Equal(t, stanza.MessageChat, m.Type)
		default:
			t.Fatal("it ended before the server had the message")
		}
	})
}

func TestSendToSomebodyOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		require.NoError(t, srv.AddAccount("admin", "pw"))
		srv.Password("admin")
		require.NoError(t, send(t.Context(), srv.Configuration("monitor"), srv.Address("admin"), strings.NewReader("later")))

		admin, err := xmpp.NewConnection(srv.Configuration("admin"))
		require.NoError(t, err)
		defer admin.Close()
		messages := admin.ChatManager().Messages(t.Context())
		require.NoError(t, admin.Login(t.Context(), "", ""))
		require.Equal(t, "later", (<-messages).Body)
	})
}

func TestConnectionBreaksWithinTheMessage(t *testing.T) {
	const text = 1_000_000
	for name, test := range map[string]struct {
		unmanaged bool
		cuts      int
		want      error
	}{
		"once":                               {false, 1, nil}, // the session is resumed
		"each time":                          {false, -1, context.DeadlineExceeded},
		"once, and nobody keeps the session": {true, 1, xmpp.ErrUnknownOutcome},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				faults := xmpptest.Faults{CutAfterRead: 100_000}
				o := &xmpptest.Options{NoStreamManagement: test.unmanaged}
				if test.cuts < 0 {
					o.Faults = faults
				}
				srv := xmpptest.NewServer(t, o)
				srv.Password("admin") // there is such an account: a bounce would race with the acknowledgement
				if test.cuts > 0 {
					srv.Next(func(c *xmpptest.Conn) { c.SetFaults(faults) })
				}
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				err := send(ctx, srv.Configuration("monitor"), srv.Address("admin"), strings.NewReader(strings.Repeat("x", text)))
				require.ErrorIs(t, err, test.want)
			})
		})
	}
}

func TestFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		cfg, to := srv.Configuration("monitor"), srv.Address("admin")
		require.ErrorContains(t, send(t.Context(), cfg, to, strings.NewReader(" \n")), "standard input")
		require.ErrorContains(t, send(t.Context(), cfg, to, iotest.ErrReader(errors.New("broken pipe"))), "broken pipe")
		require.ErrorContains(t, send(t.Context(), cfg, to, strings.NewReader("a\x00b")), "U+0000")
		cfg.Password = "wrong"
		require.ErrorContains(t, send(t.Context(), cfg, to, strings.NewReader("x")), "not-authorized")
	})
	for _, test := range []struct {
		args   []string
		status int
		want   string
	}{
		{nil, 2, "usage"},
		{[]string{"monitor@example.org"}, 2, "usage"},
		{[]string{"@", "admin@example.org"}, 1, "sendonce:"},
		{[]string{"monitor@example.org", "@"}, 1, "sendonce:"},
		{[]string{"monitor@example.invalid", "admin@example.org"}, 1, "example.invalid"},
	} {
		var stderr bytes.Buffer
		require.Equal(t, test.status, run(t.Context(), test.args, strings.NewReader("text"), &stderr), test.args)
		require.Contains(t, stderr.String(), test.want)
	}
}
