package xmpp

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/gosmack/xmpp/internal/sm"
	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/stanza"
)

// A negotiation is one login on one transport.
type negotiation struct {
	*Connection
	t      *stream.Transport
	a      account
	from   jid.JID         // as the stream's header says; zero in clear (RFC 6120 §4.7.1)
	known  memory          // what the server offered the last time
	offer  stream.Features // what it offers for authentication
	device string          // see agent

	anonymous bool // it was by ANONYMOUS
	patience  patience
}

// An attempt is one <authenticate/> and what it was made of.
type attempt struct {
	stream.Attempt
	mechanism sasl.Mechanism
	params    *sasl.Params
	token     *token // that it proves; nil: a password
	kept      kept   // the session that it asks for
	inline    []inline
}

// An inline is a request within Bind 2, and the feature that a server must offer for it.
type inline struct {
	feature string
	request stanza.Element
}

// modern tells whether SASL2 may be used where it is offered: only after TLS, and by who said in the header who it is (XEP-0388 §2.1, §3; S049).
func (n *negotiation) modern() bool {
	return n.t.Secured() && !n.from.IsZero() && !n.cfg.DisableSASL2
}

// sasl2 logs in with SASL2; guess is the attempt that left with the header, or nil. It returns nil without an error where nothing of the
// server's second list can be used, and the list of RFC 6120 is the one that counts.
func (n *negotiation) sasl2(ctx context.Context, guess *attempt) (*arrival, error) {
	guess, err := n.confirm(ctx, guess)
	if err != nil {
		return nil, err
	}
	at, s, refused, err := n.byToken(ctx, guess)
	if err != nil {
		return nil, err
	}
	if s == nil {
		if guess == nil && refused == nil && n.unusable(ctx) {
			return nil, nil
		}
		if at, s, err = n.byPassword(ctx, guess); err != nil {
			if errors.Is(err, sasl.ErrNoMechanism) && refused != nil {
				err = errors.Join(err, refused) // the token was all there was
			}
			return nil, err
		}
	}
	n.remember(ctx, func(m *memory) { m.Before = n.offer.Element.String() })
	return n.arrive(ctx, at, s)
}

// unusable tells whether SASL2 offers no mechanism that may be used.
func (n *negotiation) unusable(ctx context.Context) bool {
	p, err := n.params(ctx, n.t, n.a, "any") // it isn't asked for yet
	if err != nil {
		return false // the attempt itself will say it
	}
	n.offered(p, n.offer)
	_, err = sasl.Select(p, n.cfg.Mechanisms)
	return errors.Is(err, sasl.ErrNoMechanism)
}

// offered puts the lists of SASL2 in the place of those of RFC 6120: only the list in use counts (XEP-0474).
func (n *negotiation) offered(p *sasl.Params, f stream.Features) {
	p.Offered, p.OfferedBindings, p.SASL2 = f.SASL2.Mechanisms, f.Bindings, true
}

// byPassword is the login with what the user knows; guess may be its first attempt.
func (n *negotiation) byPassword(ctx context.Context, guess *attempt) (at *attempt, s *stream.Success, err error) {
	if guess != nil && guess.token != nil {
		guess = nil
	}
	err = n.authenticate(ctx, n.a, func(ctx context.Context, password Secret) (err error) {
		if at, guess = guess, nil; at == nil {
			if at, err = n.withPassword(ctx, n.offer, password); err != nil {
				return err
			}
		}
		s, err = n.run(ctx, at)
		return err
	})
	return at, s, err
}

// withPassword makes an attempt for a server that offers f.
func (n *negotiation) withPassword(ctx context.Context, f stream.Features, password Secret) (*attempt, error) {
	p, err := n.params(ctx, n.t, n.a, password)
	if err != nil {
		return nil, err
	}
	n.offered(p, f)
	m, err := sasl.Select(p, n.cfg.Mechanisms)
	if err != nil {
		return nil, &stream.StepError{Name: "authenticate", Err: err}
	}
	return n.attempt(ctx, f, m, p, nil)
}

// attempt makes one for a server that offers f, with everything that is to be asked for along with it.
func (n *negotiation) attempt(ctx context.Context, f stream.Features, m sasl.Mechanism, p *sasl.Params, t *token) (*attempt, error) {
	x, err := m.New(p)
	if err != nil {
		return nil, &stream.StepError{Name: "authenticate", Err: err}
	}
	at := &attempt{mechanism: m, params: p, token: t, kept: n.toResume()}
	at.Attempt = stream.Attempt{Account: n.a.address, Mechanism: m.Name, Exchange: x, Agent: n.agent(ctx), Token: t != nil}
	at.WantToken = n.wanted(f, at)
	if at.kept.id != "" && f.SASL2.Resume && n.cfg.Security != SecurityUnverified { // the id is for our server alone (S186)
		h, err := n.resuming(ctx)
		if err != nil {
			return nil, err
		}
		at.Resume = &sm.Resume{PrevID: at.kept.id, H: h}
	}
	// A session that can only be taken up behind the success must not be replaced by it.
	if f.SASL2.Bind2 && (at.kept.id == "" || at.Resume != nil) && n.catchUp(ctx) {
		at.inline = n.inlines(f.SASL2.Inline)
		at.Bind = &stream.Bind{Tag: n.a.resource}
		for _, i := range at.inline {
			at.Bind.Inline = append(at.Bind.Inline, i.request)
		}
	}
	return at, nil
}

// catchUp tells whether what Bind 2 makes the server throw away will be fetched from the archive (XEP-0386 §3.2).
func (n *negotiation) catchUp(ctx context.Context) bool {
	for _, x := range n.extensions {
		if x.CatchUp == nil {
			continue
		}
		will := false
		if n.guard(func() { will = x.CatchUp(ctx) }); will {
			return true
		}
	}
	return false
}

// inlines are the requests that go with Bind 2 to a server that can do these features.
func (n *negotiation) inlines(features []string) (all []inline) {
	add := func(feature string, e stanza.Element) {
		if slices.Contains(features, feature) && !e.IsZero() {
			all = append(all, inline{feature, e})
		}
	}
	if !n.cfg.DisableStreamManagement {
		add(sm.NS, stream.EnableElement(!n.cfg.DisableReconnection))
	}
	for _, x := range n.extensions {
		if x.Inline == nil {
			continue
		}
		var own map[string]stanza.Element
		n.guard(func() { own = x.Inline() })
		for _, feature := range slices.Sorted(maps.Keys(own)) {
			if feature != sm.NS { // the core's
				add(feature, own[feature])
			}
		}
	}
	return all
}

// run plays an attempt to its end. What a success brings for later logins is stored before anything else happens.
func (n *negotiation) run(ctx context.Context, at *attempt) (s *stream.Success, err error) {
	n.log.Debug("authenticate", "mechanism", at.Mechanism)
	err = n.bounded(ctx, func(ctx context.Context) (err error) {
		s, err = n.t.Authenticate2(ctx, &at.Attempt)
		return err
	})
	if err != nil {
		return nil, err
	}
	n.pin(ctx, n.a, at.params, at.Mechanism)
	n.keepTokens(ctx, at, s)
	return s, nil
}

// arrive takes what a success has brought, resumption first (XEP-0198 §9.2), and asks for what it hasn't.
func (n *negotiation) arrive(ctx context.Context, at *attempt, s *stream.Success) (*arrival, error) {
	var user jid.JID
	var resumed bool
	var err error
	if at.Resume != nil {
		h, answer := s.Resumed(at.Resume.PrevID)
		user, resumed, err = n.resumption(at.kept, h, answer)
	} else {
		user, resumed, err = n.resume(ctx, n.t)
	}
	if resumed || err != nil {
		n.unawaited()
		return &arrival{user: user, resumed: resumed}, err
	}
	if bound := s.Bound(); at.Bind != nil && !bound.IsZero() {
		n.unawaited()
		return n.bound(at, s.User, bound)
	}
	r, err := n.bind(ctx)
	if err == nil && !n.t.Awaits() {
		n.remember(ctx, func(m *memory) { m.After = n.t.Features.Element.String() })
	}
	return r, err
}

// unawaited puts the features of the last time in place of those that come behind the success: nobody waits for them, and after a resumption some
// servers send none (XEP-0198 §9.2) and some do.
func (n *negotiation) unawaited() {
	if n.t.Awaits() {
		after := n.known.after()
		n.t.Features = &after
	}
}

// bound is the arrival by Bind 2.
func (n *negotiation) bound(at *attempt, user jid.JID, bound stanza.Element) (*arrival, error) {
	if !user.IsFull() {
		return nil, &stream.StepError{Name: "bind", Err: fmt.Errorf("the server assigned %v, which has no resource", user)}
	}
	r := &arrival{user: user, bound: bound}
	for _, i := range at.inline {
		ns := i.request.Space()
		switch {
		case !slices.Contains(n.offer.SASL2.Inline, i.feature): // that was a guess, and it was passed over
		case i.feature == sm.NS:
			r.enabled = bound.Child(sm.NS, "enabled")
		case bound.Child(ns, "failed").IsZero() && bound.Child(ns, "error").IsZero():
			r.inlined = append(r.inlined, ns)
		}
	}
	if !r.enabled.IsZero() {
		// Both counts begin with the success (XEP-0198 §9.1).
		n.outbox.Manage()
		n.inbound.Manage()
	}
	return r, nil
}
