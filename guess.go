package xmpp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/gosmack/xmpp/internal/stream"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/stanza"
)

// memory is what an account's server offered on TLS the last time, before and after authentication. It may be
// cached (XEP-0388 §2.1), and is only ever a guess: nothing is decided by it that the server's own word doesn't confirm.
type memory struct {
	Before string `json:"before"`
	After  string `json:"after"`
}

// maxMemory bounds what is stored of a server's features.
const maxMemory = 64 << 10

func featuresKey(a account) string { return a.address.String() + "/features" }

func (m memory) before() stream.Features { return parsedFeatures(m.Before) }
func (m memory) after() stream.Features  { return parsedFeatures(m.After) }

func parsedFeatures(s string) stream.Features {
	e, err := stanza.Parse(s)
	if err != nil {
		return stream.Features{}
	}
	return stream.ParseFeatures(e)
}

// recall reads what is remembered; what can't be read is forgotten.
func (c *Connection) recall(ctx context.Context, a account) (m memory) {
	data, err := c.storeOf(a).Get(ctx, featuresKey(a))
	if err != nil {
		c.report(fmt.Errorf("reading what the server offers: %w", err))
	} else if len(data) > 0 {
		_ = json.Unmarshal(data, &m)
	}
	return m
}

// remember changes what is remembered, where it makes a difference.
func (c *Connection) remember(ctx context.Context, a account, change func(*memory)) {
	m := c.recall(ctx, a)
	old := m
	if change(&m); m == old || len(m.Before)+len(m.After) > maxMemory {
		return
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // it is markup
	err := enc.Encode(m)
	if err == nil {
		err = c.storeOf(a).Put(ctx, featuresKey(a), b.Bytes())
	}
	if err != nil {
		c.report(fmt.Errorf("storing what the server offers: %w", err))
	}
}

// remember is the connection's, which needn't look into the store where nothing is new to this login.
func (n *negotiation) remember(ctx context.Context, change func(*memory)) {
	m := n.known
	if change(&m); m == n.known {
		return
	}
	n.known = m
	n.Connection.remember(ctx, n.a, change)
}

// Offers hears of features that came behind the login's success.
func (h *handler) Offers(s *stream.Session, f stream.Features) {
	c := (*Connection)(h)
	c.mu.Lock()
	a, current := c.account, c.session == s
	c.mu.Unlock()
	if !current {
		return
	}
	c.maxBytes.Store(c.limit(&f))
	c.onRouter(nil, func(ctx context.Context) { // the reader must not wait for a store
		c.remember(ctx, a, func(m *memory) { m.After = f.Element.String() })
	})
}

// guessAttempt makes the attempt that can leave with the stream's header, or nil. Its first message gives no secret away, and only
// what the server is then seen to offer decides whether another follows. A user is not asked for a password before the server has
// said a word.
func (n *negotiation) guessAttempt(ctx context.Context) *attempt {
	f := n.known.before()
	if len(f.SASL2.Mechanisms) == 0 {
		return nil
	}
	at, err := n.withToken(ctx, f)
	if at == nil && err == nil && n.a.ask == nil {
		at, err = n.withPassword(ctx, f, n.a.password)
	}
	if err != nil || at == nil {
		return nil // what is wrong is said when the server has spoken
	}
	if _, ok := at.Exchange.(sasl.Guess); !ok {
		return nil
	}
	return at
}

// A guessError is the end of a stream on which more was said than the server had offered yet. It is no reason to give up: the next
// stream begins without a guess.
type guessError struct{ error }

func (e *guessError) Unwrap() error { return e.error }

// repelled tells whether the server ended the stream: it may be for what was said too early, where a network that broke says nothing.
func repelled(err error) bool {
	var ended *stanza.StreamError
	return errors.As(err, &ended) && ended.Condition != stanza.StreamSeeOtherHost || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// wrong forgets what led to a wrong guess.
func (n *negotiation) wrong(ctx context.Context, err error) error {
	if delErr := n.storeOf(n.a).Delete(ctx, featuresKey(n.a)); delErr != nil {
		n.report(fmt.Errorf("forgetting what the server offers: %w", delErr))
		return err
	}
	return &guessError{err}
}

// confirm holds the guess against what the server offers, by the rules for an attempt that begins now: they may end the login (S031, S033, S035). It
// returns the guess if it stands, and else has taken it back.
func (n *negotiation) confirm(ctx context.Context, guess *attempt) (*attempt, error) {
	if guess == nil {
		return nil, nil
	}
	if err := n.check(guess); !errors.Is(err, sasl.ErrOffer) {
		if err != nil {
			return nil, &stream.StepError{Name: "authenticate", Err: err}
		}
		return guess, nil
	}
	n.log.Debug("the server offers something else than the last time")
	if err := n.bounded(ctx, n.t.Abandon); err != nil {
		return nil, n.wrong(ctx, err)
	}
	return nil, nil
}

// check tells what is wrong with a guess: sasl.ErrOffer, if only that the server offers something else.
func (n *negotiation) check(guess *attempt) error {
	p := *guess.params
	if guess.token != nil {
		p.Offered = n.offer.SASL2.Tokens
	} else {
		n.offered(&p, n.offer)
		m, err := sasl.Select(&p, n.cfg.Mechanisms)
		switch {
		case errors.Is(err, sasl.ErrNoMechanism):
			return sasl.ErrOffer
		case err != nil:
			return err
		case m.Binding != guess.mechanism.Binding:
			return sasl.ErrOffer // it could be bound better
		}
	}
	return guess.Exchange.(sasl.Guess).Confirm(&p)
}
