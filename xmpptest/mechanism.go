package xmpptest

import (
	"crypto/rand"
	"slices"
	"strings"

	"github.com/gosmack/xmpp/jid"
)

// allowed checks that an account may act as authzid: only as itself.
func allowed(a *account, authzid string) error {
	if authzid == "" {
		return nil
	}
	address, err := jid.Parse(authzid)
	if err != nil || address.Bare() != a.address {
		return saslFailure("invalid-authzid")
	}
	return nil
}

// plain is RFC 4616.
func (x *exchange) plain() (*account, error) {
	msg, err := x.first()
	if err != nil {
		return nil, err
	}
	parts := strings.Split(msg, "\x00")
	if len(parts) != 3 {
		return nil, saslFailure("malformed-request")
	}
	s := x.conn.server
	a := s.lookup(parts[1])
	if a == nil || prepare(s.passwordOf(a)) != prepare(parts[2]) {
		return nil, saslFailure("not-authorized")
	}
	if err := allowed(a, parts[0]); err != nil {
		return nil, err
	}
	return x.succeed(a, "")
}

// external is RFC 4422 appendix A with the certificate of the TLS handshake.
func (x *exchange) external() (*account, error) {
	authzid, err := x.first()
	if err != nil {
		return nil, err
	}
	address, err := jid.Parse(x.conn.certified())
	if err != nil {
		return nil, saslFailure("not-authorized")
	}
	a := x.conn.server.lookup(address.Local())
	if a == nil || a.address != address {
		return nil, saslFailure("not-authorized")
	}
	if err := allowed(a, authzid); err != nil {
		return nil, err
	}
	return x.succeed(a, "")
}

// certified returns the address in the client's certificate, if it has one.
func (c *Conn) certified() string {
	if c.tls == nil {
		return ""
	}
	state := c.tls.ConnectionState()
	if len(state.VerifiedChains) == 0 {
		return ""
	}
	return state.PeerCertificates[0].Subject.CommonName
}

// anonymous is RFC 4505: an account of its own for each login (XEP-0175).
func (x *exchange) anonymous() (*account, error) {
	if _, err := x.first(); err != nil {
		return nil, err
	}
	s := x.conn.server
	address := s.Address(strings.ToLower(rand.Text()))
	s.mu.Lock()
	a := s.addAccount(address, rand.Text())
	s.mu.Unlock()
	return x.succeed(a, "")
}

// bearer is RFC 7628. The token is the account's password; without an
// authorization identity it also says whose.
func (x *exchange) bearer() (*account, error) {
	msg, err := x.first()
	if err != nil {
		return nil, err
	}
	fields := strings.Split(msg, "\x01")
	head := strings.Split(fields[0], ",")
	at := slices.IndexFunc(fields, func(f string) bool { return strings.HasPrefix(f, "auth=Bearer ") })
	if at < 0 || len(head) < 2 {
		return nil, saslFailure("malformed-request")
	}
	authzid := unescapeName(strings.TrimPrefix(head[1], "a="))
	a := x.conn.server.owner(authzid, strings.TrimPrefix(fields[at], "auth=Bearer "))
	if a == nil {
		// RFC 7628 §3.2.2: the error as a challenge, an empty answer, then the failure.
		if _, err := x.challenge(`{"status":"invalid_token"}`); err != nil {
			return nil, err
		}
		return nil, saslFailure("not-authorized")
	}
	return x.succeed(a, "")
}

// owner finds the account of a token.
func (s *Server) owner(authzid, token string) *account {
	address, err := jid.Parse(authzid)
	if authzid != "" && err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		if a.password == token && (authzid == "" || a.address == address.Bare()) {
			return a
		}
	}
	return nil
}

// scram is RFC 5802.
func (x *exchange) scram(name string) (*account, error) {
	c := x.conn
	base, plus := strings.CutSuffix(name, "-PLUS")
	run := &scramServer{
		newHash:  scramHashes[base],
		plus:     plus,
		suffix:   rand.Text(),
		offered:  slices.ContainsFunc(c.offered(), func(m string) bool { return strings.HasSuffix(m, "-PLUS") }),
		bindings: c.bindings(),
		keys:     func(user string) (scramKeys, []byte, int) { return c.server.scramKeys(user, base) },
	}
	if c.server.options.HashOffer {
		run.hashed = hashInput(c.offered(), c.bindingTypes())
	}
	msg, err := x.first()
	if err != nil {
		return nil, err
	}
	reply, err := run.first(msg)
	if err != nil {
		c.server.log.Debug("SCRAM", "error", err)
		return nil, saslFailure("malformed-request")
	}
	if msg, err = x.challenge(reply); err != nil {
		return nil, err
	}
	final, err := run.final(msg)
	a := c.server.lookup(run.user)
	if err != nil || a == nil {
		c.server.log.Debug("SCRAM", "error", err)
		return nil, saslFailure("not-authorized")
	}
	if err := allowed(a, run.authzid); err != nil {
		return nil, err
	}
	return x.succeed(a, final)
}

// scramKeys returns what an account's proof is checked against; an unknown
// user gets a salt like any other and fails at the end.
func (s *Server) scramKeys(user, mechanism string) (scramKeys, []byte, int) {
	n := s.options.Iterations
	a := s.lookup(user)
	if a == nil {
		salt := make([]byte, 16)
		rand.Read(salt)
		return scramKeys{}, salt, n
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	keys, ok := a.keys[mechanism]
	if !ok {
		// An empty key, should this ever fail, lets nobody in.
		keys, _ = deriveKeys(scramHashes[mechanism], a.password, a.salt, n)
		a.keys[mechanism] = keys
	}
	return keys, a.salt, n
}
