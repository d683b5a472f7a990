package xmpp

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/sasl"
)

// A token stands for the password at later logins of this device (XEP-0484). It is as secret as that, and good only for the domain, the
// mechanism and the device that it was given to (S052).
type token struct {
	Domain    string    `json:"domain"`
	Device    string    `json:"device"`
	Mechanism string    `json:"mechanism"`
	Expiry    time.Time `json:"expiry"` // zero: not said
	Secret    string    `json:"secret"`
}

// Format hides all of it.
func (t token) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[token]")) }

// maxTokens are kept: the one in use, and a newer one that was not used yet (XEP-0484 §5.1).
const maxTokens = 2

func tokenKey(a account) string  { return a.address.String() + "/fast" }
func deviceKey(a account) string { return a.address.String() + "/device" }

// agent is the id of this installation, a UUID v4 (XEP-0388 §2.3). A store that can't keep one costs the tokens, not the login.
func (n *negotiation) agent(ctx context.Context) string {
	if n.device != "" {
		return n.device
	}
	data, err := n.storeOf(n.a).Get(ctx, deviceKey(n.a))
	if err == nil && isUUID(data) {
		n.device = string(data)
		return n.device
	}
	n.device = newUUID()
	if errors.Is(err, ErrStoreDamaged) {
		n.report(fmt.Errorf("the device's id is made anew: %w", err))
		err = nil
	}
	if err == nil {
		err = n.storeOf(n.a).Put(ctx, deviceKey(n.a), []byte(n.device))
	}
	if err != nil {
		n.report(fmt.Errorf("the device's id: %w", err))
	}
	return n.device
}

// newUUID is a random UUID (RFC 9562 §5.4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: the program ends instead
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func isUUID(b []byte) bool {
	if len(b) != 36 || b[14] != '4' {
		return false
	}
	for i, c := range b {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (c == '-') || !dash && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// usesTokens tells whether tokens may be asked for and used: only where TLS has shown who the server is (XEP-0484 §6).
func (n *negotiation) usesTokens() bool {
	return !n.cfg.DisableFAST && n.cfg.Security != SecurityUnverified
}

// tokens are those of the account, the newest first, that fit this domain and device.
func (n *negotiation) tokens(ctx context.Context) (fit []token) {
	data, err := n.storeOf(n.a).Get(ctx, tokenKey(n.a))
	if err != nil {
		n.report(fmt.Errorf("reading the tokens: %w", err))
		return nil
	}
	var all []token
	if len(data) > 0 && json.Unmarshal(data, &all) != nil {
		n.report(errors.New("what is stored as tokens is damaged"))
	}
	for _, t := range all {
		if t.Domain == n.cfg.Domain && t.Device == n.agent(ctx) && t.Secret != "" && len(fit) < maxTokens {
			fit = append(fit, t)
		}
	}
	return fit
}

func (n *negotiation) storeTokens(ctx context.Context, all []token) {
	var err error
	if len(all) == 0 {
		err = n.storeOf(n.a).Delete(ctx, tokenKey(n.a))
	} else {
		var data []byte
		if data, err = json.Marshal(all[:min(len(all), maxTokens)]); err == nil {
			err = n.storeOf(n.a).Put(ctx, tokenKey(n.a), data)
		}
	}
	if err != nil {
		n.report(fmt.Errorf("storing the tokens: %w", err))
	}
}

// withToken makes an attempt with the newest token that is good on this connection to a server that offers f; nil: there is none.
func (n *negotiation) withToken(ctx context.Context, f stream.Features) (*attempt, error) {
	if !n.usesTokens() || n.a.typed || len(f.SASL2.Tokens) == 0 {
		return nil, nil
	}
	for _, t := range n.tokens(ctx) {
		if !t.Expiry.IsZero() && time.Now().After(t.Expiry) {
			continue
		}
		p, err := n.params(ctx, n.t, n.a, "")
		if err != nil {
			return nil, err
		}
		p.Token = Secret(t.Secret)
		if p.Offered = nil; slices.Contains(f.SASL2.Tokens, t.Mechanism) {
			p.Offered = []string{t.Mechanism}
		}
		m, ok := sasl.SelectToken(p)
		if !ok {
			continue
		}
		return n.attempt(ctx, f, m, p, &t)
	}
	return nil, nil
}

// byToken logs in with a token, if there is one. Without an error a nil success means that a password is to be used, once;
// refused is then what the server said to the last token. A new token that the server doesn't know is no reason to give up the one before it: two
// logins that overlapped, the first of which broke off, each have had one made, and the server keeps only the later (S055).
func (n *negotiation) byToken(ctx context.Context, guess *attempt) (at *attempt, s *stream.Success, refused, err error) {
	for range maxTokens {
		if at, guess = guess, nil; at == nil {
			at, err = n.withToken(ctx, n.offer)
		}
		if err != nil || at == nil || at.token == nil {
			return nil, nil, refused, err
		}
		s, err = n.run(ctx, at)
		var failure *sasl.Failure
		if !errors.As(err, &failure) {
			return at, s, nil, err
		}
		switch failure.Condition {
		case sasl.TemporaryAuthFailure:
			return nil, nil, nil, err // the token may be good
		case sasl.MalformedRequest:
			return nil, nil, err, nil // some servers take one token a stream, whatever it is
		}
		n.log.Info("the server refuses a token", "condition", string(failure.Condition))
		n.storeTokens(ctx, without(n.tokens(ctx), at.token))
		refused = err
	}
	return nil, nil, refused, nil
}

// without drops a token.
func without(all []token, t *token) (rest []token) {
	for _, other := range all {
		if other.Secret != t.Secret {
			rest = append(rest, other)
		}
	}
	return rest
}

// keepTokens stores what a success says about tokens: that the one that was used is good, so that others are not (XEP-0484 §3.5), and a new one in front of
// it. The old one stays until the new one was used (S055).
func (n *negotiation) keepTokens(ctx context.Context, at *attempt, s *stream.Success) {
	if !n.usesTokens() {
		return
	}
	old := n.tokens(ctx)
	all := old
	mechanism := at.WantToken
	if at.token != nil {
		all = []token{*at.token}
		if mechanism == "" {
			mechanism = at.Mechanism // rotation
		}
	}
	if secret, expiry := s.Token(); secret != "" && mechanism != "" {
		all = append([]token{{n.cfg.Domain, at.Agent, mechanism, expiry, secret}}, all...)
	}
	if len(all) != len(old) || len(all) > 0 && all[0] != old[0] {
		n.storeTokens(ctx, all)
	}
}

// wanted is the mechanism for a new token, or "". A token is no weaker than the login that earns it: one that can be used again by
// who overhears it is taken only where nothing better is to be had, and not behind a login that is bound to the channel.
func (n *negotiation) wanted(f stream.Features, at *attempt) string {
	if !n.usesTokens() {
		return ""
	}
	p := *at.params
	p.Offered, p.StrictBinding = f.SASL2.Tokens, p.StrictBinding || at.mechanism.Binding != ""
	m, ok := sasl.SelectToken(&p)
	if !ok || at.token != nil && m.Name == at.token.Mechanism {
		return ""
	}
	return m.Name
}
