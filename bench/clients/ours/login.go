package main

import (
	"context"
	"fmt"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/bench/peer"
)

// login measures what authenticating costs, by password and then by the token that the first login
// left in the store. Connecting, and with it TLS, is the same for both and stays outside.
func login(o peer.Options) (*peer.Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), peer.Timeout)
	defer cancel()
	var first, again time.Duration
	for round := range o.N + 1 {
		if round == 1 {
			first, again = 0, 0 // what is made once in a process doesn't count
		}
		store := xmpp.NewMemoryStore()
		for i, sum := range []*time.Duration{&first, &again} {
			cpu, err := loginOnce(ctx, o, store)
			if err != nil {
				return nil, fmt.Errorf("login %d: %w", i+1, err)
			}
			*sum += cpu
		}
	}
	values, err := mechanisms(o.N)
	if err != nil {
		return nil, err
	}
	n := float64(o.N)
	values["first"], values["again"] = first.Seconds()/n, again.Seconds()/n
	return &peer.Result{Values: values}, nil
}

func loginOnce(ctx context.Context, o peer.Options, store xmpp.Store) (time.Duration, error) {
	cfg, err := configuration(o)
	if err != nil {
		return 0, err
	}
	cfg.Store = store
	conn, err := xmpp.NewConnection(cfg)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if err := conn.Connect(ctx); err != nil {
		return 0, err
	}
	cpu := peer.CPU()
	if err := conn.Login(ctx, "", ""); err != nil {
		return 0, err
	}
	return peer.CPU() - cpu, nil
}
