package sasl

import (
	"crypto/hmac"
	"encoding/base64"
	"fmt"
	"hash"
	"slices"
	"strings"
)

// gs2 is the decision on channel binding: what the client says about it in its
// first message (RFC 5802 §6), and what it wants before its proof goes out.
type gs2 struct {
	flag     string // "n", "y" or "p=type"
	data     []byte // the binding, with "p"
	needHash bool   // the server must prove its lists
}

// decide answers whether a SCRAM login binds to the channel and what it says if
// not: the table of XEP-0440, "Business Rules", for the SASL of RFC 6120, with
// rule 6 as XEP-0474 changes it. plus is whether the mechanism is a -PLUS one.
func decide(p *Params, plus bool) (gs2, error) {
	b, ok := p.binding()
	if plus && !ok {
		return gs2{}, fmt.Errorf("%w: no type in common", ErrNoBinding)
	}
	if plus {
		return gs2{flag: "p=" + b.Type, data: b.Data}, nil
	}
	g, err := unbound(p, ok)
	if err == nil && p.StrictBinding {
		err = ErrNoBinding
	}
	return g, err
}

// unbound is the part of the table for a login without channel binding; common is
// whether a type in common exists, which the caller's choice of mechanism passed over.
func unbound(p *Params, common bool) (gs2, error) {
	announced := p.OfferedBindings != nil
	switch {
	case !p.canBind(): // rule 2
		return gs2{flag: "n"}, nil
	case !offersPlus(p.Offered) && announced: // rule 5: the mechanisms were removed
		return gs2{}, fmt.Errorf("%w: server announces channel binding types but no mechanism that uses them", ErrDowngrade)
	case !offersPlus(p.Offered): // rule 3
		return gs2{flag: "y"}, nil
	case !announced && p.SASL2: // rule 4: the types were removed
		return gs2{}, fmt.Errorf("%w: server offers mechanisms with channel binding but announces no types", ErrDowngrade)
	case !announced && p.Pin == PinBound:
		return gs2{}, fmt.Errorf("%w: server used to announce channel binding types and does not any more", ErrDowngrade)
	case !announced || common:
		// Rule 4 leaves this open for the SASL of RFC 6120. A -PLUS mechanism without a list of types is
		// an older server with tls-unique (RFC 5802 §6.1), which we don't have;
		// "y" would be taken for an attack (RFC 5802 §6).
		return gs2{flag: "n"}, nil
	default: // rule 6: every server has tls-server-end-point, or proves its list
		listed := slices.Contains(p.OfferedBindings, TLSServerEndPoint)
		return gs2{flag: "n", needHash: !listed}, nil
	}
}

// binding returns the best binding that both ends have.
func (p *Params) binding() (ChannelBinding, bool) {
	for _, b := range p.Bindings {
		if b.sound() && slices.Contains(p.OfferedBindings, b.Type) {
			return b, true
		}
	}
	return ChannelBinding{}, false
}

// canBind reports whether this client does channel binding at all.
func (p *Params) canBind() bool { return slices.ContainsFunc(p.Bindings, ChannelBinding.sound) }

// offersPlus reports whether any SCRAM mechanism with channel binding was offered.
func offersPlus(offered []string) bool {
	return slices.ContainsFunc(offered, func(s string) bool {
		return strings.HasPrefix(s, "SCRAM-") && strings.HasSuffix(s, "-PLUS")
	})
}

// checkList compares the server's hash over what it offered with what arrived
// here (XEP-0474, "Client Verifies The Downgrade Protection Hash").
func checkList(p *Params, newHash func() hash.Hash, got string) error {
	names := append(slices.Clone(p.Offered), p.OfferedBindings...)
	if slices.ContainsFunc(names, func(s string) bool { return strings.ContainsAny(s, "\x1e\x1f") }) {
		// With the separators inside names, different lists share a hash.
		return fmt.Errorf("%w: separator inside an offered name", ErrDowngrade)
	}
	h := newHash()
	h.Write([]byte(joined(p.Offered)))
	if p.OfferedBindings != nil {
		h.Write([]byte("\x1f" + joined(p.OfferedBindings)))
	}
	want := base64.StdEncoding.EncodeToString(h.Sum(nil))
	if !hmac.Equal([]byte(want), []byte(got)) {
		return fmt.Errorf("%w: the mechanisms or channel binding types are not what the server offered", ErrDowngrade)
	}
	return nil
}

// joined returns the names in the order of their octets, separated as XEP-0474 wants.
func joined(names []string) string {
	return strings.Join(slices.Sorted(slices.Values(names)), "\x1e")
}

// checkTLS compares the TLS version that the server saw with ours (XEP-0515).
func checkTLS(p *Params, got string) error {
	if p.TLSVersion != 0 && got != fmt.Sprintf("%04x", p.TLSVersion) {
		return fmt.Errorf("%w: the server's TLS version is another than ours", ErrDowngrade)
	}
	return nil
}
