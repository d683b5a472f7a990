package xmpp_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/xmpptest"
)

func TestConfigurationNamesTheField(t *testing.T) {
	romeo := jid.MustParse("romeo@montague.example")
	tests := map[string]struct {
		field string
		cfg   *xmpp.ConnectionConfiguration
	}{
		"nil":                 {"configuration", nil},
		"empty":               {"Address", &xmpp.ConnectionConfiguration{}},
		"bad domain":          {"Domain", &xmpp.ConnectionConfiguration{Domain: "a..b"}},
		"domain with a user":  {"Domain", &xmpp.ConnectionConfiguration{Domain: "a@b"}},
		"two domains":         {"Domain", &xmpp.ConnectionConfiguration{Address: romeo, Domain: "capulet.example"}},
		"control character":   {"Resource", &xmpp.ConnectionConfiguration{Address: romeo, Resource: "a\x00"}},
		"NUL":                 {"Password", &xmpp.ConnectionConfiguration{Address: romeo, Password: "canary\x00"}},
		"not UTF-8":           {"Password", &xmpp.ConnectionConfiguration{Address: romeo, Password: "canary\xff"}},
		"port without host":   {"Port", &xmpp.ConnectionConfiguration{Address: romeo, Port: 5222}},
		"negative port":       {"Port", &xmpp.ConnectionConfiguration{Address: romeo, Host: "h", Port: -1}},
		"port too large":      {"Port", &xmpp.ConnectionConfiguration{Address: romeo, Host: "h", Port: 65536}},
		"host with a space":   {"Host", &xmpp.ConnectionConfiguration{Address: romeo, Host: "a b"}},
		"host is a URL":       {"Host", &xmpp.ConnectionConfiguration{Address: romeo, Host: "xmpp://h"}},
		"mode":                {"Security", &xmpp.ConnectionConfiguration{Address: romeo, Security: 99}},
		"direct TLS where":    {"Host", &xmpp.ConnectionConfiguration{Address: romeo, Security: xmpp.SecurityDirectTLS}},
		"the host's own name": {"TLS.ServerName", &xmpp.ConnectionConfiguration{Address: romeo, TLS: &tls.Config{ServerName: "h"}}},
		"believes everything": {"TLS.InsecureSkipVerify", &xmpp.ConnectionConfiguration{Address: romeo, TLS: &tls.Config{InsecureSkipVerify: true}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := xmpp.NewConnection(tt.cfg)
			var bad *xmpp.ConfigError
			require.ErrorAs(t, err, &bad)
			require.Equal(t, tt.field, bad.Field)
			require.NotContains(t, err.Error(), "canary")
			require.True(t, xmpp.SafeToRetry(err))
		})
	}
	for _, good := range []*xmpp.ConnectionConfiguration{
		{Address: romeo}, {Domain: "montague.example"}, {Domain: "127.0.0.1", Host: "127.0.0.1", Port: 5222},
		{Address: romeo, TLS: &tls.Config{ServerName: "Montague.example"}},
		{Address: romeo, TLS: &tls.Config{ServerName: "h"}, VerifyName: "h"},
		{Address: romeo, TLS: &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(tls.ConnectionState) error { return nil }}},
	} {
		_, err := xmpp.NewConnection(good)
		require.NoError(t, err)
	}
}

// What the caller does to its configuration afterwards changes nothing.
func TestConfigurationIsCopied(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		cfg := &xmpp.ConnectionConfiguration{Address: srv.Address("romeo"), Password: xmpp.Secret(srv.Password("romeo")), Host: "h", Dialer: srv.Dialer(),
			TLS: &tls.Config{RootCAs: srv.CA(), MinVersion: tls.VersionTLS10, NextProtos: []string{"h2"}}}
		c, err := xmpp.NewConnection(cfg)
		require.NoError(t, err)
		defer c.Close()
		own := cfg.TLS
		*cfg = xmpp.ConnectionConfiguration{}
		require.NoError(t, c.Login(t.Context(), "", ""))
		require.Empty(t, own.ServerName)
		require.Equal(t, []string{"h2"}, own.NextProtos)
		require.Nil(t, own.ClientSessionCache)
	})
}

// Nobody sees the password: not in any print of connection and configuration, not in errors, logs and traces (S060).
func TestSecrets(t *testing.T) {
	const canary = "canary-4711"
	hidden := []string{canary, fmt.Sprintf("%x", canary), base64.StdEncoding.EncodeToString([]byte("\x00romeo\x00" + canary)), base64.StdEncoding.EncodeToString([]byte(canary))}
	for _, mechanisms := range [][]string{{"PLAIN"}, {"SCRAM-SHA-256"}, {"OAUTHBEARER"}} {
		for _, good := range []bool{true, false} {
			t.Run(fmt.Sprint(mechanisms, good), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					var out bytes.Buffer
					password := canary
					if !good {
						password = "another"
					}
					srv := xmpptest.NewServer(t, &xmpptest.Options{Mechanisms: mechanisms, Accounts: map[string]string{"romeo": password}})
					var lock record[string]
					var cfg *xmpp.ConnectionConfiguration
					c := offline(t, srv, "romeo", func(c *xmpp.ConnectionConfiguration) {
						c.Password, c.Mechanisms = canary, mechanisms
						c.Trace = func(e xmpp.TraceEvent) { lock.add(string(e.Data)) }
						c.Logger = slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
						c.OnError = func(err error) { lock.add(err.Error()) }
						cfg = c
					})
					err := c.Login(t.Context(), "", "")
					require.Equal(t, good, err == nil, "%v", err)
					if good {
						require.Contains(t, strings.Join(lock.list(), ""), "<auth ")
						srv.Drop("romeo")
						pass(time.Minute)
					}
					require.NoError(t, c.Close())
					settle()
					slog.New(slog.NewTextHandler(&out, nil)).Info("all", "cfg", cfg, "value", *cfg, "conn", c, "err", err)
					for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
						fmt.Fprintf(&out, strings.Repeat(verb+"\n", 8), c, cfg, *cfg, err, c.Err(), cfg.Password, &cfg.Password, []any{*cfg})
					}
					encoded, _ := json.Marshal(map[string]any{"password": cfg.Password})
					out.Write(encoded)
					out.WriteString(strings.Join(lock.list(), "\n"))
					for _, s := range hidden {
						require.NotContains(t, out.String(), s)
					}
				})
			})
		}
	}
}

// The trace has every top-level element of both directions; its data is the hook's own.
func TestTrace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		srv := xmpptest.NewServer(t, nil)
		in, out := new(record[string]), new(record[string])
		c := online(t, srv, "romeo", func(cfg *xmpp.ConnectionConfiguration) {
			cfg.Trace = func(e xmpp.TraceEvent) {
				r := in
				if e.Out {
					r = out
				}
				r.add(string(e.Data))
				clearBytes(e.Data)
			}
		})
		raw(srv, "romeo", "<message from='juliet@localhost'><body>in</body></message>")
		require.NoError(t, c.Send(t.Context(), text("out")))
		eventually(t, time.Second, func() bool { return strings.Contains(strings.Join(in.list(), ""), "<body>in") })
		require.NoError(t, c.Shutdown(context.Background()))
		sent, received := strings.Join(out.list(), "\n"), strings.Join(in.list(), "\n")
		for _, want := range []string{"<?xml version='1.0'?><stream:stream ", "<starttls", "<auth", "<response", "<bind", "jabber:iq:roster", "<presence", "<body>out</body>", "</stream:stream>"} {
			require.Contains(t, sent, want)
		}
		for _, want := range []string{"features", "<proceed", "<challenge", "<success", "<body>in</body>"} {
			require.Contains(t, received, want)
		}
	})
}

func clearBytes(b []byte) {
	for i := range b {
		b[i] = 'x'
	}
}

func TestPlainNeedsToBeNamed(t *testing.T) {
	for name, tt := range map[string]struct {
		clear  bool
		change with
		good   bool
	}{
		"not named": {false, func(c *xmpp.ConnectionConfiguration) {}, false},
		"named":     {false, func(c *xmpp.ConnectionConfiguration) { c.Mechanisms = []string{"PLAIN"} }, true},
		"unverified": {false, func(c *xmpp.ConnectionConfiguration) {
			c.Mechanisms, c.Security = []string{"PLAIN"}, xmpp.SecurityUnverified
		}, false},
		"in clear": {true, func(c *xmpp.ConnectionConfiguration) {
			c.Mechanisms, c.Security = []string{"PLAIN"}, xmpp.SecurityPlaintext
		}, false},
		"in clear, permitted": {true, func(c *xmpp.ConnectionConfiguration) {
			c.Mechanisms, c.Security, c.AllowPlainInClear = []string{"PLAIN"}, xmpp.SecurityPlaintext, true
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				srv := xmpptest.NewServer(t, &xmpptest.Options{Plaintext: tt.clear, Mechanisms: []string{"PLAIN"}})
				err := offline(t, srv, "romeo", tt.change).Login(t.Context(), "", "")
				require.Equal(t, tt.good, err == nil, "%v", err)
			})
		})
	}
}

func TestSafeToRetry(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{nil, false}, {errors.New("x"), false}, {xmpp.ErrClosed, true}, {xmpp.ErrUnknownOutcome, false}, {xmpp.ErrTimeout, false},
		{fmt.Errorf("x: %w", xmpp.ErrNotConnected), true}, {errors.Join(xmpp.ErrClosed, xmpp.ErrState), true},
		{errors.Join(xmpp.ErrClosed, xmpp.ErrUnknownOutcome), false}, {errors.Join(xmpp.ErrClosed, errors.New("x")), false},
		{xmpp.ErrBufferFull, true}, {xmpp.ErrTooLarge, true}, {xmpp.ErrReplaced, false}, {&xmpp.ShutdownError{}, true}, {&xmpp.ConnectError{}, true},
	} {
		require.Equal(t, tt.want, xmpp.SafeToRetry(tt.err), "%v", tt.err)
	}
}

func TestFieldsThatCanNotWorkAreNamed(t *testing.T) {
	for field, change := range map[string]func(*xmpp.ConnectionConfiguration){
		"Mechanisms": func(c *xmpp.ConnectionConfiguration) { c.Mechanisms = []string{"SCRAM-SHA256"} },
		"Language":   func(c *xmpp.ConnectionConfiguration) { c.Language = "\x01" },
		"Host":       func(c *xmpp.ConnectionConfiguration) { c.Host = "127.0.0.1:5222" },
	} {
		cfg := &xmpp.ConnectionConfiguration{Domain: "localhost"}
		change(cfg)
		_, err := xmpp.NewConnection(cfg)
		var bad *xmpp.ConfigError
		require.ErrorAs(t, err, &bad, field)
		require.Equal(t, field, bad.Field)
	}
	_, err := xmpp.NewConnection(&xmpp.ConnectionConfiguration{Domain: "localhost", Host: "::1"})
	require.NoError(t, err)
}
