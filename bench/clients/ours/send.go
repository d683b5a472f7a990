package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/bench/peer"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// send sends messages as fast as the server reads them.
func send(o peer.Options) (*peer.Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), peer.Timeout)
	defer cancel()
	conn, err := connect(o)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	end := make(chan struct{})
	conn.ChatManager().OnMessage(func(context.Context, *xmpp.Chat, *stanza.Message) { close(end) })
	if err := conn.Login(ctx, "", ""); err != nil {
		return nil, err
	}
	if err := begin(ctx, conn, o); err != nil {
		return nil, err
	}
	chat := conn.ChatManager().CreateChat(jid.MustParse(peer.EchoAddress))
	r, err := peer.Send(o, func() error { return chat.SendMessage(ctx, peer.Text) }, end)
	if stats := conn.Stats(); err == nil && stats.Acked == 0 {
		return nil, errors.New("stream management was off")
	}
	return r, err
}

// rally sends a message from the handler of the answer to the one before, at once or after a pause.
func rally(o peer.Options) (*peer.Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), peer.Timeout)
	defer cancel()
	conn, err := connect(o)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	r := peer.NewRally(o)
	chat := conn.ChatManager().CreateChat(jid.MustParse(peer.EchoAddress))
	failed := make(chan error, 1)
	serve := func() {
		r.Serve()
		if err := chat.SendMessage(ctx, peer.Text); err != nil {
			failed <- err
		}
	}
	chat.OnMessage(func(_ context.Context, m *stanza.Message) {
		switch {
		case !r.Return(m.Body):
		case o.Job == "lone":
			time.AfterFunc(peer.Pause, serve)
		default:
			serve()
		}
	})
	if err := conn.Login(ctx, "", ""); err != nil {
		return nil, err
	}
	if err := begin(ctx, conn, o); err != nil {
		return nil, err
	}
	serve()
	select {
	case <-r.Done:
		return r.Result()
	case err := <-failed:
		return nil, err
	case <-conn.Done():
		return nil, fmt.Errorf("the connection ended: %w", conn.Err())
	case <-ctx.Done():
		return nil, errors.New("an answer did not come")
	}
}
