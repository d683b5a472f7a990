package jid_test

import (
	"errors"
	"fmt"

	"github.com/gosmack/xmpp/jid"
)

func Example() {
	j, err := jid.Parse("Juliet@B\u00dcCHER.example./balcony")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(j.Local(), j.Domain(), j.Resource())
	fmt.Println(j.Bare() == jid.MustParse("juliet@xn--bcher-kva.example"))

	_, err = jid.Parse("romeo@montague..example")
	if e, ok := errors.AsType[*jid.Error](err); ok {
		fmt.Println(e.Part, e.Reason)
	}
	// Output:
	// juliet bücher.example balcony
	// true
	// domain has an empty label
}

func ExampleEscape() {
	j, err := jid.New(jid.Escape("d'artagnan@musketeers.example"), "mail.example", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(j)
	fmt.Println(jid.Unescape(j.Local()))
	// Output:
	// d\27artagnan\40musketeers.example@mail.example
	// d'artagnan@musketeers.example
}
