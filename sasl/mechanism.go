package sasl

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	nameOAuthBearer = "OAUTHBEARER"
	nameExternal    = "EXTERNAL"
	namePlain       = "PLAIN"
	nameAnonymous   = "ANONYMOUS"
)

// Mechanism is a way to authenticate. Other implementations than those of
// [Select] are welcome: a Mechanism is only a name and a constructor.
type Mechanism struct {
	Name string

	// Binding is the type of channel binding that will be used; empty: none.
	Binding string

	// New begins an exchange. It may draw random bytes but does no I/O and no
	// key derivation. Its errors are *InputError, [ErrDowngrade], [ErrNoBinding] and those of Params.Nonce.
	New func(*Params) (Exchange, error)
}

// Exchange is one authentication in progress. It is not safe for concurrent
// use, and over after its first error.
type Exchange interface {
	// Next returns the response to a challenge. The first call, with nil or an
	// empty challenge, returns the initial response, which is not nil but may be empty.
	// SCRAM derives its keys in here, which may take half a second.
	Next(challenge []byte) (response []byte, err error)

	// Finish must be called when the server reports success, with the
	// additional data of that report (nil: none). Only if it returns nil is the
	// client authenticated and the server too, as far as the mechanism can tell.
	Finish(additional []byte) error
}

// entry is a row of the table: a mechanism and when it may be used.
type entry struct {
	name    string
	asked   bool                   // used only when the caller names it
	strong  bool                   // does not hand over its secret
	missing func(p *Params) string // what is missing for its use; empty: nothing
	begin   func(*Params) (Exchange, error)
}

// table is every mechanism, best first. Channel binding counts more than the hash.
var table = append(scramTable(),
	entry{nameOAuthBearer, false, false, needsToken, newOAuthBearer},
	entry{nameExternal, true, true, needsNothing, newExternal},
	entry{namePlain, true, false, needsPlain, newPlain},
	entry{nameAnonymous, true, false, needsNothing, newAnonymous},
)

// scramTable returns the rows of SCRAM.
func scramTable() []entry {
	family := []digest{
		{"SHA-512", sha512.New},
		{"SHA-256", sha256.New},
		{"SHA-1", sha1.New},
	}
	var rows []entry
	for _, plus := range []bool{true, false} {
		for _, d := range family {
			name, missing := "SCRAM-"+d.name, needsPassword
			if plus {
				name, missing = name+"-PLUS", needsBinding
			}
			rows = append(rows, entry{name, false, true, missing, func(p *Params) (Exchange, error) {
				return newSCRAM(p, name, d, plus)
			}})
		}
	}
	return rows
}

// Names returns the mechanisms of this package in their order of preference.
func Names() []string {
	names := make([]string, len(table))
	for i, e := range table {
		names[i] = e.name
	}
	return names
}

// Select returns the best mechanism that the server offers, the caller allows
// and the parameters suffice for. allowed empty means SCRAM and
// OAUTHBEARER; otherwise exactly those named, in no order. An allowed name that
// this package does not know is an *InputError.
//
// It returns [ErrDowngrade] if the pin forbids what is left, [ErrNoBinding] if
// only StrictBinding does, and else [ErrNoMechanism], with the reasons in the message.
func Select(p *Params, allowed []string) (Mechanism, error) {
	if err := checkSelect(p, allowed); err != nil {
		return Mechanism{}, err
	}
	var reasons []string
	for _, e := range table {
		if !slices.Contains(p.Offered, e.name) {
			continue
		}
		if why := e.unusable(p, allowed); why != "" {
			reasons = append(reasons, e.name+" "+why)
			continue
		}
		return e.mechanism(p)
	}
	if p.pinned() && !offersStrong(p.Offered, allowed) {
		return Mechanism{}, errPinned
	}
	return Mechanism{}, noMechanism(p.Offered, reasons)
}

// checkSelect refuses what the caller should not have asked for.
func checkSelect(p *Params, allowed []string) error {
	if p == nil {
		return &InputError{"params", "are nil"}
	}
	for _, name := range allowed {
		if !slices.ContainsFunc(table, func(e entry) bool { return e.name == name }) {
			return &InputError{"allowed mechanism " + strconv.Quote(shown(name)), "is not known"}
		}
	}
	return nil
}

// unusable returns why the mechanism can't be used; empty: it can.
func (e entry) unusable(p *Params, allowed []string) string {
	switch {
	case len(allowed) > 0 && !slices.Contains(allowed, e.name), len(allowed) == 0 && e.asked:
		return "is not allowed by name"
	default:
		return e.missing(p)
	}
}

// mechanism applies what forbids a mechanism although everything for it is there.
func (e entry) mechanism(p *Params) (Mechanism, error) {
	if err := e.forbidden(p); err != nil {
		return Mechanism{}, err
	}
	m := Mechanism{Name: e.name, New: func(p *Params) (Exchange, error) {
		if p == nil {
			return nil, &InputError{"params", "are nil"}
		}
		if err := e.forbidden(p); err != nil {
			return nil, err
		}
		return e.begin(p)
	}}
	if b, ok := p.binding(); ok && strings.HasSuffix(e.name, "-PLUS") {
		m.Binding = b.Type
	}
	return m, nil
}

var errPinned = fmt.Errorf("%w: the account has used SCRAM before and the server no longer offers it", ErrDowngrade)

// forbidden applies the pin, XEP-0440 and StrictBinding.
func (e entry) forbidden(p *Params) error {
	switch {
	case strings.HasPrefix(e.name, "SCRAM-"):
		_, err := decide(p, strings.HasSuffix(e.name, "-PLUS"))
		return err
	case e.strong:
		return nil
	case p.pinned():
		return errPinned
	case p.StrictBinding && e.name != nameAnonymous:
		return ErrNoBinding
	default:
		return nil
	}
}

// pinned reports whether a weak mechanism must not be used. A pin guards a
// password: without one configured, a token or no secret at all is the caller's choice.
func (p *Params) pinned() bool { return p.Pin != "" && p.Password != "" }

// offersStrong reports whether a mechanism was offered that doesn't hand over
// its secret; one that needs naming counts only if it was named.
func offersStrong(offered, allowed []string) bool {
	return slices.ContainsFunc(table, func(e entry) bool {
		return e.strong && slices.Contains(offered, e.name) && (!e.asked || slices.Contains(allowed, e.name))
	})
}

// noMechanism says what was offered and why it was not taken.
func noMechanism(offered, reasons []string) error {
	if len(reasons) > 0 {
		return fmt.Errorf("%w: %s", ErrNoMechanism, strings.Join(reasons, "; "))
	}
	if len(offered) == 0 {
		return fmt.Errorf("%w: the server offers none", ErrNoMechanism)
	}
	return fmt.Errorf("%w: none known in %s", ErrNoMechanism, strconv.Quote(shown(strings.Join(offered[:min(len(offered), 20)], " "))))
}

func needsNothing(*Params) string { return "" }

func needsPassword(p *Params) string {
	if p.Username == "" || p.Password == "" {
		return "needs a user name and a password"
	}
	return ""
}

func needsBinding(p *Params) string {
	if _, ok := p.binding(); !ok {
		return "has no channel binding type in common with this connection"
	}
	return needsPassword(p)
}

func needsToken(p *Params) string {
	if p.Token == "" {
		return "needs a token"
	}
	return needsTrust(p)
}

func needsPlain(p *Params) string {
	if why := needsPassword(p); why != "" {
		return why
	}
	return needsTrust(p)
}

// needsTrust is for mechanisms that hand their secret to the peer.
func needsTrust(p *Params) string {
	if !p.AllowPlain {
		return "would reveal its secret on this connection"
	}
	return ""
}
