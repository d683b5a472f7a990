package main

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/xmpptest"
)

func TestEcho(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- serve(ctx, srv.Configuration("bot")) }()

		chat := srv.Client(t, "romeo").ChatManager().CreateChat(srv.Address("bot"))
		replies := chat.Messages(t.Context())
		say := func(s string) {
			t.Helper()
			require.NoError(t, chat.SendMessage(t.Context(), s))
			require.Equal(t, s, (<-replies).Body)
		}
		say("good morrow")
		say("ж\n\t]]> & <b/>")
		srv.Drop("bot")
		say("still there?")

		stop()
		require.NoError(t, <-ended)
	})
}

func TestFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		cfg := srv.Configuration("bot")
		cfg.Password = "wrong"
		require.ErrorContains(t, serve(t.Context(), cfg), "not-authorized")
	})
	for _, test := range []struct {
		args   []string
		status int
		want   string
	}{
		{nil, 2, "usage"},
		{[]string{"romeo@montague.example", "more"}, 2, "usage"},
		{[]string{"@"}, 1, "echobot:"},
		{[]string{"romeo@montague.invalid"}, 1, "montague.invalid"},
	} {
		var stderr bytes.Buffer
		require.Equal(t, test.status, run(t.Context(), test.args, &stderr), test.args)
		require.Contains(t, stderr.String(), test.want)
	}
}
