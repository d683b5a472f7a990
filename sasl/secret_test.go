package sasl_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/sasl"
)

const canary = "c4n4ry-s3cret"

// shows prints values in every way that may reach a log.
func shows(values ...any) string {
	var b bytes.Buffer
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&b, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
	}
	return b.String()
}

// requireHidden fails if a value shows in the output, plainly or encoded.
func requireHidden(t *testing.T, out string, secrets ...string) {
	t.Helper()
	for _, s := range secrets {
		numbers := strings.Trim(fmt.Sprint([]byte(s)), "[]")
		for _, form := range []string{s, hex.EncodeToString([]byte(s)), base64.StdEncoding.EncodeToString([]byte(s)), numbers} {
			require.NotContains(t, strings.ToLower(out), strings.ToLower(form))
		}
	}
}

func TestSecret(t *testing.T) {
	s := sasl.Secret(canary)
	require.Equal(t, canary, s.Reveal())
	type config struct {
		Password sasl.Secret
		Nested   map[string]struct{ P sasl.Secret }
		Params   *sasl.Params // with %s, fmt would walk into it past Secret's methods
	}
	c := config{
		Password: s, Nested: map[string]struct{ P sasl.Secret }{"x": {s}},
		Params: &sasl.Params{Password: s, Token: s},
	}
	requireHidden(t, shows(s, &s, c, &c, []sasl.Secret{s}), canary)
	require.Equal(t, "[secret] [secret]", s.String()+" "+s.GoString())

	c.Params = nil // it has a function, which JSON refuses
	raw, err := json.Marshal(c)
	require.NoError(t, err)
	require.Contains(t, string(raw), "[secret]")
	requireHidden(t, string(raw), canary)
	raw, err = xml.Marshal(s)
	require.NoError(t, err)
	requireHidden(t, string(raw), canary)

	var read config
	require.NoError(t, json.Unmarshal([]byte(`{"Password":"`+canary+`"}`), &read))
	require.Equal(t, s, read.Password)
}

// TestLeaks is S060: exchanges that end in every way, and everything printed.
func TestLeaks(t *testing.T) {
	for _, name := range []string{"SCRAM-SHA-1", "SCRAM-SHA-512", "PLAIN", "OAUTHBEARER"} {
		t.Run("S060 "+name, func(t *testing.T) {
			p := params(name)
			cache := sasl.NewKeyCache()
			p.Password, p.Token, p.Keys = canary, canary, cache
			x, message := begin(t, p, name)
			out := shows(p, *p, x, cache)
			secrets := []string{canary}
			if _, scram := hashes[name]; scram {
				s := newServer(name, canary)
				final, err := x.Next(s.challenge(message, ""))
				require.NoError(t, err)
				_, proof, _ := strings.Cut(string(final), ",p=")
				secrets = append(secrets, proof)
				out += shows(x, p)
				require.NoError(t, x.Finish(s.verify(t, final)))
				out += shows(x, p, cache)
			}
			for _, challenge := range []string{"", "e=" + canary, "r=" + canary, canary, "v=" + canary, `{"status":"` + canary + `"}`} {
				x, _ := begin(t, p, name)
				_, err := x.Next([]byte(challenge))
				out += shows(x, err, x.Finish([]byte(challenge)))
			}
			requireHidden(t, out, secrets...)
		})
	}
	t.Run("S060 bad input", func(t *testing.T) {
		for _, name := range []string{"SCRAM-SHA-1", "PLAIN", "OAUTHBEARER"} {
			for _, bad := range []string{canary + "\x00", canary + "\n", canary + "\xff", canary + "\u0085"} {
				for field, p := range map[string]*sasl.Params{
					"user name": {Username: bad, Password: canary, Token: "t", Offered: []string{name}, AllowPlain: true},
					"password":  {Username: "user", Password: sasl.Secret(bad), Token: sasl.Secret(bad), Offered: []string{name}, AllowPlain: true},
				} {
					if name == "OAUTHBEARER" {
						if field == "user name" {
							continue // it has none
						}
						field = "token"
					}
					m, err := sasl.Select(p, []string{name})
					require.NoError(t, err)
					x, err := m.New(p)
					require.Nil(t, x)
					var input *sasl.InputError
					require.ErrorAs(t, err, &input, "%s %q", name, bad)
					require.Equal(t, field, input.Field)
					requireHidden(t, shows(err), canary)
				}
			}
		}
	})
}

func TestFailure(t *testing.T) {
	var err error = fmt.Errorf("log in: %w", &sasl.Failure{Condition: sasl.NotAuthorized, Text: "go\naway"})
	require.ErrorIs(t, err, sasl.NotAuthorized)
	require.NotErrorIs(t, err, sasl.Aborted)
	require.EqualError(t, err, `log in: sasl: not-authorized: "go\naway"`)
	failure, ok := errors.AsType[*sasl.Failure](err)
	require.True(t, ok)
	require.Equal(t, "go\naway", failure.Text)
	require.EqualError(t, &sasl.Failure{Condition: "x-own"}, "sasl: x-own")
	long := &sasl.Failure{Condition: sasl.Aborted, Text: "x" + strings.Repeat("é", 5000)}
	require.Less(t, len(long.Error()), 300)
	require.NotContains(t, long.Error(), `\x`, "cut inside a character")
}
