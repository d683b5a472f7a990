package hostile_test

import (
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/xmpptest"
)

// bindings is the list of channel binding types (XEP-0440).
func bindings(types ...string) string {
	all := ""
	for _, t := range types {
		all += "<channel-binding type='" + t + "'/>"
	}
	return "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>" + all + "</sasl-channel-binding>"
}

// hashed is the attribute by which a server proves its lists (XEP-0474).
func hashed(mechanisms, types []string) string {
	text := strings.Join(slices.Sorted(slices.Values(mechanisms)), "\x1e")
	if types != nil {
		text += "\x1f" + strings.Join(slices.Sorted(slices.Values(types)), "\x1e")
	}
	sum := sha1.Sum([]byte(text))
	return ",h=" + base64.StdEncoding.EncodeToString(sum[:])
}

// offered offers this and answers the first message of SCRAM with a challenge that ends as format says; %s is the nonce.
func offered(features, format string) trap {
	return func(c *xmpptest.ScriptConn) (string, error) {
		err := errors.Join(c.Greet(), c.Send(features))
		auth, e := c.Expect("auth")
		if auth.Space() == nsSASL2 {
			nonce := nonceOf(auth.Child(nsSASL2, "initial-response").Text())
			return sasl2Element("challenge", fmt.Sprintf(format, nonce)), errors.Join(err, e)
		}
		return saslElement("challenge", fmt.Sprintf(format, nonceOf(auth.Text()))), errors.Join(err, e)
	}
}

const (
	sha    = "SCRAM-SHA-1"
	plus   = "SCRAM-SHA-1-PLUS"
	unique = "tls-unique"
	export = "tls-exporter"
	end    = "tls-server-end-point"
)

func mechanisms(names ...string) with {
	return func(cfg *xmpp.ConnectionConfiguration) { cfg.Mechanisms = names }
}

func inClear(cfg *xmpp.ConnectionConfiguration) { cfg.Security = xmpp.SecurityPlaintext }

// both makes several changes.
func both(changes ...with) with {
	return func(cfg *xmpp.ConnectionConfiguration) {
		for _, change := range changes {
			change(cfg)
		}
	}
}

// A choice is an offer and the first message that the client must answer it with. It is refused then, and must not try again.
type choice struct {
	name, features  string
	mechanism, flag string // the beginning of the first message
	with            with
	clear           bool // there is no TLS
	options         *xmpptest.Options
}

func (c choice) scene() scene { return scene{name: c.name, play: c.play} }

// choices makes scenes of them.
func choices(list ...choice) []scene {
	var all []scene
	for _, c := range list {
		all = append(all, c.scene())
	}
	return all
}

func (c choice) play(t *testing.T) error {
	return serve(t, c.options, func(srv *xmpptest.Server) error {
		for _, way := range cuts(c.name)[:quickCuts] {
			if err := c.once(t, srv, way); err != nil {
				return whenCut(way, err)
			}
		}
		return nil
	})
}

func (c choice) once(t *testing.T, srv *xmpptest.Server, way cut) error {
	var f faults
	srv.Next(func(c *xmpptest.Conn) { c.SetFaults(way.faults()) })
	script := srv.Script(func(s *xmpptest.ScriptConn) error {
		var err error
		if c.clear {
			err = errors.Join(second(s.Header()), s.Send(header))
		} else {
			err = s.Greet()
		}
		err = errors.Join(err, s.Send(c.features))
		auth, e := s.Expect("auth")
		if err = errors.Join(err, e); err != nil {
			return err
		}
		first := auth.Text()
		if auth.Space() == nsSASL2 {
			first = auth.Child(nsSASL2, "initial-response").Text()
		}
		text, err := base64.StdEncoding.DecodeString(first)
		if got := auth.Attr("mechanism"); err != nil || got != c.mechanism || !strings.HasPrefix(string(text), c.flag) {
			f.addf("it chose %s with %q, not %s with %q", got, text, c.mechanism, c.flag)
		}
		return errors.Join(s.Send("<failure xmlns='"+auth.Space()+"'><not-authorized xmlns='"+nsSASL+"'/></failure>"), s.ExpectEnd(""))
	})
	client, err := xmpp.NewConnection(configuration(srv, c.with))
	if err != nil {
		return err
	}
	defer client.Close()
	f = append(f, is(sasl.NotAuthorized)(client.Login(t.Context(), "", "")), script.Wait(t.Context()))
	return f.err()
}

// bindingTable is the decision about channel binding: own support, -PLUS offered, types offered (XEP-0440 §4), by RFC 6120 and by SASL2.
func bindingTable() []scene {
	types := map[string]string{"no types": "", "types in common": bindings(unique, export), "foreign types": bindings(unique)}
	var all []scene
	row := func(name string, list bool, plusToo bool, what string, mechanism, flag string) {
		names := []string{sha}
		if plusToo {
			names = append(names, plus)
			name += ", -PLUS"
		}
		features := offerAnd(types[what], names...)
		if list {
			features, name = offer2("", types[what], names...), name+", SASL2"
		}
		name += ", " + what
		if mechanism == "" {
			all = append(all, again(abort{name: name, trap: secured(features), err: is(sasl.ErrDowngrade), step: "authenticate"})...)
			return
		}
		all = append(all, choice{name: name, features: features, mechanism: mechanism, flag: flag}.scene())
	}
	for _, sasl2 := range []bool{false, true} {
		row("own", sasl2, false, "no types", sha, "y,")
		row("own", sasl2, false, "types in common", "", "")
		row("own", sasl2, false, "foreign types", "", "")
		row("own", sasl2, true, "types in common", plus, "p=tls-exporter,")
		row("own", sasl2, true, "foreign types", sha, "n,")
	}
	row("own", false, true, "no types", sha, "n,")
	row("own", true, true, "no types", "", "")
	for _, names := range [][]string{{sha}, {sha, plus}} {
		for what, list := range types {
			all = append(all, choice{
				name: fmt.Sprintf("none, %d mechanisms, %s", len(names), what), features: offerAnd(list, names...),
				mechanism: sha, flag: "n,", clear: true, with: inClear, options: &xmpptest.Options{Plaintext: true},
			}.scene())
		}
	}
	return all
}

var lists = []string{sha, plus}

// S030 to S038: which mechanism is used, and how it is bound to TLS.
var _ = add(
	row{id: "S030", title: "PLAIN where everybody can read it", oracle: abortRow, scenes: slices.Concat(
		aborts(
			abort{name: "in clear", trap: clear(header + offer("PLAIN")), err: is(sasl.ErrNoMechanism), step: "authenticate", with: both(mechanisms("PLAIN"), inClear), options: &xmpptest.Options{Plaintext: true}},
			abort{name: "a bearer token in clear", trap: clear(header + offer("OAUTHBEARER", "PLAIN")), err: is(sasl.ErrNoMechanism), step: "authenticate", with: both(mechanisms("OAUTHBEARER"), inClear), options: &xmpptest.Options{Plaintext: true}},
			abort{name: "TLS that nobody verified", trap: secured(offer("PLAIN")), err: is(sasl.ErrNoMechanism), step: "authenticate", with: both(mechanisms("PLAIN"), func(cfg *xmpp.ConnectionConfiguration) { cfg.Security = xmpp.SecurityUnverified })},
			abort{name: "it was not asked for", trap: secured(offer("PLAIN")), err: is(sasl.ErrNoMechanism), step: "authenticate"},
			abort{name: "it was not asked for, by SASL2", trap: secured(offer2("", "", "PLAIN")), err: is(sasl.ErrNoMechanism), step: "authenticate"},
		),
		accepted(
			login{name: "twin: it is asked for twice", options: &xmpptest.Options{Plaintext: true, Mechanisms: []string{"PLAIN"}}, with: both(mechanisms("PLAIN"), inClear, func(cfg *xmpp.ConnectionConfiguration) { cfg.AllowPlainInClear = true })},
			login{name: "twin: on TLS", options: &xmpptest.Options{Mechanisms: []string{"PLAIN"}}, with: mechanisms("PLAIN")},
		),
	)},
	row{id: "S031", title: "Only PLAIN is left, where SCRAM was used before", oracle: abortRow, also: "TestHostileDowngradeWithSASL2", scenes: slices.Concat(
		again(
			abort{name: "PLAIN", trap: secured(offer("PLAIN")), err: all(is(sasl.ErrDowngrade), terminal), step: "authenticate", before: true, with: password},
			abort{name: "PLAIN by SASL2", trap: secured(offer2("", "", "PLAIN")), err: all(is(sasl.ErrDowngrade), terminal), step: "authenticate", before: true, with: password},
			abort{name: "PLAIN by SASL2, SCRAM in the other list", trap: secured(strings.TrimSuffix(offer(sha), "</stream:features>") + strings.TrimPrefix(offer2("", "", "PLAIN"), "<stream:features>")), err: is(sasl.ErrDowngrade), step: "authenticate", before: true, with: password},
			abort{name: "a bearer token", trap: secured(offer("OAUTHBEARER")), err: is(sasl.ErrDowngrade), step: "authenticate", before: true, with: both(mechanisms(sha, "OAUTHBEARER"), func(cfg *xmpp.ConnectionConfiguration) { cfg.Token = canary })},
			abort{name: "ANONYMOUS", trap: secured(offer("ANONYMOUS")), err: is(sasl.ErrDowngrade), step: "authenticate", before: true, with: mechanisms(sha, "ANONYMOUS")},
		),
		[]scene{{name: "on the same connection", play: downgradedLater}},
		accepted(login{name: "twin: SCRAM", options: &xmpptest.Options{Mechanisms: []string{"PLAIN", sha}, ChannelBinding: []string{}}, with: password, before: true}),
	)},
	row{id: "S032", title: "The server's order of mechanisms, and endless lists", oracle: abortRow + ", " + boundRow, scenes: slices.Concat(
		choices(
			choice{name: "the best last", features: offerAnd(bindings(export), "PLAIN", "X-UNKNOWN", sha, "SCRAM-SHA-256", plus, "SCRAM-SHA-256-PLUS"), mechanism: "SCRAM-SHA-256-PLUS", flag: "p=tls-exporter,", with: mechanisms(sha, plus, "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "PLAIN")},
			choice{name: "the best last, by SASL2", features: offer2("", bindings(export), "PLAIN", "X-UNKNOWN", sha, "SCRAM-SHA-256", plus, "SCRAM-SHA-256-PLUS"), mechanism: "SCRAM-SHA-256-PLUS", flag: "p=tls-exporter,", with: mechanisms(sha, plus, "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "PLAIN")},
			choice{name: "the 60th", features: offer(append(slices.Repeat([]string{"X"}, 59), sha)...), mechanism: sha, flag: "y,"},
		),
		aborts(
			abort{name: "the 900th", trap: secured(offer(append(slices.Repeat([]string{"X"}, 899), sha)...)), err: is(sasl.ErrNoMechanism), step: "authenticate"},
			abort{name: "10000", trap: secured(offer(slices.Repeat([]string{sha}, 10_000)...)), says: "policy-violation", step: "stream"},
			abort{name: "an endless name", trap: secured(offer(strings.Repeat("X", 70_000))), says: "policy-violation", step: "stream"},
			abort{name: "10000 types", trap: secured(offerAnd(bindings(slices.Repeat([]string{export}, 10_000)...), sha)), says: "policy-violation", step: "stream"},
		),
	)},
	row{id: "S033", title: "The lists of mechanisms or types were changed on their way", oracle: abortRow, also: "sasl.TestXEP0474", scenes: slices.Concat(
		again(
			abort{name: "a mechanism is missing", trap: offered(offer(sha), "r=%sX,s=c2FsdA==,i=4096"+hashed(lists, nil)), err: is(sasl.ErrDowngrade), step: "authenticate"},
			abort{name: "a mechanism is missing, by SASL2", trap: offered(offer2("", "", sha), "r=%sX,s=c2FsdA==,i=4096"+hashed(lists, nil)), err: is(sasl.ErrDowngrade), step: "authenticate"},
			abort{name: "a mechanism is too many", trap: offered(offer(sha, "PLAIN"), "r=%sX,s=c2FsdA==,i=4096"+hashed([]string{sha}, nil)), err: is(sasl.ErrDowngrade), step: "authenticate"},
			abort{name: "a type is missing", trap: offered(offerAnd(bindings(export), sha, plus), "r=%sX,s=c2FsdA==,i=4096"+hashed(lists, []string{export, end})), err: is(sasl.ErrDowngrade), step: "authenticate"},
			abort{name: "the hash is of the other profile's list", trap: offered(strings.TrimSuffix(offer(sha, "PLAIN"), "</stream:features>")+strings.TrimPrefix(offer2("", "", sha), "<stream:features>"), "r=%sX,s=c2FsdA==,i=4096"+hashed([]string{sha, "PLAIN"}, nil)), err: is(sasl.ErrDowngrade), step: "authenticate"},
			abort{name: "a separator in a name", trap: offered(offer(sha, "A&#9;B"), "r=%sX,s=c2FsdA==,i=4096"+hashed([]string{sha, "A", "B"}, nil)), err: is(sasl.ErrDowngrade), step: "authenticate"},
			abort{name: "the hash is empty", trap: offered(offer(sha), "r=%sX,s=c2FsdA==,i=4096,h="), err: as[*sasl.ProtocolError], step: "authenticate"},
			abort{name: "foreign types, and nothing proves them", trap: offered(offerAnd(bindings(unique), sha, plus), "r=%sX,s=c2FsdA==,i=4096"), err: is(sasl.ErrDowngrade), step: "authenticate"},
		),
		aborts(abort{name: "all types are missing", trap: offered(offer(sha, plus), "r=%sX,s=c2FsdA==,i=4096"+hashed(lists, []string{export, end})), err: is(sasl.ErrDowngrade), step: "authenticate"}), // on a reconnect it comes not so far: there were types
		accepted(
			login{name: "twin: the lists are whole", options: &xmpptest.Options{HashOffer: true}},
			login{name: "twin: the lists are whole, by SASL2", options: &xmpptest.Options{HashOffer: true, SASL2: true}},
		),
	)},
	row{id: "S034", title: "The server's TLS is of another version than ours", oracle: abortRow, also: "sasl.TestXEP0474", scenes: slices.Concat(
		again(
			abort{name: "1.2", trap: offered(offer(sha), "r=%sX,s=c2FsdA==,i=4096,t=0303"), err: is(sasl.ErrDowngrade), step: "authenticate"},
			abort{name: "1.2 by SASL2", trap: offered(offer2("", "", sha), "r=%sX,s=c2FsdA==,i=4096,t=0303"), err: is(sasl.ErrDowngrade), step: "authenticate"},
			abort{name: "none", trap: offered(offer(sha), "r=%sX,s=c2FsdA==,i=4096,t=x"), err: is(sasl.ErrDowngrade), step: "authenticate"},
		),
		believed(login{name: "twin: 1.3"}, "r=%sX,s=c2FsdA==,i=4096,t=0304", ""),
	)},
	row{id: "S035", title: "Channel binding is stripped", oracle: abortRow, also: "sasl.TestBindingTable", scenes: bindingTable()},
	row{id: "S036", title: "The flag that shows stripping to the server", oracle: abortRow, scenes: choices(
		choice{name: "y", features: offer(sha), mechanism: sha, flag: "y,,n="},
		choice{name: "y by SASL2", features: offer2("", "", sha), mechanism: sha, flag: "y,,n="},
		choice{name: "n without TLS", features: offer(sha), mechanism: sha, flag: "n,,n=", clear: true, with: inClear, options: &xmpptest.Options{Plaintext: true}},
		choice{name: "y with TLS 1.2", features: offer(sha), mechanism: sha, flag: "y,,n=", options: tlsOnly(tls.VersionTLS12, tls.VersionTLS12)()},
		choice{name: "y where -PLUS is not among ours", features: offer("SCRAM-SHA-256"), mechanism: "SCRAM-SHA-256", flag: "y,,n=", with: mechanisms("SCRAM-SHA-256")},
	)},
	row{id: "S037", title: "The type of channel binding", oracle: abortRow, also: "sasl.TestTLSBindings", scenes: boundLogins()},
	row{id: "S038", title: "-PLUS is offered and can't work", oracle: abortRow, scenes: slices.Concat(
		choices(
			choice{name: "only tls-unique", features: offerAnd(bindings(unique), sha, plus), mechanism: sha, flag: "n,"},
			choice{name: "no types", features: offer(sha, plus), mechanism: sha, flag: "n,"},
			choice{name: "a token for tls-unique", features: offer2("<fast xmlns='urn:xmpp:fast:0'><mechanism>HT-SHA-256-UNIQ</mechanism></fast>", bindings(unique, end), sha, plus), mechanism: plus, flag: "p=tls-server-end-point,"},
		),
		aborts(
			abort{name: "only tls-unique, and binding is required", trap: secured(offerAnd(bindings(unique), sha, plus)), err: is(sasl.ErrNoBinding), step: "authenticate", with: strict},
			abort{name: "no types, and binding is required", trap: secured(offer(sha, plus)), err: is(sasl.ErrNoBinding), step: "authenticate", with: strict},
			abort{name: "no -PLUS, and binding is required", trap: secured(offer(sha)), err: is(sasl.ErrNoBinding), step: "authenticate", with: strict},
		),
		accepted(login{name: "twin: binding is required and works", with: strict}),
	)},
)

func strict(cfg *xmpp.ConnectionConfiguration) { cfg.RequireChannelBinding = true }

// boundLogins log in with channel binding on both versions of TLS, with each type. That the login succeeds shows that both ends have the same value.
func boundLogins() []scene {
	var all []scene
	for name, tt := range map[string]struct {
		version uint16
		types   []string
		flag    string
	}{
		"TLS 1.3":                    {tls.VersionTLS13, nil, "p=tls-exporter,"},
		"TLS 1.3, only the endpoint": {tls.VersionTLS13, []string{end}, "p=tls-server-end-point,"},
		"TLS 1.2":                    {tls.VersionTLS12, nil, "p=tls-exporter,"},
		"TLS 1.2, only the endpoint": {tls.VersionTLS12, []string{end}, "p=tls-server-end-point,"},
	} {
		all = append(all, scene{name: name, play: func(t *testing.T) error {
			options := &xmpptest.Options{ChannelBinding: tt.types, TLS: func(c *tls.Config) { c.MinVersion, c.MaxVersion = tt.version, tt.version }}
			return serve(t, options, func(srv *xmpptest.Server) error {
				var log string
				script := srv.Script(func(c *xmpptest.ScriptConn) error {
					_, err := c.Login("romeo")
					log = c.Log()
					return errors.Join(err, c.Serve())
				})
				c, err := xmpp.NewConnection(configuration(srv, strict))
				if err != nil {
					return err
				}
				if err := c.Login(t.Context(), "", ""); err != nil {
					return err
				}
				err = errors.Join(c.Close(), script.Wait(t.Context()))
				if first := firstMessage(log); !strings.HasPrefix(first, tt.flag) {
					err = errors.Join(err, fmt.Errorf("it began with %q", first))
				}
				return err
			})
		}})
	}
	return all
}

// firstMessage is the initial response within what a client wrote.
func firstMessage(log string) string {
	_, rest, _ := strings.Cut(log, "<auth ")
	_, rest, _ = strings.Cut(rest, ">")
	text, _, _ := strings.Cut(rest, "<")
	data, _ := base64.StdEncoding.DecodeString(text)
	return string(data)
}

// downgradedLater is online by SCRAM, loses the connection and finds only PLAIN.
func downgradedLater(t *testing.T) error {
	return serve(t, nil, func(srv *xmpptest.Server) error {
		c, err := xmpp.NewConnection(configuration(srv, password))
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.Login(t.Context(), "", ""); err != nil {
			return err
		}
		moment()
		var log string
		script := srv.Script(func(s *xmpptest.ScriptConn) error {
			err := errors.Join(s.Greet(), s.Send(offer("PLAIN")), drain(s))
			log = s.Log()
			return err
		})
		before := srv.Dialer().Dials()
		srv.Drop("romeo")
		pass(10 * time.Minute)
		var f faults
		f = append(f, script.Wait(t.Context()), is(sasl.ErrDowngrade)(c.Err()))
		if n := srv.Dialer().Dials() - before; n != 1 || strings.Contains(log, "<auth") {
			f.addf("%d connections, it wrote %q", n, log)
		}
		return f.err()
	})
}
