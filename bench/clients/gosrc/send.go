package main

import (
	"errors"
	"runtime"
	"sync"
	"time"

	"gosrc.io/xmpp"
	"gosrc.io/xmpp/stanza"

	"github.com/gosmack/xmpp/bench/peer"
)

func message(to, text string) stanza.Message {
	return stanza.Message{Attrs: stanza.Attrs{To: to, Type: stanza.MessageTypeChat}, Body: text}
}

func start(o peer.Options, hear xmpp.HandlerFunc) (*xmpp.Client, error) {
	router := xmpp.NewRouter()
	router.HandleFunc("message", hear)
	client, err := login(o, router, func(error) {})
	if err != nil {
		return nil, err
	}
	return client, client.Send(message(peer.GoAddress, o.Go()))
}

func send(o peer.Options) (*peer.Result, error) {
	end := make(chan struct{})
	client, err := start(o, func(xmpp.Sender, stanza.Packet) { close(end) })
	if err != nil {
		return nil, err
	}
	return peer.Send(o, func() error { return client.Send(message(peer.EchoAddress, peer.Text)) }, end)
}

func rally(o peer.Options) (*peer.Result, error) {
	r := peer.NewRally(o)
	client, err := start(o, func(s xmpp.Sender, p stanza.Packet) {
		if m, ok := p.(stanza.Message); ok && r.Return(m.Body) {
			r.Serve()
			_ = s.Send(message(peer.EchoAddress, peer.Text)) // what doesn't arrive ends the rally
		}
	})
	if err != nil {
		return nil, err
	}
	r.Serve()
	if err := client.Send(message(peer.EchoAddress, peer.Text)); err != nil {
		return nil, err
	}
	select {
	case <-r.Done:
		return r.Result()
	case <-time.After(peer.Timeout / 2):
		return nil, errors.New("an answer did not come")
	}
}

func idle(o peer.Options) (*peer.Result, error) {
	var mu sync.Mutex
	var all []*xmpp.Client
	defer func() { runtime.KeepAlive(all) }()
	return peer.Idle(o, func() error {
		client, err := login(o, xmpp.NewRouter(), func(error) {})
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, client)
		return nil
	})
}
