package hostile_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/xmpptest"
)

// S060: whatever goes wrong in a login, no secret is in errors, logs, traces or anything that prints itself.
var _ = add(row{id: "S060", title: "Secrets in errors, logs and traces", oracle: rejectRow, also: "TestSecrets TestHostileSecretsAreKept sasl.TestSecret", scenes: leaks(
	leak{name: "S030 PLAIN is refused", trap: secured(offer("PLAIN")), with: mechanisms("PLAIN"), sent: "<auth", after: saslFailure("not-authorized")},
	leak{name: "S030 PLAIN, not asked for", trap: secured(offer("PLAIN"))},
	leak{name: "S031 PLAIN behind SCRAM", trap: secured(offer("PLAIN")), with: pinned},
	leak{name: "S033 the lists are tampered with", trap: challenge("r=%sSERVER,s=c2FsdA==,i=4096,h=AAAA")},
	leak{name: "S039 another nonce", trap: challenge("r=other%.0s,s=c2FsdA==,i=4096")},
	leak{name: "S041 few iterations", trap: challenge("r=%sSERVER,s=c2FsdA==,i=1")},
	leak{name: "S042 many iterations", trap: challenge("r=%sSERVER,s=c2FsdA==,i=2147483647")},
	leak{name: "S043 success at once", trap: challenged(func(string) string { return "<success xmlns='" + nsSASL + "'/>" })},
	leak{name: "S043 without a signature", trap: proven("<success xmlns='" + nsSASL + "'/>")},
	leak{name: "S043 the wrong signature", trap: proven(saslElement("success", "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="))},
	leak{name: "S043 an error", trap: proven(saslElement("challenge", "e=invalid-proof"))},
	leak{name: "S043 by SASL2", trap: proven2(success2(own, additional("v=x")))},
	leak{name: "S044 an extension", trap: challenge("m=x,r=%sSERVER,s=c2FsdA==,i=4096")},
	leak{name: "S048 somebody else", trap: secured(offer2("", "", "PLAIN")), with: mechanisms("PLAIN"), sent: "<authenticate", after: success2("mallory@localhost", "<token xmlns='urn:xmpp:fast:0' token='"+secretToken+"'/>")},
	leak{name: "S050 a message", trap: proven2("<message/>")},
	leak{name: "S050 no base64", trap: always2("<challenge xmlns='" + nsSASL2 + "'>%</challenge>")},
	leak{name: "S053 the token's responder", trap: secured(offerToken), with: tokened, sent: "<authenticate", after: success2(own, additional("x"))},
	leak{name: "S054 the token is refused", trap: secured(offerToken), with: tokened, sent: "<authenticate", after: sasl2Failure("credentials-expired")},
	leak{name: "S057 a second factor", trap: proven2("<continue xmlns='" + nsSASL2 + "'><tasks><task>TOTP</task></tasks></continue>")},
	leak{name: "S059 refused", trap: proven(saslFailure("not-authorized"))},
	leak{name: "OAUTHBEARER is refused", trap: secured(offer("OAUTHBEARER")), with: mechanisms("OAUTHBEARER"), sent: "<auth", after: saslElement("challenge", `{"status":"invalid_token `+canary+`"}`) + saslFailure("not-authorized")},
	leak{name: "OAUTHBEARER with a token of its own", trap: secured(offer("OAUTHBEARER", "SCRAM-SHA-1")), with: both(mechanisms("OAUTHBEARER"), func(cfg *xmpp.ConnectionConfiguration) { cfg.Token = secretToken }), sent: "<auth", after: saslFailure("invalid-authzid")},
	leak{name: "a password that can't be sent", with: func(cfg *xmpp.ConnectionConfiguration) { cfg.Password = canary + "\x00" }, trap: clear("")},
	leak{name: "the session is resumed", session: "<resumed xmlns='urn:xmpp:sm:3' h='0' previd='" + secretID + "'/>"},
	leak{name: "another session is resumed", session: "<resumed xmlns='urn:xmpp:sm:3' h='0' previd='other'/>"},
	leak{name: "the session is gone", session: "<failed xmlns='urn:xmpp:sm:3' h='1'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"},
	leak{name: "the answer makes no sense", session: "<enabled xmlns='urn:xmpp:sm:3' id='" + secretID + "' resume='true'/>"},
)})

const offerToken = "<stream:features><authentication xmlns='urn:xmpp:sasl:2'><mechanism>SCRAM-SHA-1</mechanism><inline><fast xmlns='urn:xmpp:fast:0'><mechanism>HT-SHA-256-EXPR</mechanism></fast></inline></authentication></stream:features>"

func saslFailure(condition string) string {
	return "<failure xmlns='" + nsSASL + "'><" + condition + "/></failure>"
}

func sasl2Failure(condition string) string {
	return "<failure xmlns='" + nsSASL2 + "'><" + condition + " xmlns='" + nsSASL + "'/></failure>"
}

// pinned has logged in by SCRAM before.
func pinned(cfg *xmpp.ConnectionConfiguration) {
	_ = cfg.Store.Put(context.Background(), own+"/pin", []byte(sasl.PinStrong))
	cfg.Mechanisms = []string{"PLAIN", "SCRAM-SHA-1"}
}

// tokened has a token.
func tokened(cfg *xmpp.ConnectionConfiguration) {
	_ = cfg.Store.Put(context.Background(), own+"/device", []byte(secretDevice))
	_ = cfg.Store.Put(context.Background(), own+"/fast", []byte(`[{"domain":"localhost","device":"`+secretDevice+`","mechanism":"HT-SHA-256-EXPR","expiry":"2099-01-01T00:00:00Z","secret":"`+secretToken+`"}]`))
	cfg.Mechanisms = nil
}

// A leak is a scene in which secrets are at hand and something goes wrong.
type leak struct {
	name        string
	trap        trap
	sent, after string // when the client has sent the one the server sends the other, behind the trap's trigger
	session     string // the answer to a <resume/>, in place of all that
	with        with
}

func leaks(list ...leak) []scene {
	var all []scene
	for _, l := range list {
		all = append(all, scene{name: l.name, play: l.play})
	}
	return all
}

func (l leak) play(t *testing.T) error {
	return serve(t, nil, func(srv *xmpptest.Server) error {
		out := new(sink)
		cfg := configuration(srv, func(cfg *xmpp.ConnectionConfiguration) {
			cfg.Store, cfg.Mechanisms = xmpp.NewMemoryStore(), []string{"SCRAM-SHA-1"}
			cfg.Logger = slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}))
			cfg.Trace = func(e xmpp.TraceEvent) { fmt.Fprintf(out, "%t %s\n", e.Out, e.Data) }
			cfg.OnError = func(err error) { fmt.Fprintf(out, "%v %+v %#v\n", err, err, err) }
		}, l.with)
		wrote := new(sink)
		if l.session != "" {
			srv.Script(func(s *xmpptest.ScriptConn) error { return l.begin(s) })
			srv.Script(func(s *xmpptest.ScriptConn) error { return l.resume(s, wrote) })
		} else {
			srv.Script(func(s *xmpptest.ScriptConn) error { return l.login(s, wrote) })
		}
		c, err := xmpp.NewConnection(cfg)
		if err != nil {
			return exposed(printed(out, err, cfg), "")
		}
		var sessions record[*xmpp.Session]
		c.Use(xmpp.Extension{Name: "listener", Start: func(_ context.Context, s *xmpp.Session) error { sessions.add(s); return nil }})
		err = c.Login(t.Context(), "", "")
		pass(time.Minute)
		synctest.Wait() // package fmt reads what it is given without a lock
		if l.session == "" && err == nil {
			return errors.New("the login went well")
		}
		text := printed(out, err, c.Err(), c, cfg, *cfg, cfg.Store, c.Store(), cfg.Password, sessions.list(), c.Roster(), c.ChatManager(), c.PresenceManager(), c.Stats(), []any{*cfg, c}, map[string]any{"cfg": cfg},
			struct{ C xmpp.ConnectionConfiguration }{*cfg}, struct {
				c *xmpp.Connection
				s *xmpp.MemoryStore
			}{c, cfg.Store.(*xmpp.MemoryStore)}, xmpp.CredentialsRequest{Address: c.User()})
		_ = c.Close()
		text += out.text()
		if len(text) < 1000 {
			return fmt.Errorf("too little was shown to say anything: %q", text)
		}
		return exposed(text, wrote.text())
	})
}

// login plays the trap, and what follows.
func (l leak) login(s *xmpptest.ScriptConn, wrote *sink) error {
	trigger, err := l.trap(s)
	if err == nil {
		err = s.Send(trigger)
	}
	if l.sent != "" && err == nil {
		_, err = s.Expect(strings.TrimPrefix(l.sent, "<"))
		if err == nil {
			err = s.Send(l.after)
		}
	}
	s.SetPatience(5 * time.Second)
	_ = drain(s)
	fmt.Fprint(wrote, s.Log())
	return err
}

// begin gives the client a session that can be resumed, and breaks off.
func (l leak) begin(s *xmpptest.ScriptConn) error {
	_, err := s.Login("romeo")
	roster, bad := s.Await("jabber:iq:roster")
	err = errors.Join(err, bad, s.Send("<enabled xmlns='urn:xmpp:sm:3' id='"+secretID+"' resume='true' location='other.example:5222'/><iq type='result' id='"+roster.Attr("id")+"'/>"), second(s.Await("presence")))
	time.Sleep(time.Second) // virtual
	s.Cut()
	return err
}

// resume answers when the client wants it back.
func (l leak) resume(s *xmpptest.ScriptConn, wrote *sink) error {
	err := errors.Join(s.Greet(), s.Authenticate("romeo"), s.Send("<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/></stream:features>"),
		second(s.Expect("resume")), s.Send(l.session))
	s.SetPatience(5 * time.Second)
	_ = drain(s)
	fmt.Fprint(wrote, s.Log())
	return err
}
