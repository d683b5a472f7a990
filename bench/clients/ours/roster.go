package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/gosmack/xmpp/bench/peer"
)

// roster logs in to an account with N contacts. Its CPU time is that of the login.
func roster(o peer.Options) (*peer.Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), peer.Timeout)
	defer cancel()
	o.User = fmt.Sprint("roster", o.N)
	conn, err := connect(o)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.Connect(ctx); err != nil {
		return nil, err
	}
	var meter peer.Meter
	meter.Begin()
	if err := conn.Login(ctx, "", ""); err != nil {
		return nil, err
	}
	r := new(peer.Result)
	meter.End(r)
	n := 0
	for range conn.Roster().Contacts() {
		n++
	}
	if n != o.N {
		return nil, errors.New("the roster is not whole")
	}
	return r, nil
}
