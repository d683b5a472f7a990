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
	"maps"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/stanza"
)

// What nobody may see: romeo's password, and what scripts and stores give him.
const (
	canary       = "c4n4ry-of-the-password"
	secretID     = "c4n4ry-of-the-session"
	secretToken  = "c4n4ry-of-the-token"
	secretDevice = "c4a4a247-1234-4abc-9def-c4a4a2470001"
)

var canaries = map[string]string{"the password": canary, "a token": secretToken, "the session's id": secretID, "the device": secretDevice}

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

// A watch looks at all that the clients of one server show, in every scene, while it is shown: traces, logs and reported errors.
type watch struct{ found record[string] }

// watches are those of the servers that run.
var watches sync.Map // *xmpptest.Server to *watch

// keys are the canaries in every shape.
var keys = sync.OnceValue(func() (all []string) {
	for _, secret := range canaries {
		for _, text := range shapes(secret) {
			all = append(all, text)
		}
	}
	return all
})

// Write takes a line of a log.
func (w *watch) Write(b []byte) (int, error) {
	w.see(string(b))
	return len(b), nil
}

func (w *watch) see(shown string) {
	if key := containsAny(shown, keys()...); key != "" {
		at := strings.Index(shown, key)
		w.found.add(shown[max(0, at-100):min(len(shown), at+len(key)+20)])
	}
}

// over is the watch's error.
func (w *watch) over() error {
	if all := w.found.list(); len(all) > 0 {
		return fmt.Errorf("a secret is shown: %q", all[:min(len(all), 3)])
	}
	return nil
}

// on looks at a configuration's hooks, which stay what they are.
func (w *watch) on(cfg *xmpp.ConnectionConfiguration) {
	trace, report := cfg.Trace, cfg.OnError
	cfg.Trace = func(e xmpp.TraceEvent) {
		w.see(string(e.Data))
		if trace != nil {
			trace(e)
		}
	}
	cfg.OnError = func(err error) {
		w.see(fmt.Sprintf("%v %+v %#v", err, err, err))
		if report != nil {
			report(err)
		}
	}
	w.logs(cfg)
}

// logs looks at a configuration's log, if it has none.
func (w *watch) logs(cfg *xmpp.ConnectionConfiguration) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
}

// kept is what a store has under a key.
func kept(store xmpp.Store, key string) string {
	value, _ := store.Get(context.Background(), key)
	return string(value)
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

// derived are what can be made of the password where the salt is "salt", as scripts have it.
var derived = sync.OnceValue(func() map[string]string {
	salted, err := pbkdf2.Key(sha1.New, canary, []byte("salt"), 4096, sha1.Size)
	if err != nil {
		panic(err)
	}
	all := map[string]string{"the salted password": string(salted)}
	for _, name := range []string{"Client Key", "Server Key"} {
		h := hmac.New(sha1.New, salted)
		h.Write([]byte(name))
		key := h.Sum(nil)
		sum := sha1.Sum(key)
		all["the "+name], all["what is stored of the "+name] = string(key), string(sum[:])
	}
	return all
})

// exposed searches what was shown for the secrets, for what was made of them and written, and for more of them.
func exposed(shown, wrote string, more ...string) error {
	secrets := maps.Clone(derived())
	maps.Copy(secrets, canaries)
	for n, secret := range more {
		if secret != "" {
			secrets[fmt.Sprint("secret ", n)] = secret
		}
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
		err := exposed("x"+shown+"y", "")
		if err == nil {
			t.Errorf("%q is not seen", shown)
		}
	}
	if err := exposed("x", ""); err != nil {
		t.Error(err)
	}
	wrote := "<response xmlns='x'>" + base64.StdEncoding.EncodeToString([]byte("c=biws,r=x,p=AAECAwQFBgcICQoLDA0ODxAREhM=")) + "</response>"
	if err := exposed("x000102030405060708090a0b0c0d0e0f10111213", wrote); err == nil {
		t.Error("a proof is not seen")
	}
}
