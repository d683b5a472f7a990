package hostile_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// S242: what who configures nothing gets. TestDefaults has every field.
var _ = add(row{id: "S242", title: "Dangerous defaults", oracle: "ABORT, IGNORE", also: "TestDefaults", scenes: append(aborts(
	abort{name: "TLS is required", trap: clear(header + offer("SCRAM-SHA-256")), err: is(xmpp.ErrTLSRequired), step: "starttls"},
	abort{name: "PLAIN is off", trap: secured(offer("PLAIN")), err: is(sasl.ErrNoMechanism), step: "authenticate"},
	abort{name: "a token is no reason for OAUTHBEARER", trap: secured(offer("OAUTHBEARER")), err: is(sasl.ErrNoMechanism), step: "authenticate",
		with: func(cfg *xmpp.ConnectionConfiguration) { cfg.Token = secretToken }},
	abort{name: "EXTERNAL and ANONYMOUS are off", trap: secured(offer("EXTERNAL", "ANONYMOUS")), err: is(sasl.ErrNoMechanism), step: "authenticate"},
),
	scene{name: "certificates are verified", play: verifies},
	scene{name: "compression is never asked for", play: neverCompresses},
	nothingSaid(ignore{name: "a subscription is nobody's but the user's to grant", send: "<presence type='subscribe' from='" + stranger + "'/>", hearsAny: `request of mallory@evil.example: ""`, hearsToo: `presence subscribe from mallory@evil.example/x: ""`}),
	nothingSaid(ignore{name: "no receipt", send: "<message id='r' from='" + contactFull + "' type='chat'><body>asks for it</body><request xmlns='urn:xmpp:receipts'/></message>", hears: "asks for it"}),
	nothingSaid(ignore{name: "no marker", send: "<message id='r' from='" + contactFull + "' type='chat'><body>asks for it</body><markable xmlns='urn:xmpp:chat-markers:0'/></message>", hears: "asks for it"}),
	nothingSaid(ignore{name: "no room is joined", send: "<message from='room@chat.example'><x xmlns='http://jabber.org/protocol/muc#user'><invite from='" + contact + "'/></x></message>", hearsAny: `message normal from room@chat.example to : "" ""`}),
	nothingSaid(ignore{name: "no room is joined directly", send: "<message from='" + contactFull + "'><x xmlns='jabber:x:conference' jid='room@chat.example'/></message>", hearsAny: "message normal from " + contactFull + ` to : "" ""`}),
	unavailable("jabber:iq:version"), unavailable("urn:xmpp:time"), unavailable("jabber:iq:last"), unavailable("http://jabber.org/protocol/disco#info"),
	unavailable("http://jabber.org/protocol/commands"), unavailable("jabber:iq:roster"), unavailable("vcard-temp"),
)})

// S240: the fault of a dependency of which the database names another first good version. scripts/check-vulnerabilities asks where there is a database,
// and a test of go.mod holds the versions against what is known where there is none.
var _ = add(row{id: "S240", title: "Vulnerable dependencies", oracle: rejectRow, also: "internal/house.TestDependenciesAreSound", scenes: []scene{
	{name: "CVE-2026-39821: punycode that decodes to ASCII", real: true, play: func(*testing.T) error {
		for _, bad := range []string{"user@xn--example-.org", "user@xn--a-.example", "a..b"} {
			if j, err := jid.Parse(bad); err == nil {
				return fmt.Errorf("%q is %v", bad, j)
			}
		}
		return second(jid.Parse("user@xn--fa-hia.de"))
	}},
}})

func verifies(t *testing.T) error {
	for _, kind := range []xmpptest.CertificateKind{xmpptest.CertificateSelfSigned, xmpptest.CertificateExpired, xmpptest.CertificateOtherName} {
		err := serve(t, &xmpptest.Options{Certificate: kind}, func(srv *xmpptest.Server) error {
			c, err := library(configuration(srv))
			if err != nil {
				return err
			}
			defer c.Close()
			if err := c.Login(t.Context(), "", ""); !errors.As(err, new(*tls.CertificateVerificationError)) {
				return fmt.Errorf("%v: %v", kind, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// neverCompresses offers XEP-0138 wherever features can stand.
func neverCompresses(t *testing.T) error {
	const offered = "<compression xmlns='http://jabber.org/features/compress'><method>zlib</method><method>lzw</method></compression>"
	return serve(t, nil, func(srv *xmpptest.Server) error {
		log := ""
		script := srv.Script(func(s *xmpptest.ScriptConn) error {
			err := errors.Join(second(s.Header()), s.Send(header+strings.Replace(offerTLS, "</stream:features>", offered+"</stream:features>", 1)), second(s.Expect("starttls")), s.Send(proceed), s.Handshake())
			s.Restart()
			err = errors.Join(err, second(s.Header()), s.Send(header+offerAnd(offered, "PLAIN")), second(s.Expect("auth")), s.Send("<success xmlns='"+nsSASL+"'/>"))
			s.Restart()
			err = errors.Join(err, second(s.Header()), s.Send(header+"<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"+offered+"</stream:features>"))
			bind, bad := s.Expect("bind")
			err = errors.Join(err, bad, s.Send("<iq type='result' id='"+bind.Attr("id")+"'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>"+ownFull+"</jid></bind></iq><stream:features>"+offered+"</stream:features>"))
			s.SetPatience(time.Minute)
			_, _ = s.Await("urn:example:marker")
			log = s.Log()
			return err
		})
		c, err := xmpp.NewConnection(configuration(srv, func(cfg *xmpp.ConnectionConfiguration) {
			cfg.Mechanisms, cfg.DisableReconnection, cfg.DisableRoster = []string{"PLAIN"}, true, true
		}))
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.Login(t.Context(), "", ""); err != nil {
			return err
		}
		m := &stanza.Message{Body: "urn:example:marker"}
		if err := errors.Join(c.Send(t.Context(), m), script.Wait(t.Context())); err != nil {
			return err
		}
		if !strings.Contains(log, "urn:example:marker") || strings.Contains(log, "compress") {
			return fmt.Errorf("it wrote %q", log)
		}
		return nil
	})
}

// nothingSaid sends what others' clients answer by themselves, some of them a while later. Its twin is a request that ours does answer.
func nothingSaid(i ignore) scene {
	i.twin, i.shows = pingOfContact, "result"
	i.after = func(s *session) error {
		before := s.mark()
		pass(10 * time.Second) // sooner than what waits gives up
		if got, err := s.since(before); err != nil || !got.nothing() {
			return fmt.Errorf("later it made %v: %w", got, err)
		}
		return nil
	}
	return i.scene()
}

// pingOfContact is what a contact is answered.
const pingOfContact = "<iq type='get' id='%d' from='" + contactFull + "'><ping xmlns='urn:xmpp:ping'/></iq>"

// unavailable asks, as a contact and as a stranger, for what some clients tell: the answer is that for what nobody knows, and nothing else comes of it.
// The twin is what is answered.
func unavailable(ns string) scene {
	return scene{name: ns, play: func(t *testing.T) error {
		return meet(t, nil, nil, nil, func(s *session) error {
			for _, from := range []string{contactFull, stranger} {
				for _, kind := range []string{"get", "set"} {
					before := s.mark()
					s.say("<iq type='" + kind + "' id='1' from='" + from + "'><query xmlns='" + ns + "'/></iq><iq type='" + kind + "' id='1' from='" + from + "'><query xmlns='urn:example:unknown'/></iq>")
					got, err := s.since(before)
					if err != nil {
						return err
					}
					if len(got.heard) > 0 || got.state != "" {
						return fmt.Errorf("it made %v", got)
					}
					both := ignore{answers: []stanza.Condition{stanza.ServiceUnavailable, stanza.ServiceUnavailable}}
					if err := both.replies(got.wrote); err != nil {
						return err
					}
					known, unknown := got.wrote[0].String(), got.wrote[1].String()
					if known != unknown {
						return fmt.Errorf("it answers %s, and what it doesn't know %s", known, unknown)
					}
				}
			}
			return ignore{twin: pingOfContact, shows: "result"}.accepts(s, cut{}, 1)
		})
	}}
}
