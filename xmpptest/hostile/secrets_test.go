package hostile_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// What the server and the store of a leak hold, and nobody may see.
const (
	secretID     = "c4n4ry-of-the-session"
	secretToken  = "c4n4ry-of-the-token"
	secretDevice = "c4a4a247-1234-4abc-9def-c4a4a2470001"
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

// A sink collects all that is printed.
type sink struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (s *sink) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.Write(b)
}

func (s *sink) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.String()
}

func (l leak) play(t *testing.T) error {
	return serve(t, nil, func(srv *xmpptest.Server) error {
		out := new(sink)
		cfg := configuration(srv, func(cfg *xmpp.ConnectionConfiguration) {
			cfg.Password, cfg.Store, cfg.Mechanisms = canary, xmpp.NewMemoryStore(), []string{"SCRAM-SHA-1"}
			cfg.Logger = slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}))
			cfg.Trace = func(e xmpp.TraceEvent) { fmt.Fprintf(out, "%t %s\n", e.Out, e.Data) }
			cfg.OnError = func(err error) { fmt.Fprintf(out, "%v %+v %#v\n", err, err, err) }
		}, l.with)
		wrote := new(sink)
		if l.session != "" {
			_ = srv.AddAccount("romeo", canary)
			srv.Script(func(s *xmpptest.ScriptConn) error { return l.begin(s) })
			srv.Script(func(s *xmpptest.ScriptConn) error { return l.resume(s, wrote) })
		} else {
			srv.Script(func(s *xmpptest.ScriptConn) error { return l.login(s, wrote) })
		}
		c, err := xmpp.NewConnection(cfg)
		if err != nil {
			return l.judge(printed(out, err, cfg), "")
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
		return l.judge(text+out.text(), wrote.text())
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

// printed shows values in every way there is.
func printed(out *sink, values ...any) string {
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
			fmt.Fprintf(out, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(out, nil)).Info("value", "v", v)
		slog.New(slog.NewJSONHandler(out, nil)).Info("value", "v", v)
		text, _ := json.Marshal(v)
		_, _ = out.Write(text)
		text, _ = xml.Marshal(v)
		_, _ = out.Write(text)
		if err, ok := v.(error); ok {
			fmt.Fprint(out, err.Error(), errors.Unwrap(err))
			if failed, ok := errors.AsType[*xmpp.ConnectError](err); ok {
				fmt.Fprintf(out, "%+v %#v", *failed, failed.Attempts)
			}
			if refused, ok := errors.AsType[*sasl.Failure](err); ok {
				fmt.Fprintf(out, "%+v %#v", *refused, refused)
			}
			if ended, ok := errors.AsType[*stanza.StreamError](err); ok {
				fmt.Fprintf(out, "%+v %#v", *ended, ended)
			}
		}
	}
	return out.text()
}

var saslText = regexp.MustCompile(`<(?:auth|response|initial-response)[^>]*>([A-Za-z0-9+/=]+)<`)

// judge searches what was shown for the secrets, and for what was made of them and written.
func (l leak) judge(shown, wrote string) error {
	if len(shown) < 1000 {
		return fmt.Errorf("too little was shown to say anything: %q", shown)
	}
	secrets := map[string]string{"the password": canary, "a token": secretToken, "the session's id": secretID, "the device": secretDevice}
	salted, err := pbkdf2.Key(sha1.New, canary, []byte("salt"), 4096, sha1.Size)
	if err != nil {
		return err
	}
	secrets["the salted password"] = string(salted)
	for _, name := range []string{"Client Key", "Server Key"} {
		h := hmac.New(sha1.New, salted)
		h.Write([]byte(name))
		key := h.Sum(nil)
		sum := sha1.Sum(key)
		secrets["the "+name], secrets["what is stored of the "+name] = string(key), string(sum[:])
	}
	for n, m := range saslText.FindAllStringSubmatch(wrote, -1) {
		data, _ := base64.StdEncoding.DecodeString(m[1])
		if len(data) < 4 {
			continue
		}
		secrets[fmt.Sprint("message ", n)] = string(data)
		if _, proof, ok := strings.Cut(string(data), ",p="); ok {
			raw, _ := base64.StdEncoding.DecodeString(proof)
			secrets["the proof, in base64"], secrets["the proof"] = proof, string(raw)
		}
	}
	var f faults
	for name, secret := range secrets {
		for form, text := range shapes(secret) {
			if at := strings.Index(shown, text); at >= 0 {
				f.addf("%s is shown, %s: %s", name, form, shown[max(0, at-100):min(len(shown), at+len(text)+20)])
			}
		}
	}
	return f.err()
}

// shapes are the ways in which a secret can be shown. In base64 it looks in three ways, by where it begins.
func shapes(secret string) map[string]string {
	all := map[string]string{
		"as it is": secret, "in hex": hex.EncodeToString([]byte(secret)), "in capital hex": strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"in numbers": strings.Trim(fmt.Sprint([]byte(secret)), "[]"), "quoted": strings.Trim(fmt.Sprintf("%q", secret), `"`),
	}
	for skip := range 3 {
		text := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", skip) + secret))
		begin, end := (skip*8+5)/6, (skip+len(secret))*8/6
		all[fmt.Sprint("in base64 from ", skip)] = text[begin:end]
		all[fmt.Sprint("in base64 for URLs from ", skip)] = strings.NewReplacer("+", "-", "/", "_").Replace(text[begin:end])
	}
	return all
}

// The search finds what is shown.
func TestLeaksAreSeen(t *testing.T) {
	for _, shown := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", "\x00"+canary), fmt.Sprint([]byte(canary)), base64.StdEncoding.EncodeToString([]byte("\x00romeo\x00" + canary)),
		base64.URLEncoding.EncodeToString([]byte("a" + canary)), secretID, secretToken, secretDevice} {
		err := leak{}.judge(strings.Repeat("x", 1000)+shown+"y", "")
		if err == nil {
			t.Errorf("%q is not seen", shown)
		}
	}
	if err := (leak{}).judge(strings.Repeat("x", 1000), ""); err != nil {
		t.Error(err)
	}
	wrote := "<response xmlns='x'>" + base64.StdEncoding.EncodeToString([]byte("c=biws,r=x,p=AAECAwQFBgcICQoLDA0ODxAREhM=")) + "</response>"
	if err := (leak{}).judge(strings.Repeat("x", 1000)+"000102030405060708090a0b0c0d0e0f10111213", wrote); err == nil {
		t.Error("a proof is not seen")
	}
}
