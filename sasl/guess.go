package sasl

import (
	"errors"
	"slices"
	"strings"
)

// ErrOffer reports that the server offers something else than an exchange began with.
var ErrOffer = errors.New("sasl: the server offers something else than was thought")

// Guess is an exchange that may begin with what a server was known to offer, before it has said what it
// offers now: SCRAM and the HT family, whose first message gives no secret away.
type Guess interface {
	Exchange

	// Confirm replaces what was thought to be offered, Params.Offered and
	// Params.OfferedBindings, by what is. It is called once, between the initial response and whatever answers it,
	// and decides as [Mechanism.New] would have: the error is [ErrDowngrade], [ErrNoBinding], or ErrOffer if
	// the exchange would have begun in another way. The exchange is over then.
	Confirm(p *Params) error
}

// Confirm implements [Guess].
func (x *scram) Confirm(p *Params) error {
	if x.step != first || !slices.Contains(p.Offered, x.name) {
		x.fail()
		return ErrOffer
	}
	now := *x.params
	now.Offered, now.OfferedBindings = slices.Clone(p.Offered), slices.Clone(p.OfferedBindings)
	b, err := decide(&now, strings.HasSuffix(x.name, "-PLUS"))
	if err == nil && b.flag != x.binding.flag { // it names the binding, whose data is the connection's
		err = ErrOffer
	}
	if err != nil {
		x.fail()
		return err
	}
	x.params, x.binding = &now, b
	return nil
}
