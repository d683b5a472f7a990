package main

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		befriend(t, srv, "romeo", "juliet")

		ctx, stop := context.WithCancel(t.Context())
		var out bytes.Buffer
		ended := make(chan error)
		go func() { ended <- watch(ctx, srv.Configuration("romeo"), &out) }()
		printed := func(want string) {
			t.Helper()
			synctest.Wait()
			require.Equal(t, want, out.String())
			out.Reset()
		}
		printed("contact juliet@localhost \"Capulet\", subscription to, in [\"Verona\"]\n")

		cfg := srv.Configuration("juliet")
		cfg.Resource = "balcony"
		juliet, err := xmpp.NewConnection(cfg)
		require.NoError(t, err)
		defer juliet.Close()
		require.NoError(t, juliet.Login(t.Context(), "", ""))
		printed("presence juliet@localhost/balcony is online \"\"\n")

		require.NoError(t, juliet.PresenceManager().Set(t.Context(), &stanza.Presence{Show: stanza.ShowAway, Status: "gone\n"}))
		printed("presence juliet@localhost/balcony is away \"gone\\n\"\n")

		require.NoError(t, srv.Client(t, "romeo").Roster().Rename(t.Context(), srv.Address("juliet"), "Juliet"))
		synctest.Wait()
		require.Contains(t, out.String(), "changed juliet@localhost \"Juliet\", subscription to, in [\"Verona\"]\n")
		out.Reset()

		require.NoError(t, juliet.Close())
		synctest.Wait()
		require.Contains(t, out.String(), "presence juliet@localhost/balcony is offline \"\"\n")

		stop()
		require.NoError(t, <-ended)
	})
}

// befriend lets one user see another's presence, and goes offline again.
func befriend(t *testing.T, srv *xmpptest.Server, user, of string) {
	a, b := srv.Client(t, user), srv.Client(t, of)
	b.Roster().HandleRequests(func(context.Context, xmpp.SubscriptionRequest) xmpp.Decision { return xmpp.Approve })
	require.NoError(t, a.Roster().Add(t.Context(), b.User(), "Capulet", "Verona"))
	require.NoError(t, a.Roster().Subscribe(t.Context(), b.User()))
	synctest.Wait()
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
	synctest.Wait()
}

func TestFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		cfg := srv.Configuration("romeo")
		cfg.Password = "wrong"
		require.ErrorContains(t, watch(t.Context(), cfg, &bytes.Buffer{}), "not-authorized")
	})
	for _, test := range []struct {
		args   []string
		status int
		want   string
	}{
		{nil, 2, "usage"},
		{[]string{"@"}, 1, "roster:"},
		{[]string{"romeo@montague.invalid"}, 1, "montague.invalid"},
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, test.status, run(t.Context(), test.args, &stdout, &stderr), test.args)
		require.Contains(t, stderr.String(), test.want)
		require.Empty(t, stdout.String())
	}
}
