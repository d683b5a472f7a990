package main

import (
	"context"
	"runtime"
	"sync"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/bench/peer"
	"github.com/gosmack/xmpp/stanza"
)

// idle keeps connections online, each with a listener and an account of its own.
func idle(o peer.Options) (*peer.Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), peer.Timeout)
	defer cancel()
	var mu sync.Mutex
	var all []*xmpp.Connection
	defer func() { runtime.KeepAlive(all) }()
	return peer.Idle(o, func() error {
		conn, err := connect(o)
		if err != nil {
			return err
		}
		conn.OnMessage(func(context.Context, *stanza.Message) {})
		if err := conn.Login(ctx, "", ""); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, conn)
		return nil
	})
}
