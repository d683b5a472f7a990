package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/xmpptest"
)

func quick(ctx context.Context, args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = run(ctx, args, &out, &errs)
	return status, out.String(), errs.String()
}

func TestWithoutFlags(t *testing.T) {
	status, stdout, stderr := quick(t.Context())
	require.Zero(t, status, stderr)
	require.Empty(t, stderr)
	require.Regexp(t, `^bjsujb1@127\.0\.0\.1/\S+\nbjsujb@127\.0\.0\.1 received "Hello word!" from bjsujb1@127\.0\.0\.1/\S+ after [0-9.]+[mµ]?s\n$`, stdout)
}

// real starts a server that is reached as a real one is, and returns the flags for that.
func real(t *testing.T, o xmpptest.Options) []string {
	t.Helper()
	o.Domain, o.Listen = "localhost", true
	o.Accounts = map[string]string{"romeo": "pw1", "juliet": "pw2"}
	srv := xmpptest.NewServer(t, &o)
	host, port, err := net.SplitHostPort(srv.Addr())
	require.NoError(t, err)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, srv.CAPEM(), 0o600))
	return []string{"-host", host, "-port", port, "-ca", ca}
}

func TestRealServer(t *testing.T) {
	flags := real(t, xmpptest.Options{})
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"both accounts": {
			[]string{"-address", "romeo@localhost", "-password", "pw1", "-to", "juliet@localhost", "-to-password", "pw2"},
			`^romeo@localhost/\S+\njuliet@localhost received "Hello word!" from romeo@localhost/\S+ after \S+\n$`,
		},
		"somebody else's": {
			[]string{"-address", "romeo@localhost", "-password", "pw1", "-to", "juliet@localhost"},
			`^romeo@localhost/\S+\nsent to juliet@localhost; .*\n$`,
		},
		"one's own": {
			[]string{"-address", "romeo@localhost", "-password", "pw1"},
			`^romeo@localhost/\S+\nromeo@localhost/\S+ received "Hello word!" from romeo@localhost/\S+ after \S+\n$`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			status, stdout, stderr := quick(t.Context(), append(test.args, flags...)...)
			require.Zero(t, status, stderr)
			require.Regexp(t, test.want, stdout)
		})
	}
}

func TestFailures(t *testing.T) {
	flags := real(t, xmpptest.Options{})
	login := func(password string) []string { return []string{"-address", "romeo@localhost", "-password", password} }
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, closed, _ := net.SplitHostPort(free.Addr().String())
	free.Close()
	for name, test := range map[string]struct {
		args []string
		want []string // in this order
	}{
		"wrong password":   {append(login("wrong"), flags...), []string{"127.0.0.1:", "authenticate", "not-authorized", "password"}},
		"refused port":     {append(login("pw1"), "-host", "127.0.0.1", "-port", closed), []string{"127.0.0.1:" + closed, "connect", "refused", "-port"}},
		"unknown CA":       {append(login("pw1"), flags[:4]...), []string{"127.0.0.1:", "tls", "certificate", "-ca"}},
		"no domain":        {[]string{"-address", "romeo@nowhere.invalid", "-password", "x"}, []string{"nowhere.invalid", "resolve", "-host"}},
		"other domain":     {append([]string{"-address", "romeo@example.org", "-password", "x"}, flags...), []string{"127.0.0.1:", "host-unknown", "domain"}},
		"bad address":      {[]string{"-address", "@", "-password", "x"}, []string{"-address:"}},
		"bad recipient":    {append(login("pw1"), "-to", "a@@b"), []string{"-to:"}},
		"unknown flag":     {[]string{"-frobnicate"}, []string{"-frobnicate"}},
		"missing CA file":  {append(login("pw1"), "-ca", "/nonexistent.pem"), []string{"-ca:", "/nonexistent.pem"}},
		"no CA in file":    {append(login("pw1"), "-ca", "main.go"), []string{"-ca:", "main.go"}},
		"help":             {[]string{"-help"}, []string{"-address", "-ca"}},
		"wrong recipient":  {append(append(login("pw1"), "-to", "juliet@localhost", "-to-password", "bad"), flags...), []string{"juliet@localhost", "authenticate", "not-authorized"}},
		"port but no host": {append(login("pw1"), "-port", "5222"), []string{"Port", "Host"}},
	} {
		t.Run(name, func(t *testing.T) {
			status, stdout, stderr := quick(t.Context(), test.args...)
			require.Equal(t, 1, status)
			require.Empty(t, stdout)
			require.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
			rest := stderr
			for _, want := range test.want {
				_, after, found := strings.Cut(rest, want)
				require.True(t, found, "%q is not in %q", want, stderr)
				rest = after
			}
		})
	}
}

func TestBadCertificates(t *testing.T) {
	for kind, want := range map[xmpptest.CertificateKind]string{
		xmpptest.CertificateOtherName:  "check the domain",
		xmpptest.CertificateSelfSigned: "-ca",
		xmpptest.CertificateExpired:    "new certificate",
	} {
		flags := real(t, xmpptest.Options{Certificate: kind})
		status, _, stderr := quick(t.Context(), append(flags, "-address", "romeo@localhost", "-password", "pw1")...)
		require.Equal(t, 1, status)
		require.Contains(t, stderr, ": tls: ")
		require.Contains(t, stderr, want)
	}
}

func TestNobodyAnswers(t *testing.T) {
	hole, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer hole.Close()
	host, port, _ := net.SplitHostPort(hole.Addr().String())
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		c, err := hole.Accept()
		if err == nil {
			cancel(context.DeadlineExceeded) // as if the time were up
			defer c.Close()
			c.Read(make([]byte, 1))
		}
	}()
	status, _, stderr := quick(ctx, "-address", "romeo@localhost", "-password", "x", "-host", host, "-port", port)
	require.Equal(t, 1, status)
	require.Contains(t, stderr, net.JoinHostPort(host, port))
	require.Contains(t, stderr, "nothing answers")
}
