package xmpptest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gosmack/xmpp/internal/xmlstream"
)

const nsFAST = "urn:xmpp:fast:0"

// fastToken is a secret that the server gave to a client in place of the
// password (XEP-0484).
type fastToken struct {
	secret    string
	mechanism string
	issued    time.Time
	expiry    time.Time
	count     int // the highest that the client told
	revoked   bool
}

// device is a client, as its <user-agent/> names it, with the tokens it may
// use: the one it used last, and a newer one (§5.1). The server's lock guards it.
type device struct{ current, next *fastToken }

// fastBindings are the mechanisms, with the channel binding type of each.
var fastBindings = [][2]string{
	{"HT-SHA-256-EXPR", "tls-exporter"},
	{"HT-SHA-256-ENDP", "tls-server-end-point"},
	{"HT-SHA-256-NONE", ""},
}

// fastMechanisms returns those that fit the connection, and the binding data of
// each.
func (c *Conn) fastMechanisms() (names []string, data map[string]string) {
	bindings, data := c.bindings(), map[string]string{}
	for _, m := range fastBindings {
		if m[1] == "" || bindings[m[1]] != nil {
			names = append(names, m[0])
			data[m[0]] = string(bindings[m[1]])
		}
	}
	return names, data
}

func (c *Conn) fastFeatures() string {
	names, _ := c.fastMechanisms()
	return "<fast xmlns='" + nsFAST + "'><mechanism>" + strings.Join(names, "</mechanism><mechanism>") + "</mechanism></fast>"
}

// fast is the HT family of mechanisms with a token of this server: name, NUL and
// the proof from the client, a proof in return (draft-schmaus-kitten-sasl-ht §3).
func (x *exchange) fast(mechanism string, e xmlstream.Element) (*account, *fastToken, error) {
	c := x.conn
	names, bindings := c.fastMechanisms()
	request := e.Child(nsFAST, "fast")
	switch {
	case !c.server.options.FAST || !slices.Contains(names, mechanism):
		return nil, nil, saslFailure("invalid-mechanism")
	case request.IsZero() || c.agent == "" || x.initial == nil:
		return nil, nil, saslFailure("malformed-request")
	}
	user, proof, ok := strings.Cut(*x.initial, "\x00")
	a := c.server.lookup(user)
	if !ok || a == nil {
		return nil, nil, saslFailure("not-authorized")
	}
	binding := bindings[mechanism]
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	t := a.useToken(c.agent, mechanism, func(t *fastToken) bool {
		return hmac.Equal([]byte(proof), mac(sha256.New, []byte(t.secret), "Initiator"+binding))
	})
	switch {
	case t == nil:
		return nil, nil, saslFailure("not-authorized")
	case t.revoked || time.Now().After(t.expiry):
		return nil, nil, saslFailure("credentials-expired") // §4.2
	case !t.counts(request.Attr("count")):
		return nil, nil, saslFailure("not-authorized")
	}
	a.confirm(c.agent, t)
	x.additional = string(mac(sha256.New, []byte(t.secret), "Responder"+binding))
	return a, t, nil
}

// useToken finds the token that a client proves to have, the newer one first,
// if it is for this mechanism.
func (a *account) useToken(agent, mechanism string, proved func(*fastToken) bool) *fastToken {
	d := a.devices[agent]
	if d == nil {
		return nil
	}
	for _, t := range []*fastToken{d.next, d.current} {
		if t != nil && t.mechanism == mechanism && proved(t) {
			return t
		}
	}
	return nil
}

// counts says whether a client's count, if it tells one, is new (§3.4).
func (t *fastToken) counts(text string) bool {
	if text == "" {
		return true
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= t.count {
		return false
	}
	t.count = n
	return true
}

// confirm takes note that a token was used, by which an older one dies (§3.5).
func (a *account) confirm(agent string, t *fastToken) {
	if d := a.devices[agent]; d.next == t {
		d.current, d.next = t, nil
	}
}

// tokens takes back the token that was used, if the client wants that (§3.6),
// and returns a new one if it asked for one (§3.3) or is due for one (§3.5).
func (c *Conn) tokens(e xmlstream.Element, used *fastToken) string {
	o := &c.server.options
	if !o.FAST || c.agent == "" {
		return ""
	}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	d := c.user.devices[c.agent]
	if d == nil {
		d = &device{}
		c.user.devices[c.agent] = d
	}
	mechanism := ""
	names, _ := c.fastMechanisms()
	if wish := e.Child(nsFAST, "request-token").Attr("mechanism"); slices.Contains(names, wish) {
		mechanism = wish
	}
	switch invalidate := e.Child(nsFAST, "fast").Attr("invalidate"); {
	case used == nil:
	case invalidate == "true" || invalidate == "1":
		d.current, d.next = nil, nil // a newer one never came into use
	case mechanism == "" && (o.RotateTokens || time.Until(used.expiry) < used.expiry.Sub(used.issued)/2):
		mechanism = used.mechanism
	}
	if mechanism == "" {
		return ""
	}
	now := time.Now()
	d.next = &fastToken{secret: rand.Text() + rand.Text(), mechanism: mechanism, issued: now, expiry: now.Add(o.TokenLifetime)}
	return "<token xmlns='" + nsFAST + "' token='" + d.next.secret + "' expiry='" + stamp(d.next.expiry) + "'/>"
}

// RevokeTokens makes the server distrust all tokens (XEP-0484) that a user's
// clients have: the next login with one fails with credentials-expired.
func (s *Server) RevokeTokens(user string) {
	address := s.Address(user)
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[address]
	if a == nil {
		return
	}
	for _, d := range a.devices {
		for _, t := range []*fastToken{d.current, d.next} {
			if t != nil {
				t.revoked = true
			}
		}
	}
}
