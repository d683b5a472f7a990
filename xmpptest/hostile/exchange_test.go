package hostile_test

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/xmpptest"
)

// challenges are scenes of one first message of the server, by RFC 6120 and by SASL2.
func challenges(err func(error) error, list ...string) []scene {
	var all []scene
	for _, format := range list {
		all = append(all,
			abort{name: strings.TrimSpace(strings.ToValidUTF8(format, "?")), trap: offered(offer(sha), format), err: err, step: "authenticate"}.scene(),
			abort{name: strings.ToValidUTF8(format, "?") + " by SASL2", trap: offered(offer2("", "", sha), format), err: err, step: "authenticate"}.scene())
	}
	return all
}

const wrong = "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=" // a signature, but of another exchange

var (
	unproven  = is(sasl.ErrServerSignature)
	misplaced = text("in the middle of the authentication")
)

// S039 to S046: SCRAM.
var _ = add(
	row{id: "S039", title: "The server's nonce is not ours with something behind it", oracle: abortRow, also: "sasl.TestServerFirst", scenes: slices.Concat(
		challenges(as[*sasl.ProtocolError], "r=other%.0s,s=c2FsdA==,i=4096", "r=%s,s=c2FsdA==,i=4096", "r=%s\x01,s=c2FsdA==,i=4096", "r=X%s,s=c2FsdA==,i=4096", "r=%.5s,s=c2FsdA==,i=4096", "r=%s é,s=c2FsdA==,i=4096",
			"r=%s\x20,s=c2FsdA==,i=4096", "r=%s\x7f,s=c2FsdA==,i=4096"),
		believed(login{name: "twin: one character behind ours"}, "r=%sS,s=c2FsdA==,i=4096", ""),
		believed(login{name: "twin: the first and the last that may be, and many"}, "r=%s!~"+strings.Repeat("x", 1000)+",s=c2FsdA==,i=4096", ""),
	)},
	row{id: "S040", title: "Our own nonce can be guessed", oracle: boundRow, also: "sasl.TestMessages", scenes: bounds(
		bound{name: "without channel binding", limit: 0, unit: "repeated or short nonces", figure: nonces(500, true)},
		bound{name: "with channel binding", limit: 0, unit: "repeated or short nonces", figure: nonces(50, false)},
		bound{name: "of the mechanisms themselves", limit: 0, unit: "repeated or short nonces", figure: mechanismNonces, real: true},
	)},
	row{id: "S041", title: "Few iterations, or none that are a number", oracle: abortRow, also: "sasl.TestServerFirst", scenes: slices.Concat(challenges(as[*sasl.ProtocolError],
		"r=%sS,s=c2FsdA==,i=0", "r=%sS,s=c2FsdA==,i=1", "r=%sS,s=c2FsdA==,i=4095", "r=%sS,s=c2FsdA==,i=-5", "r=%sS,s=c2FsdA==,i=4096abc", "r=%sS,s=c2FsdA==,i=+4096",
		"r=%sS,s=c2FsdA==,i=1e9", "r=%sS,s=c2FsdA==,i=04096", "r=%sS,s=c2FsdA==,i=", "r=%sS,s=c2FsdA=="),
		believed(login{name: "twin: 4096"}, good, ""),
	)},
	row{id: "S042", title: "So many iterations that computing them takes for ever", oracle: abortRow + ", " + boundRow, also: "sasl.TestServerFirst", scenes: slices.Concat(
		challenges(as[*sasl.ProtocolError], "r=%sS,s=c2FsdA==,i=2147483647", "r=%sS,s=c2FsdA==,i=1000001", "r=%sS,s=c2FsdA==,i=18446744073709555712"),
		believed(login{name: "twin: 1000000", slow: true}, "r=%sS,s=c2FsdA==,i=1000000", ""),
		bounds(bound{name: "2147483647", limit: 50, unit: "ms", figure: iterations, real: true}),
	)},
	row{id: "S043", title: "The server doesn't know the password", oracle: abortRow, also: "sasl.TestServerSignature", scenes: slices.Concat(
		aborts(
			abort{name: "success at once", trap: challenged(func(string) string { return "<success xmlns='" + nsSASL + "'/>" }), err: unproven, step: "authenticate"},
			abort{name: "success at once, with a signature", trap: challenged(func(string) string { return saslElement("success", wrong) }), err: unproven, step: "authenticate"},
			abort{name: "success without data", trap: proven("<success xmlns='" + nsSASL + "'/>"), err: unproven, step: "authenticate"},
			abort{name: "success with empty data", trap: proven("<success xmlns='" + nsSASL + "'>=</success>"), err: unproven, step: "authenticate"},
			abort{name: "the wrong signature", trap: proven(saslElement("success", wrong)), err: unproven, step: "authenticate"},
			abort{name: "half a signature", trap: proven(saslElement("success", "v=rmF9")), err: unproven, step: "authenticate"},
			abort{name: "the wrong signature in a challenge", trap: proven(saslElement("challenge", wrong)), err: unproven, step: "authenticate"},
			abort{name: "an error", trap: proven(saslElement("success", "e=other-error")), err: all(is(sasl.NotAuthorized), text("other-error")), step: "authenticate"},
			abort{name: "features of who is logged in", trap: proven("<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>"), err: misplaced, step: "authenticate"},
			abort{name: "the success of SASL2", trap: proven(success2("romeo@localhost", "")), err: misplaced, step: "authenticate"},
			abort{name: "SASL2, success at once", trap: always2(success2("romeo@localhost", "")), err: unproven, step: "authenticate"},
			abort{name: "SASL2, success at once, with a signature", trap: always2(success2("romeo@localhost", additional(wrong))), err: unproven, step: "authenticate"},
			abort{name: "SASL2, success without data", trap: proven2(success2("romeo@localhost", "")), err: unproven, step: "authenticate"},
			abort{name: "SASL2, the wrong signature", trap: proven2(success2("romeo@localhost", additional(wrong))), err: unproven, step: "authenticate"},
			abort{name: "SASL2, bound and resumed too", trap: proven2(success2("romeo@localhost/x", "<bound xmlns='urn:xmpp:bind:0'/><resumed xmlns='urn:xmpp:sm:3' previd='1' h='0'/>")), err: unproven, step: "authenticate"},
			abort{name: "SASL2, the success of RFC 6120", trap: proven2(saslElement("success", "v=x")), err: misplaced, step: "authenticate"},
		),
		accepted(login{name: "twin: it does"}, login{name: "twin: it does, by SASL2", options: &xmpptest.Options{SASL2: true}}),
	)},
	row{id: "S044", title: "Attributes of SCRAM that are mandatory and unknown", oracle: abortRow, also: "sasl.TestServerFirst", scenes: slices.Concat(
		challenges(as[*sasl.ProtocolError], "m=x,r=%sS,s=c2FsdA==,i=4096", "r=%sS,s=c2FsdA==,i=4096,m=x", "r=%sS,s=c2FsdA==,i=4096,r=other", "r=%sS,s=%%%%,i=4096", "r=%sS,i=4096,s=c2FsdA=="),
		believed(login{name: "twin: optional and unknown"}, "r=%sS,s=c2FsdA==,i=4096,z=foo", ""),
	)},
	row{id: "S046", title: "User names and passwords that mean something in SCRAM", oracle: rejectRow, also: "sasl.TestPrepare sasl.TestMessages", scenes: slices.Concat(
		choices(
			choice{name: "a comma and an equals sign", features: offer(sha), mechanism: sha, flag: "y,,n=a=2Cb=3Dc,r=", with: func(cfg *xmpp.ConnectionConfiguration) { cfg.Address = jid.MustParse("a,b=c@localhost") }},
			choice{name: "an equals sign that looks escaped", features: offer2("", "", sha), mechanism: sha, flag: "y,,n==3D2c,r=", with: func(cfg *xmpp.ConnectionConfiguration) { cfg.Address = jid.MustParse("=2c@localhost") }},
		),
		unsaid("a control character in the password", "a\x7fb"),
		unsaid("a direction mark in the password", "a\u200fb"),
		unsaid("a private character in the password", "a\ue000b"),
		refusals(
			refusal{"NUL in the password", func(cfg *xmpp.ConnectionConfiguration) { cfg.Password = "a\x00b" }},
			refusal{"a password that is no UTF-8", func(cfg *xmpp.ConnectionConfiguration) { cfg.Password = "\xff" }},
		),
	)},
	row{id: "S047", title: "Comparing secrets takes a time that tells", oracle: abortRow, also: "sasl.TestConstantTime", scenes: aborts(
		abort{name: "the first byte differs", trap: signedBut(0), err: unproven, step: "authenticate", with: func(cfg *xmpp.ConnectionConfiguration) { cfg.Password = "pencil" }},
		abort{name: "the last byte differs", trap: signedBut(19), err: unproven, step: "authenticate", with: func(cfg *xmpp.ConnectionConfiguration) { cfg.Password = "pencil" }},
	)},
)

// signedBut proves that it knows "pencil", but for one byte of the signature.
func signedBut(at int) trap {
	return func(c *xmpptest.ScriptConn) (string, error) {
		_, signature, err := exchanged(c, offer(sha), good, "pencil")
		signature[at] ^= 1
		return saslElement("success", "v="+base64.StdEncoding.EncodeToString(signature)), err
	}
}

// unsaid is a password that can't be used: whoever asks for it gets nothing.
func unsaid(name string, p xmpp.Secret) []scene {
	return aborts(abort{
		name: name, trap: secured(offer(sha, "PLAIN")), err: as[*sasl.InputError], step: "authenticate",
		with: func(cfg *xmpp.ConnectionConfiguration) {
			cfg.Credentials = func(context.Context, xmpp.CredentialsRequest) (xmpp.Secret, error) { return p, nil }
		},
	})
}

// iterations is how long a client thinks about a challenge with 2³¹-1 iterations: the shortest of five tries, because the machine does other things too.
func iterations(t *testing.T) (int64, error) {
	best := time.Hour
	err := serve(t, nil, func(srv *xmpptest.Server) error {
		for range 5 {
			var asked time.Time
			srv.Script(func(c *xmpptest.ScriptConn) error {
				trigger, err := offered(offer(sha), "r=%sS,s=c2FsdA==,i=2147483647")(c)
				asked = time.Now()
				_ = c.Send(trigger)
				_ = drain(c)
				return err
			})
			c, err := xmpp.NewConnection(configuration(srv))
			if err != nil {
				return err
			}
			if err := as[*sasl.ProtocolError](c.Login(t.Context(), "", "")); err != nil {
				return err
			}
			best = min(best, time.Since(asked))
			if err := c.Close(); err != nil {
				return err
			}
		}
		return nil
	})
	return best.Milliseconds(), err
}
