package main

import (
	"time"

	"github.com/gosmack/xmpp/bench/peer"
	"github.com/gosmack/xmpp/sasl"
)

// mechanisms are the client's side of an exchange alone, in CPU seconds: SCRAM that derives its
// keys, SCRAM that has them, and a token.
func mechanisms(n int) (peer.Values, error) {
	values := peer.Values{}
	cached := sasl.NewKeyCache()
	if err := scram(cached); err != nil {
		return nil, err
	}
	for _, m := range []struct {
		name     string
		n        int
		exchange func() error
	}{
		{"scram", n, func() error { return scram(sasl.NewKeyCache()) }},
		{"cached", 100 * n, func() error { return scram(cached) }},
		{"token", 100 * n, token},
	} {
		cpu := peer.CPU()
		for range m.n {
			if err := m.exchange(); err != nil {
				return nil, err
			}
		}
		values[m.name] = (time.Duration(peer.CPU()-cpu) / time.Duration(m.n)).Seconds()
	}
	return values, nil
}

// scram is the conversation of RFC 7677 §3, of 4096 iterations.
func scram(keys sasl.KeyCache) error {
	p := &sasl.Params{Username: "user", Password: "pencil", Offered: []string{"SCRAM-SHA-256"}, Keys: keys,
		Nonce: func() (string, error) { return "rOprNGfwEbeRWgbNEkqO", nil }}
	m, err := sasl.Select(p, nil)
	if err != nil {
		return err
	}
	x, err := m.New(p)
	if err != nil {
		return err
	}
	for _, challenge := range []string{"", "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"} {
		if _, err := x.Next([]byte(challenge)); err != nil {
			return err
		}
	}
	return x.Finish([]byte("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="))
}

// token makes the message that proves a token.
func token() error {
	p := &sasl.Params{Username: "user", Token: "c2VjcmV0IHRva2VuIG9mIDI0IGJ5dGVz", Offered: []string{"HT-SHA-256-NONE"}}
	m, _ := sasl.SelectToken(p)
	x, err := m.New(p)
	if err != nil {
		return err
	}
	_, err = x.Next(nil)
	return err
}
