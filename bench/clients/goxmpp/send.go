package main

import (
	"runtime"
	"sync"

	"github.com/xmppo/go-xmpp"

	"github.com/gosmack/xmpp/bench/peer"
)

var next = xmpp.Chat{Remote: peer.EchoAddress, Type: "chat", Text: peer.Text}

func start(o peer.Options) (*xmpp.Client, error) {
	client, err := login(o)
	if err != nil {
		return nil, err
	}
	_, err = client.Send(xmpp.Chat{Remote: peer.GoAddress, Type: "chat", Text: o.Go()})
	return client, err
}

func send(o peer.Options) (*peer.Result, error) {
	client, err := start(o)
	if err != nil {
		return nil, err
	}
	end := make(chan struct{})
	go func() {
		defer close(end)
		_, _ = client.Recv() // nothing else comes than the end
	}()
	return peer.Send(o, func() error {
		_, err := client.Send(next)
		return err
	}, end)
}

func rally(o peer.Options) (*peer.Result, error) {
	client, err := start(o)
	if err != nil {
		return nil, err
	}
	r := peer.NewRally(o)
	for {
		r.Serve()
		if _, err := client.Send(next); err != nil {
			return nil, err
		}
		stanza, err := client.Recv()
		if err != nil {
			return nil, err
		}
		if chat, ok := stanza.(xmpp.Chat); ok && !r.Return(chat.Text) {
			return r.Result()
		}
	}
}

func idle(o peer.Options) (*peer.Result, error) {
	var mu sync.Mutex
	var all []*xmpp.Client
	defer func() { runtime.KeepAlive(all) }()
	return peer.Idle(o, func() error {
		client, err := login(o)
		if err != nil {
			return err
		}
		go func() {
			for {
				if _, err := client.Recv(); err != nil {
					return
				}
			}
		}()
		mu.Lock()
		defer mu.Unlock()
		all = append(all, client)
		return nil
	})
}
