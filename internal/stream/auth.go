package stream

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/sasl"
)

// maxChallenges bounds a SASL exchange; no mechanism needs more than three.
const maxChallenges = 8

// Authenticate runs one mechanism (RFC 6120 §6) and opens the stream anew. A refusal by
// the server is a *sasl.Failure.
func (t *Transport) Authenticate(ctx context.Context, m sasl.Mechanism, p *sasl.Params, from jid.JID) error {
	if err := t.step(ctx, "authenticate", func() error { return t.exchange(m, p) }); err != nil {
		return err
	}
	return t.restart(ctx, from)
}

func (t *Transport) exchange(m sasl.Mechanism, p *sasl.Params) error {
	x, err := m.New(p)
	if err != nil {
		return err
	}
	initial, err := x.Next(nil)
	if err != nil {
		return err
	}
	err = t.element(func(w *xmlstream.Writer) {
		w.Start(NSSASL, "auth")
		w.Attr("mechanism", m.Name)
		if initial != nil {
			w.Text(encode(initial))
		}
		w.End()
	})
	if err != nil {
		return err
	}
	for range maxChallenges {
		e, err := t.next()
		if err != nil {
			return err
		}
		if done, err := t.answer(x, e); done || err != nil {
			return err
		}
	}
	return errors.New("the server does not come to an end with its challenges")
}

// answer takes one element of the exchange; done means success.
func (t *Transport) answer(x sasl.Exchange, e xmlstream.Element) (done bool, err error) {
	switch {
	case e.Is(NSSASL, "challenge"):
		challenge, err := decode(e.Text())
		if err != nil {
			return false, err
		}
		response, err := x.Next(challenge)
		if err != nil {
			return false, err
		}
		return false, t.write("<response xmlns='" + NSSASL + "'>" + encode(response) + "</response>")
	case e.Is(NSSASL, "success"):
		additional, err := decode(e.Text())
		if err != nil {
			return false, err
		}
		return true, x.Finish(additional)
	case e.Is(NSSASL, "failure"):
		return false, refusal(x, e)
	}
	return false, fmt.Errorf("%s in the middle of the authentication", name(e))
}

// encode writes "no data" and "empty data" as RFC 6120 §6.4.2 wants it.
func encode(b []byte) string {
	if len(b) == 0 {
		return "="
	}
	return base64.StdEncoding.EncodeToString(b)
}

func decode(s string) ([]byte, error) {
	switch s {
	case "":
		return nil, nil
	case "=":
		return []byte{}, nil
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, errors.New("the server's SASL data is not base64")
	}
	return b, nil
}

// refusal reads a <failure/> (RFC 6120 §6.5). That of SASL2 has its text in its own namespace (XEP-0388 §2.6.2), and
// some servers its condition too.
func refusal(x sasl.Exchange, e xmlstream.Element) *sasl.Failure {
	f := &sasl.Failure{}
	for c := range e.Children() {
		switch own := c.Space() == NSSASL || c.Space() == e.Space(); {
		case own && c.Local() == "text":
			f.Text = c.Text()
		case own && f.Condition == "":
			f.Condition = sasl.Condition(c.Local())
		}
	}
	if r, ok := x.(sasl.Reasoner); ok && f.Text == "" {
		f.Text = r.Reason() // what the mechanism itself was told (RFC 7628 §3.2.2)
	}
	return f
}
