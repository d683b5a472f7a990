package sasl_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gosmack/xmpp/sasl"
)

// FuzzServerFirst: whatever the server sends first, nothing panics, and a proof
// goes out only behind a message that holds what must be in it.
func FuzzServerFirst(f *testing.F) {
	for _, seed := range []string{
		"r=Nx,s=QSXCR+Q6sek8bf92,i=4096", "r=Nx,s=QSXC,i=4097,h=x", "m=x,r=Nx,s=QSXC,i=4096",
		"e=unknown-user", "r=Nx,s=QSXC,i=4096,t=0304,z=,", "", ",", "r=", "r=N\x00", "v=QSXC",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, challenge []byte) {
		p := params("SCRAM-SHA-1")
		p.Nonce, p.MaxIterations = fixed("N"), 4200
		x, _ := begin(t, p)
		response, err := x.Next(challenge)
		if err != nil {
			if response != nil || x.Finish(nil) == nil {
				t.Fatal("went on after an error")
			}
			return
		}
		message := string(challenge)
		if !strings.HasPrefix(message, "r=N") || !strings.Contains(message, ",i=4") || !utf8.Valid(challenge) {
			t.Fatalf("proof sent after %q", message)
		}
		nonce := message[2:strings.IndexByte(message, ',')]
		if len(nonce) < 2 || !strings.HasPrefix(string(response), "c=biws,r="+nonce+",p=") {
			t.Fatalf("%q answered with %q", message, response)
		}
		if x.Finish(nil) == nil {
			t.Fatal("success without a signature")
		}
	})
}

// FuzzServerFinal: only the one right signature ends well.
func FuzzServerFinal(f *testing.F) {
	for _, seed := range []string{"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=,x=y", "v=", "e=invalid-proof", "v=rmF9pqV8S7suAoZWja4dJRkFsKR="} {
		f.Add([]byte(seed))
	}
	cache := sasl.NewKeyCache()
	steps := embedded[0].Steps
	f.Fuzz(func(t *testing.T, final []byte) {
		p := params("SCRAM-SHA-1")
		p.Nonce, p.Keys = fixed(embedded[0].ClientNonce), cache
		x, _ := begin(t, p)
		if _, err := x.Next([]byte(steps[1])); err != nil {
			t.Fatal(err)
		}
		right := string(final) == steps[3] || strings.HasPrefix(string(final), steps[3]+",")
		if err := x.Finish(final); err == nil && !right {
			t.Fatalf("%q was accepted", final)
		}
	})
}

// FuzzPrepare: what is accepted is text without controls, and stays as it is.
func FuzzPrepare(f *testing.F) {
	for _, seed := range []string{"user", "I\u00adX", "\u2168", "\u0627\u0031", "a\x00", "\xff", "\u200b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := sasl.Prepare("user name", s)
		if err != nil {
			return
		}
		if got == "" || !utf8.ValidString(got) || strings.ContainsAny(got, "\x00\n\x7f\u00a0\u00ad\ufeff") {
			t.Fatalf("%q became %q", s, got)
		}
	})
}

// FuzzOAuthError: an error challenge never ends in success, whatever is in it.
func FuzzOAuthError(f *testing.F) {
	f.Add([]byte(`{"status":"invalid_token"}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, challenge []byte) {
		p := params("OAUTHBEARER")
		p.Token = "token"
		x, _ := begin(t, p)
		response, err := x.Next(challenge)
		if (err == nil) != (len(challenge) > 0) || err == nil && string(response) != "\x01" {
			t.Fatalf("%q, %v", response, err)
		}
		if x.Finish(nil) == nil {
			t.Fatal("success after an error")
		}
	})
}

// FuzzExchange: each mechanism against a server that says anything, in any order, and that offers something else in the middle of it. An exchange
// that proves the server ends well only with the proof; one that has failed stays so; and no message of a mechanism that doesn't reveal the
// secret holds it.
func FuzzExchange(f *testing.F) {
	family := append(sasl.Names(), "HT-SHA-256-EXPR", "HT-SHA-256-NONE")
	for i := range family {
		f.Add(byte(i), []byte("r=NxS,s=QSXC,i=4096"), []byte("v=QSXC"), []byte(nil), "")
		f.Add(byte(i), []byte("r=NxS,s=QSXC,i=4096"), []byte("e=invalid-proof"), []byte("v=QSXC"), "SCRAM-SHA-1 PLAIN")
		f.Add(byte(i), []byte(nil), []byte(nil), []byte(hmac256("secret4711", "Responder")), family[i])
		f.Add(byte(i), []byte(nil), []byte(nil), []byte(hmac256("secret4711", "Responder"+string(exporter.Data))), family[i])
	}
	cache := sasl.NewKeyCache()
	f.Fuzz(func(t *testing.T, which byte, one, two, final []byte, now string) {
		name := family[int(which)%len(family)]
		p := params(family...)
		p.Password, p.Token, p.Nonce, p.MaxIterations, p.Keys = "secret4711", "secret4711", fixed("Nx"), 5000, cache
		p.Bindings, p.OfferedBindings = []sasl.ChannelBinding{exporter}, []string{"tls-exporter"}
		m, err := selected(p, name)
		if err != nil {
			t.Fatal(err)
		}
		x, err := m.New(p)
		if err != nil {
			t.Fatal(err)
		}
		said, err := x.Next(nil)
		if err != nil {
			t.Fatal(err)
		}
		if g, ok := x.(sasl.Guess); ok && now != "" {
			p.Offered = strings.Fields(now)
			err = g.Confirm(p)
		}
		for _, challenge := range [][]byte{one, two} {
			if err != nil || len(challenge) == 0 {
				break
			}
			var response []byte
			response, err = x.Next(challenge)
			said = append(said, response...)
		}
		if proves := strings.Contains(name, "SCRAM") || strings.Contains(name, "HT-"); proves && strings.Contains(string(said), "secret4711") {
			t.Fatalf("%s says %q", name, said)
		}
		good := x.Finish(final) == nil
		if good && (err != nil || !mayEnd(name, one, final)) {
			t.Fatalf("%s ends well after %q, %q, %q (%v)", name, one, two, final, err)
		}
		if x.Finish(final) == nil {
			t.Fatal("it ends twice")
		}
		if _, err := x.Next(one); err == nil {
			t.Fatal("it goes on behind its end")
		}
	})
}

// selected is the mechanism of that name.
func selected(p *sasl.Params, name string) (sasl.Mechanism, error) {
	if !strings.HasPrefix(name, "HT-") {
		return sasl.Select(p, []string{name})
	}
	only := *p
	only.Offered = []string{name}
	m, ok := sasl.SelectToken(&only)
	if !ok {
		return m, sasl.ErrNoMechanism
	}
	return m, nil
}

// mayEnd tells whether an exchange in which the server said that may end well. To have SCRAM end well takes more luck than there is.
func mayEnd(name string, one, final []byte) bool {
	silent := len(one) == 0 // two is not said then
	switch name {
	case "HT-SHA-256-EXPR":
		return silent && string(final) == hmac256("secret4711", "Responder"+string(exporter.Data))
	case "HT-SHA-256-NONE":
		return silent && string(final) == hmac256("secret4711", "Responder")
	case "PLAIN", "EXTERNAL", "ANONYMOUS", "OAUTHBEARER":
		return silent
	}
	return false
}
