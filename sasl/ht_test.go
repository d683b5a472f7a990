package sasl_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/sasl"
)

var htNames = []string{"HT-SHA-256-NONE", "HT-SHA-256-UNIQ", "HT-SHA-256-ENDP", "HT-SHA-256-EXPR"}

// hmac256 is the mechanism's function, written anew (draft-schmaus-kitten-sasl-ht §3).
func hmac256(token, text string) string {
	h := hmac.New(sha256.New, []byte(token))
	h.Write([]byte(text))
	return string(h.Sum(nil))
}

func TestSelectToken(t *testing.T) {
	for name, tt := range map[string]struct {
		own     []sasl.ChannelBinding
		offered []string
		strict  bool
		want    string
	}{
		"the strongest":                    {[]sasl.ChannelBinding{exporter, endPoint}, htNames, false, "HT-SHA-256-EXPR"},
		"what the connection can":          {[]sasl.ChannelBinding{endPoint}, htNames, false, "HT-SHA-256-ENDP"},
		"none":                             {nil, htNames, false, "HT-SHA-256-NONE"},
		"none, strictly":                   {nil, htNames, true, ""},
		"bound, strictly":                  {[]sasl.ChannelBinding{exporter}, htNames, true, "HT-SHA-256-EXPR"},
		"S038 never tls-unique":            {[]sasl.ChannelBinding{{Type: "tls-unique", Data: []byte("x")}}, htNames[1:2], false, ""},
		"S052 only NONE is offered":        {[]sasl.ChannelBinding{exporter}, htNames[:1], true, ""},
		"nothing known":                    {[]sasl.ChannelBinding{exporter}, []string{"HT-MD5-NONE", "SCRAM-SHA-1"}, false, ""},
		"a binding without data is no one": {[]sasl.ChannelBinding{{Type: "tls-exporter"}}, htNames[3:], false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := &sasl.Params{Bindings: tt.own, Offered: tt.offered, StrictBinding: tt.strict}
			m, ok := sasl.SelectToken(p)
			require.Equal(t, tt.want, m.Name)
			require.Equal(t, tt.want != "", ok)
		})
	}
	_, err := sasl.Select(&sasl.Params{Username: "u", Password: "p", Token: "t", Offered: htNames}, nil)
	require.ErrorIs(t, err, sasl.ErrNoMechanism, "they are never taken for a password's")
}

func TestHT(t *testing.T) {
	for name, binding := range map[string]string{"HT-SHA-256-EXPR": string(exporter.Data), "HT-SHA-256-ENDP": string(endPoint.Data), "HT-SHA-256-NONE": ""} {
		t.Run(name, func(t *testing.T) {
			p := &sasl.Params{Username: "user", Token: "c4n4ry", Bindings: []sasl.ChannelBinding{exporter, endPoint}, Offered: []string{name}}
			begin := func() sasl.Exchange {
				m, ok := sasl.SelectToken(p)
				require.True(t, ok)
				x, err := m.New(p)
				require.NoError(t, err)
				message, err := x.Next(nil)
				require.NoError(t, err)
				require.Equal(t, "user\x00"+hmac256("c4n4ry", "Initiator"+binding), string(message))
				return x
			}
			good := []byte(hmac256("c4n4ry", "Responder"+binding))
			require.NoError(t, begin().Finish(good))
			for what, bad := range map[string][]byte{
				"nothing": nil, "empty": {}, "short": good[:31], "longer": append(slices.Clone(good), 0),
				"our own message": []byte(hmac256("c4n4ry", "Initiator"+binding)), "another token's": []byte(hmac256("canary", "Responder"+binding)),
				"another channel's": []byte(hmac256("c4n4ry", "Responder"+binding+"x")),
			} {
				x := begin()
				require.ErrorIs(t, x.Finish(bad), sasl.ErrServerSignature, "S053 %s", what)
				require.Error(t, x.Finish(good), "it is over after the first error")
			}
			x := begin()
			_, err := x.Next([]byte("more"))
			require.ErrorIs(t, err, sasl.ErrState)
			require.Error(t, x.Finish(good))
			shown := fmt.Sprintf("%v %+v %#v %s", begin(), begin(), begin(), begin())
			for _, secret := range []string{"c4n4ry", hex.EncodeToString(good), string(good)} {
				require.NotContains(t, shown, secret, "S060")
			}
		})
	}
}

func TestHTRefusesWhatItCannotCarry(t *testing.T) {
	for name, change := range map[string]func(p *sasl.Params){
		"no user":       func(p *sasl.Params) { p.Username = "" },
		"NUL in it":     func(p *sasl.Params) { p.Username = "a\x00b" },
		"no token":      func(p *sasl.Params) { p.Token = "" },
		"nothing":       func(p *sasl.Params) { *p = sasl.Params{} },
		"UTF-8 that is": func(p *sasl.Params) { p.Username = "\xff" },
	} {
		p := &sasl.Params{Username: "user", Token: "token", Offered: htNames}
		m, ok := sasl.SelectToken(p)
		require.True(t, ok)
		change(p)
		_, err := m.New(p)
		var bad *sasl.InputError
		require.ErrorAs(t, err, &bad, name)
		_, err = m.New(nil)
		require.ErrorAs(t, err, &bad, name)
	}
}

// What begins on a guess ends as if it had begun with the offer itself, or not at all.
func TestConfirm(t *testing.T) {
	both := []string{"SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"}
	type offer struct {
		mechanisms, types []string
		sasl2             bool
	}
	bound := offer{both, []string{"tls-exporter"}, true}
	for name, tt := range map[string]struct {
		guess, offer offer
		pass         bool
		want         error
	}{
		"the same":                       {bound, bound, true, nil},
		"more of them":                   {bound, offer{append([]string{"SCRAM-SHA-256"}, both...), []string{"x", "tls-exporter"}, true}, true, nil},
		"it is gone":                     {bound, offer{both[:1], nil, true}, false, sasl.ErrOffer},
		"another binding":                {bound, offer{both, []string{"tls-server-end-point"}, true}, false, sasl.ErrOffer},
		"no binding, and now there is":   {offer{both[:1], nil, true}, bound, false, sasl.ErrOffer},
		"S035 -PLUS was stripped":        {offer{both[:1], nil, true}, offer{both[:1], []string{"tls-exporter"}, true}, false, sasl.ErrDowngrade},
		"S035 the types were stripped":   {offer{both[:1], nil, true}, offer{both, nil, true}, false, sasl.ErrDowngrade},
		"S035 the same, by RFC 6120":     {offer{both[:1], nil, false}, offer{both, nil, false}, false, sasl.ErrOffer},
		"a guess that was too good":      {bound, offer{[]string{"PLAIN"}, nil, true}, false, sasl.ErrOffer},
		"nothing is offered after a day": {bound, offer{nil, nil, true}, false, sasl.ErrOffer},
	} {
		t.Run(name, func(t *testing.T) {
			make := func(o offer) *sasl.Params {
				p := params(o.mechanisms...)
				p.Bindings, p.OfferedBindings, p.SASL2 = []sasl.ChannelBinding{exporter, endPoint}, o.types, o.sasl2
				return p
			}
			x, message := begin(t, make(tt.guess))
			err := x.(sasl.Guess).Confirm(make(tt.offer))
			if !tt.pass {
				require.ErrorIs(t, err, tt.want)
				_, err = x.Next(newServer("SCRAM-SHA-1", "pencil").challenge(message, ""))
				require.Error(t, err, "no proof leaves")
				return
			}
			require.NoError(t, err)
			// The hash of the lists is that of the offer, not of the guess (S033).
			list := slices.Sorted(slices.Values(tt.offer.mechanisms))
			types := slices.Sorted(slices.Values(tt.offer.types))
			hash := listHash(joined(list) + "\x1f" + joined(types))
			_, err = x.Next(newServer("SCRAM-SHA-1", "pencil").challenge(message, ",h="+hash))
			require.NoError(t, err)
		})
	}
	t.Run("HT", func(t *testing.T) {
		p := &sasl.Params{Username: "user", Token: "token", Offered: htNames}
		m, _ := sasl.SelectToken(p)
		for _, offered := range []bool{true, false} {
			x, err := m.New(p)
			require.NoError(t, err)
			_, err = x.Next(nil)
			require.NoError(t, err)
			now := *p
			if !offered {
				now.Offered = htNames[1:]
			}
			err = x.(sasl.Guess).Confirm(&now)
			done := x.Finish([]byte(hmac256("token", "Responder")))
			if offered {
				require.NoError(t, err)
				require.NoError(t, done)
			} else {
				require.ErrorIs(t, err, sasl.ErrOffer)
				require.Error(t, done, "S052: what was not offered is not believed")
			}
		}
	})
}

func joined(names []string) string {
	s := ""
	for i, n := range names {
		if i > 0 {
			s += "\x1e"
		}
		s += n
	}
	return s
}
