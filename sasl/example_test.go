package sasl_test

import (
	"errors"
	"fmt"

	"github.com/gosmack/xmpp/sasl"
)

// The conversation of RFC 7677 §3; a real client leaves Nonce alone.
func Example() {
	params := &sasl.Params{
		Username: "user",
		Password: "pencil",
		Offered:  []string{"PLAIN", "SCRAM-SHA-256"},
		Keys:     sasl.NewKeyCache(),
		Nonce:    func() (string, error) { return "rOprNGfwEbeRWgbNEkqO", nil },
	}
	m, err := sasl.Select(params, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Name)
	x, err := m.New(params)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, challenge := range []string{
		"",
		"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
	} {
		response, err := x.Next([]byte(challenge))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s\n", response)
	}
	fmt.Println(x.Finish([]byte("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")))
	fmt.Println(params.Pin.After(m.Name) == sasl.PinStrong)
	// Output:
	// SCRAM-SHA-256
	// n,,n=user,r=rOprNGfwEbeRWgbNEkqO
	// c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=
	// <nil>
	// true
}

// An account that has used SCRAM is not talked into PLAIN.
func ExamplePin() {
	_, err := sasl.Select(&sasl.Params{
		Username: "user", Password: "pencil", AllowPlain: true,
		Offered: []string{"PLAIN"},
		Pin:     sasl.PinStrong,
	}, []string{"SCRAM-SHA-256", "PLAIN"})
	fmt.Println(errors.Is(err, sasl.ErrDowngrade))
	// Output: true
}
