package main

import (
	"context"
	"encoding/xml"
	"io"
	"runtime"
	"sync"

	"mellium.im/xmlstream"
	"mellium.im/xmpp"
	"mellium.im/xmpp/jid"
	"mellium.im/xmpp/stanza"

	"github.com/gosmack/xmpp/bench/peer"
)

var echo = jid.MustParse(peer.EchoAddress)

// start logs in, serves the session and makes the server begin.
func start(ctx context.Context, o peer.Options, h func(xmlstream.TokenReadEncoder, *xml.StartElement) error) (*xmpp.Session, error) {
	session, err := login(ctx, o)
	if err != nil {
		return nil, err
	}
	go func() { _ = session.Serve(xmpp.HandlerFunc(h)) }()
	return session, say(ctx, session, peer.GoAddress, o.Go())
}

func send(o peer.Options) (*peer.Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), peer.Timeout)
	defer cancel()
	end := make(chan struct{})
	session, err := start(ctx, o, func(xmlstream.TokenReadEncoder, *xml.StartElement) error {
		close(end)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return peer.Send(o, func() error {
		return session.Encode(ctx, body{stanza.Message{To: echo, Type: stanza.ChatMessage}, peer.Text})
	}, end)
}

// rally answers from the handler.
func rally(o peer.Options) (*peer.Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), peer.Timeout)
	defer cancel()
	r := peer.NewRally(o)
	next := body{stanza.Message{To: echo, Type: stanza.ChatMessage}, peer.Text}
	session, err := start(ctx, o, func(t xmlstream.TokenReadEncoder, start *xml.StartElement) error {
		var m body
		if err := xml.NewTokenDecoder(xmlstream.MultiReader(xmlstream.Token(*start), t)).Decode(&m); err != nil && err != io.EOF {
			return err
		}
		if !r.Return(m.Body) {
			return nil
		}
		r.Serve()
		return t.Encode(next)
	})
	if err != nil {
		return nil, err
	}
	r.Serve()
	if err := session.Encode(ctx, next); err != nil {
		return nil, err
	}
	select {
	case <-r.Done:
		return r.Result()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func idle(o peer.Options) (*peer.Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), peer.Timeout)
	defer cancel()
	var mu sync.Mutex
	var all []*xmpp.Session
	defer func() { runtime.KeepAlive(all) }()
	return peer.Idle(o, func() error {
		session, err := login(ctx, o)
		if err != nil {
			return err
		}
		go func() {
			_ = session.Serve(xmpp.HandlerFunc(func(xmlstream.TokenReadEncoder, *xml.StartElement) error { return nil }))
		}()
		mu.Lock()
		defer mu.Unlock()
		all = append(all, session)
		return session.Send(ctx, stanza.Presence{}.Wrap(nil))
	})
}
