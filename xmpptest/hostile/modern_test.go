package hostile_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/xmpptest"
)

// modern is a server with everything.
func modern() *xmpptest.Options {
	return &xmpptest.Options{SASL2: true, Bind2: true, FAST: true, HashOffer: true}
}

const expr = "HT-SHA-256-EXPR"

// fast offers tokens by SASL2.
func fast(mechanisms ...string) string {
	return offer2("<fast xmlns='urn:xmpp:fast:0'><mechanism>"+strings.Join(mechanisms, "</mechanism><mechanism>")+"</mechanism></fast>", "", sha)
}

// byToken has got a token's proof.
func byToken(trigger string) trap {
	return func(c *xmpptest.ScriptConn) (string, error) {
		err := errors.Join(c.Greet(), c.Send(fast(expr)))
		auth, e := c.Expect("authenticate")
		if auth.Attr("mechanism") != expr {
			e = errors.Join(e, fmt.Errorf("it uses %s", auth.Attr("mechanism")))
		}
		return trigger, errors.Join(err, e)
	}
}

// identified plays SASL2 with PLAIN up to a success.
func identified(success string) trap {
	return func(c *xmpptest.ScriptConn) (string, error) {
		return success, errors.Join(c.Greet(), c.Send(offer2("", "", "PLAIN")), second(c.Expect("authenticate")))
	}
}

// boundAs has logged romeo in, and answers the request for a resource with this address.
func boundAs(address string) trap {
	return func(c *xmpptest.ScriptConn) (string, error) {
		err := errors.Join(c.Greet(), c.Authenticate("romeo"), c.Send("<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>"))
		iq, e := c.Expect("xmpp-bind")
		return "<iq type='result' id='" + iq.Attr("id") + "'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>" + address + "</jid></bind></iq>", errors.Join(err, e)
	}
}

var (
	plain   = mechanisms("PLAIN")
	message = "<message><body>x</body></message>"
	request = "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>"
)

// S048 to S061: SASL2, tokens, and what comes of a failure.
var _ = add(
	row{id: "S048", title: "The server takes us for somebody else", oracle: abortRow, scenes: slices.Concat(
		aborts(
			abort{name: "another account", trap: identified(success2("mallory@localhost", "")), err: is(xmpp.ErrWrongAccount), step: "authenticate", with: plain},
			abort{name: "another domain", trap: identified(success2("romeo@evil.example", "")), err: is(xmpp.ErrWrongAccount), step: "authenticate", with: plain},
			abort{name: "the domain", trap: identified(success2("localhost", "")), err: is(xmpp.ErrWrongAccount), step: "authenticate", with: plain},
			abort{name: "nobody", trap: identified("<success xmlns='" + nsSASL2 + "'/>"), err: is(xmpp.ErrWrongAccount), step: "authenticate", with: plain},
			abort{name: "no address", trap: identified(success2("@@", "")), err: is(xmpp.ErrWrongAccount), step: "authenticate", with: plain},
			abort{name: "two of them", trap: identified("<success xmlns='" + nsSASL2 + "'><authorization-identifier>mallory@localhost</authorization-identifier><authorization-identifier>romeo@localhost</authorization-identifier></success>"), err: is(xmpp.ErrWrongAccount), step: "authenticate", with: plain},
			abort{name: "a resource of another account", trap: boundAs("mallory@localhost/x"), err: is(xmpp.ErrWrongAccount), step: "bind"},
			abort{name: "a resource of another domain", trap: boundAs("romeo@evil.example/x"), err: is(xmpp.ErrWrongAccount), step: "bind"},
			abort{name: "a resource that is none", trap: boundAs("romeo@localhost"), err: text("has no resource"), step: "bind"},
			abort{name: "an address that is none", trap: boundAs("@@"), err: text("the address that the server assigned"), step: "bind"},
		),
		accepted(
			login{name: "twin: who we are", options: &xmpptest.Options{SASL2: true, Mechanisms: []string{"PLAIN"}}, with: plain},
			login{name: "twin: in other letters", with: both(plain, quiet), script: hands("ROMEO@LOCALHOST")},
			login{name: "twin: with a resource", with: both(plain, quiet), script: hands("romeo@localhost/x")},
		),
	)},
	row{id: "S049", title: "SASL2 is offered without TLS", oracle: abortRow, scenes: choices(
		choice{name: "in clear", features: strings.TrimSuffix(offer2("", "", "SCRAM-SHA-512"), "</stream:features>") + strings.TrimPrefix(offer(sha), "<stream:features>"), mechanism: sha, flag: "n,", clear: true, with: inClear, options: &xmpptest.Options{Plaintext: true}},
		choice{name: "twin: on TLS", features: strings.TrimSuffix(offer2("", "", "SCRAM-SHA-512"), "</stream:features>") + strings.TrimPrefix(offer(sha), "<stream:features>"), mechanism: "SCRAM-SHA-512", flag: "y,"},
	)},
	row{id: "S050", title: "Something else in the middle of the authentication", oracle: abortRow, scenes: slices.Concat(aborts(
		abort{name: "a message", trap: challenged(func(string) string { return message }), err: misplaced, step: "authenticate"},
		abort{name: "a request", trap: proven(request), err: misplaced, step: "authenticate"},
		abort{name: "features again", trap: proven(offer("PLAIN")), err: misplaced, step: "authenticate"},
		abort{name: "text", trap: proven("hello"), says: "bad-format", step: "authenticate"},
		abort{name: "the end", trap: proven("</stream:stream>"), err: is(io.EOF), step: "authenticate"},
		abort{name: "a new stream", trap: proven(header), err: text("restricted-xml"), step: "authenticate"},
		abort{name: "SASL2, a message", trap: always2(message), err: misplaced, step: "authenticate"},
		abort{name: "SASL2, a request", trap: proven2(request), err: misplaced, step: "authenticate"},
		abort{name: "SASL2, features again", trap: proven2(offer("PLAIN")), err: misplaced, step: "authenticate"},
		abort{name: "SASL2, blanks", trap: proven2(" \n" + success2("romeo@localhost", additional("v=x"))), err: misplaced, step: "authenticate"},
		abort{name: "SASL2, text", trap: proven2("hello"), says: "bad-format", step: "authenticate"},
		abort{name: "SASL2, the end", trap: proven2("</stream:stream>"), err: is(io.EOF), step: "authenticate"},
	),
		believed(login{name: "twin: nothing"}, good, ""),
		accepted(login{name: "twin: blanks, which only SASL2 forbids", with: quiet, script: knows(offer(sha), good, " \n")}),
	)},
	row{id: "S050a", title: "An authentication without end, or in no base64", oracle: abortRow, scenes: aborts(
		abort{name: "endless challenges", trap: proven(strings.Repeat(saslElement("challenge", ""), 20)), err: unproven, step: "authenticate"},
		abort{name: "no base64", trap: challenged(func(string) string { return "<challenge xmlns='" + nsSASL + "'>%%%</challenge>" }), err: text("is not base64"), step: "authenticate"},
		abort{name: "loose base64", trap: challenged(func(string) string { return "<challenge xmlns='" + nsSASL + "'>cj1=</challenge>" }), err: text("is not base64"), step: "authenticate"},
		abort{name: "a challenge of 60 kB", trap: challenged(func(string) string { return saslElement("challenge", strings.Repeat("x", 45_000)) }), err: as[*sasl.ProtocolError], step: "authenticate"},
		abort{name: "SASL2, endless challenges", trap: proven2(strings.Repeat(sasl2Element("challenge", ""), 20)), err: unproven, step: "authenticate"},
		abort{name: "SASL2, no base64", trap: always2("<challenge xmlns='" + nsSASL2 + "'>%%%</challenge>"), err: text("is not base64"), step: "authenticate"},
	)},
	row{id: "S052", title: "A token is shown to somebody else", oracle: abortRow, also: "TestHostileTokens sasl.TestSelectToken", scenes: []scene{
		{name: "another domain", play: tokenFor(func(cfg *xmpp.ConnectionConfiguration) {
			cfg.Address, cfg.VerifyName = romeo("other.example"), "localhost"
		}, fast(expr))},
		{name: "another account", play: tokenFor(func(cfg *xmpp.ConnectionConfiguration) { cfg.Address = jid.MustParse("mercutio@localhost") }, fast(expr))},
		{name: "TLS that nobody verified", play: tokenFor(func(cfg *xmpp.ConnectionConfiguration) { cfg.Security = xmpp.SecurityUnverified }, fast(expr))},
		{name: "a weaker mechanism", play: tokenFor(nil, fast("HT-SHA-256-NONE"))},
		{name: "another mechanism", play: tokenFor(nil, fast("HT-SHA-256-ENDP", "HT-SHA-256-UNIQ"))},
		{name: "tokens switched off", play: tokenFor(func(cfg *xmpp.ConnectionConfiguration) { cfg.DisableFAST = true }, fast(expr))},
		{name: "twin: to who gave it", play: tokenUsed},
	}},
	row{id: "S053", title: "A server that doesn't know the token", oracle: abortRow, also: "TestHostileResponder sasl.TestHT", scenes: again(
		abort{name: "nothing", trap: byToken(success2("romeo@localhost", "")), err: unproven, step: "authenticate", before: true, options: modern()},
		abort{name: "empty", trap: byToken(success2("romeo@localhost", additional(""))), err: unproven, step: "authenticate", before: true, options: modern()},
		abort{name: "wrong", trap: byToken(success2("romeo@localhost", additional(strings.Repeat("x", 32)))), err: unproven, step: "authenticate", before: true, options: modern()},
		abort{name: "a new token and a resource", trap: byToken(success2("romeo@localhost/x", additional(strings.Repeat("x", 32))+"<token xmlns='urn:xmpp:fast:0' token='evil' expiry='2099-01-01T00:00:00Z'/><bound xmlns='urn:xmpp:bind:0'/>")), err: unproven, step: "authenticate", before: true, options: modern(), after: noEvilToken},
		abort{name: "it asks for the password", trap: byToken(sasl2Element("challenge", "password?")), err: is(sasl.ErrState), step: "authenticate", before: true, options: modern()},
	)},
	row{id: "S054", title: "A token that is refused", oracle: abortRow, also: "TestHostileTokens", scenes: []scene{
		{name: "one login by password", play: refusedToken},
		abort{name: "and only PLAIN is left", trap: refusesToken(fast2(expr, "PLAIN")), err: is(sasl.ErrDowngrade), step: "authenticate", before: true, options: modern(), with: mechanisms(sha, "SCRAM-SHA-512-PLUS", "PLAIN")}.scene(),
		abort{name: "and nothing that is known is left", trap: refusesToken(fast2(expr, "X-UNKNOWN")), err: is(sasl.ErrDowngrade), step: "authenticate", before: true, options: modern()}.scene(),
	}},
	row{id: "S055", title: "The connection breaks while a new token comes", oracle: abortRow, also: "TestHostileTokens", scenes: []scene{{name: "cut at every 29th byte", play: rotation}}},
	row{id: "S057", title: "The server wants something else beside the password", oracle: abortRow, scenes: slices.Concat(aborts(
		abort{name: "a second factor", trap: proven2("<continue xmlns='" + nsSASL2 + "'><additional-data>dj14</additional-data><tasks><task>TOTP</task></tasks></continue>"), err: all(is(xmpp.ErrTaskUnsupported), terminal), step: "authenticate"},
		abort{name: "at once", trap: always2("<continue xmlns='" + nsSASL2 + "'><tasks><task>X</task></tasks></continue>"), err: is(xmpp.ErrTaskUnsupported), step: "authenticate"},
		abort{name: "nothing", trap: proven2("<continue xmlns='" + nsSASL2 + "'/>"), err: is(xmpp.ErrTaskUnsupported), step: "authenticate"},
	), believed(login{name: "twin: the password is enough"}, good, ""))},
	row{id: "S058", title: "The server asks for the hash of another mechanism", oracle: abortRow, scenes: slices.Concat(aborts(
		abort{name: "without channel binding", trap: proven2("<continue xmlns='" + nsSASL2 + "'><tasks><task>UPGR-SCRAM-SHA-256</task></tasks></continue>"), err: is(xmpp.ErrTaskUnsupported), step: "authenticate"},
		abort{name: "twice", trap: proven2("<continue xmlns='" + nsSASL2 + "'><tasks><task>UPGR-SCRAM-SHA-256</task><task>UPGR-SCRAM-SHA-512</task></tasks></continue>"), err: is(xmpp.ErrTaskUnsupported), step: "authenticate"},
	), accepted(login{name: "twin: it could (XEP-0480) and doesn't", with: quiet, script: knows(strings.Replace(offer2("", "", sha), "<inline>", "<upgrade xmlns='urn:xmpp:sasl:upgrade:0'>UPGR-SCRAM-SHA-256</upgrade><inline>", 1), good, "")}))},
	row{id: "S059", title: "Failures, and what is tried again", oracle: boundRow, scenes: bounds(
		bound{name: "not-authorized", limit: 1, unit: "connections in 10 minutes", figure: retries("not-authorized", 1)},
		bound{name: "account-disabled", limit: 1, unit: "connections in 10 minutes", figure: retries("account-disabled", 1)},
		bound{name: "temporary-auth-failure", limit: 40, unit: "connections in 10 minutes", figure: retries("temporary-auth-failure", 3)},
	)},
	row{id: "S061", title: "ANONYMOUS, EXTERNAL or a bearer token that nobody asked for", oracle: abortRow, also: "sasl.TestSelect", scenes: slices.Concat(
		aborts(
			abort{name: "only they", trap: secured(offer("ANONYMOUS", "EXTERNAL", "OAUTHBEARER", "PLAIN")), err: is(sasl.ErrNoMechanism), step: "authenticate"},
			abort{name: "only they, by SASL2", trap: secured(offer2("", "", "ANONYMOUS", "EXTERNAL", "OAUTHBEARER", "PLAIN")), err: is(sasl.ErrNoMechanism), step: "authenticate"},
			abort{name: "nothing", trap: secured("<stream:features/>"), err: is(sasl.ErrNoMechanism), step: "authenticate"},
			abort{name: "what nobody knows", trap: secured(offer("X-SECRET", "scram-sha-1", " SCRAM-SHA-1", "GSSAPI")), err: is(sasl.ErrNoMechanism), step: "authenticate"},
		),
		accepted(login{name: "twin: ANONYMOUS that is asked for", options: &xmpptest.Options{Mechanisms: []string{"ANONYMOUS"}}, with: func(cfg *xmpp.ConnectionConfiguration) {
			cfg.Mechanisms, cfg.Domain, cfg.Address = []string{"ANONYMOUS"}, "localhost", jid.JID{}
		}}),
	)},
)

// fast2 is fast with another mechanism for passwords.
func fast2(token, mechanism string) string {
	return strings.Replace(fast(token), "<mechanism>"+sha+"</mechanism>", "<mechanism>"+mechanism+"</mechanism>", 1)
}

// quiet does without roster and presence, which a script would have to answer.
func quiet(cfg *xmpp.ConnectionConfiguration) { cfg.DisableRoster, cfg.DisablePresence = true, true }

// hands says who logged in by SASL2, and gives out a resource.
func hands(address string) func(*xmpptest.ScriptConn) error {
	return func(c *xmpptest.ScriptConn) error {
		success, err := identified(success2(address, ""))(c)
		err = errors.Join(err, c.Send(success))
		iq, e := c.Expect("xmpp-bind")
		return errors.Join(err, e, c.Send("<stream:features/><iq type='result' id='"+iq.Attr("id")+"'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>romeo@localhost/x</jid></bind></iq>"), c.ExpectEnd(""))
	}
}

// used are the mechanisms of a connection's attempts.
func used(log string) (names []string) {
	for _, m := range regexp.MustCompile(`<auth[^>]* mechanism=['"]([^'"]*)`).FindAllStringSubmatch(log, -1) {
		names = append(names, m[1])
	}
	return names
}

// secrets are the tokens in a store.
func secrets(store xmpp.Store) (all []string) {
	data, err := store.Get(context.Background(), own+"/fast")
	var tokens []struct{ Secret string }
	if err != nil || len(data) > 0 && json.Unmarshal(data, &tokens) != nil {
		return []string{"what is stored can't be read"}
	}
	for _, k := range tokens {
		all = append(all, k.Secret)
	}
	return all
}

func noEvilToken(cfg *xmpp.ConnectionConfiguration) error {
	if all := secrets(cfg.Store); len(all) != 1 || all[0] == "evil" {
		return fmt.Errorf("the tokens are %q", all)
	}
	return nil
}

// withToken runs f with a server that gives tokens, and a configuration whose store has one.
func withToken(t *testing.T, f func(srv *xmpptest.Server, cfg *xmpp.ConnectionConfiguration) error) error {
	return serve(t, modern(), func(srv *xmpptest.Server) error {
		cfg := configuration(srv, func(cfg *xmpp.ConnectionConfiguration) { cfg.Store = xmpp.NewMemoryStore() })
		if err := (abort{}).good(t, cfg); err != nil {
			return err
		}
		if all := secrets(cfg.Store); len(all) != 1 {
			return fmt.Errorf("the tokens of the first login are %q", all)
		}
		return f(srv, cfg)
	})
}

// tokenFor offers this to somebody who has a token for another place. It must not be used.
func tokenFor(change with, features string) func(*testing.T) error {
	return func(t *testing.T) error {
		return withToken(t, func(srv *xmpptest.Server, cfg *xmpp.ConnectionConfiguration) error {
			token := secrets(cfg.Store)[0]
			if change != nil {
				change(cfg)
			}
			var log string
			script := srv.Script(func(c *xmpptest.ScriptConn) error {
				defer func() { log = c.Log() }()
				_, err := c.Header()
				err = errors.Join(err, c.SendHeader(), c.StartTLS(), second(c.Header()), c.SendHeader(), c.Send(features))
				auth, e := c.Expect("auth")
				if auth.Attr("mechanism") == expr { // it had remembered an offer: the offer that came decides
					return errors.New("the token was shown")
				}
				return errors.Join(err, e, c.Send("<failure xmlns='"+nsSASL2+"'><not-authorized xmlns='"+nsSASL+"'/></failure>"), c.ExpectEnd(""))
			})
			if features != fast(expr) || change != nil { // what was remembered of the server would make the first attempt
				if err := cfg.Store.Delete(t.Context(), own+"/features"); err != nil {
					return err
				}
			}
			c, err := xmpp.NewConnection(cfg)
			if err != nil {
				return err
			}
			defer c.Close()
			f := faults{is(sasl.NotAuthorized)(c.Login(t.Context(), "", "")), script.Wait(t.Context())}
			if got := used(log); !slices.Equal(got, []string{sha}) {
				f.addf("it used %v", got)
			}
			if strings.Contains(log, token) {
				f.addf("the token itself was written")
			}
			return f.err()
		})
	}
}

// tokenUsed comes back to who gave the token.
func tokenUsed(t *testing.T) error {
	return withToken(t, func(srv *xmpptest.Server, cfg *xmpp.ConnectionConfiguration) error {
		got, err := mechanismsOf(t, srv, cfg)
		if !slices.Equal(got, []string{expr}) {
			err = errors.Join(err, fmt.Errorf("it used %v", got))
		}
		return err
	})
}

// mechanismsOf logs in and tells by what.
func mechanismsOf(t *testing.T, srv *xmpptest.Server, cfg *xmpp.ConnectionConfiguration) ([]string, error) {
	var log string
	script := srv.Script(func(c *xmpptest.ScriptConn) error {
		defer func() { log = c.Log() }()
		if _, err := c.Login("romeo"); err != nil {
			return err
		}
		return c.Serve()
	})
	err := (abort{}).good(t, cfg)
	err = errors.Join(err, script.Wait(t.Context()))
	return used(log), err
}

// refusesToken refuses a token, behind an offer of that.
func refusesToken(features string) trap {
	return func(c *xmpptest.ScriptConn) (string, error) {
		err := errors.Join(c.Greet(), c.Send(features), second(c.Expect(expr)))
		return "<failure xmlns='" + nsSASL2 + "'><credentials-expired xmlns='" + nsSASL + "'/></failure>", err
	}
}

// refusedToken finds its token revoked: it logs in by password once, and the token is gone.
func refusedToken(t *testing.T) error {
	return withToken(t, func(srv *xmpptest.Server, cfg *xmpp.ConnectionConfiguration) error {
		old := secrets(cfg.Store)[0]
		srv.RevokeTokens("romeo")
		got, err := mechanismsOf(t, srv, cfg)
		if !slices.Equal(got, []string{expr, "SCRAM-SHA-512-PLUS"}) {
			err = errors.Join(err, fmt.Errorf("it used %v", got))
		}
		if slices.Contains(secrets(cfg.Store), old) {
			err = errors.Join(err, errors.New("the refused token is still stored"))
		}
		return err
	})
}

// rotation cuts the connection while the server gives a new token at every login. The next login must work with a token.
func rotation(t *testing.T) error {
	options := modern()
	options.RotateTokens = true
	return serve(t, options, func(srv *xmpptest.Server) error {
		cfg := configuration(srv, func(cfg *xmpp.ConnectionConfiguration) {
			cfg.Store, cfg.DisableReconnection = xmpp.NewMemoryStore(), true
		})
		if err := (abort{}).good(t, cfg); err != nil {
			return err
		}
		for at := int64(1); at < 3000; at += 29 {
			srv.Next(func(c *xmpptest.Conn) { c.SetFaults(xmpptest.Faults{CutAfterWrite: at}) })
			c, err := xmpp.NewConnection(cfg)
			if err != nil {
				return err
			}
			_ = c.Login(t.Context(), "", "")
			if err := c.Close(); err != nil {
				return err
			}
			got, err := mechanismsOf(t, srv, cfg)
			if err != nil || len(got) == 0 || len(got) > 2 || slices.ContainsFunc(got, func(m string) bool { return m != expr }) {
				return errors.Join(err, fmt.Errorf("cut after %d bytes, the next login used %v", at, got))
			}
		}
		return nil
	})
}

// retries is how often a connection that broke off comes back within ten minutes to a server that refuses it so, at least as often as that.
func retries(condition string, least int64) func(*testing.T) (int64, error) {
	return func(t *testing.T) (n int64, err error) {
		err = serve(t, nil, func(srv *xmpptest.Server) error {
			c, err := xmpp.NewConnection(configuration(srv))
			if err != nil {
				return err
			}
			defer c.Close()
			if err := c.Login(t.Context(), "", ""); err != nil {
				return err
			}
			moment()
			before := srv.Dialer().Dials()
			var attempts record[string]
			srv.ScriptAll(func(s *xmpptest.ScriptConn) error {
				err := errors.Join(s.Greet(), s.Send(offer(sha)), second(s.Expect("auth")), s.Send("<failure xmlns='"+nsSASL+"'><"+condition+"/></failure>"), drain(s))
				for _, m := range used(s.Log()) {
					attempts.add(m)
				}
				return err
			})
			srv.Drop("romeo")
			pass(10 * time.Minute)
			n = int64(srv.Dialer().Dials() - before)
			if n < least {
				return fmt.Errorf("only %d connections", n)
			}
			if int64(attempts.len()) != n {
				return fmt.Errorf("%v on %d connections", attempts.list(), n)
			}
			return nil
		})
		return n, err
	}
}
