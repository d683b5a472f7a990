package xmpptest_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gosmack/xmpp/xmpptest"
	"github.com/stretchr/testify/require"
)

// missing skips a test for want of a foreign client, and leaves a line in the
// file that XMPP_INTEROP_REPORT names, because nobody sees a skipped test.
func missing(t *testing.T, what string) {
	t.Helper()
	line := t.Name() + ": not run: " + what
	if name := os.Getenv("XMPP_INTEROP_REPORT"); name != "" {
		f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		require.NoError(t, err)
		defer f.Close()
		_, err = f.WriteString(line + "\n")
		require.NoError(t, err)
	}
	t.Skip(line)
}

// foreign runs a client that logs in as romeo, says something to juliet, and
// prints her answer. Its arguments are address, password, port and CA file.
func foreign(t *testing.T, options xmpptest.Options, says string, command ...string) {
	t.Helper()
	options.Listen = true
	srv := xmpptest.NewServer(t, &options)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, srv.CAPEM(), 0o644))
	juliet := online(t, srv, "juliet", "balcony")

	_, port, err := net.SplitHostPort(srv.Addr())
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], append(command[1:], "romeo@localhost", srv.Password("romeo"), port, ca)...)
	var out, errOut strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errOut
	require.NoError(t, cmd.Start())
	m, err := juliet.read()
	if err != nil {
		cancel()
		_ = cmd.Wait()
		t.Fatalf("no message: %v\n%s%s", err, out.String(), errOut.String())
	}
	require.Contains(t, text(m), says)
	juliet.send("<message to='%s' type='chat'><body>and back</body></message>", m.Attr("from"))
	require.NoError(t, cmd.Wait(), errOut.String())
	require.Equal(t, "and back\n", out.String(), errOut.String())
}

func TestSlixmpp(t *testing.T) {
	python := ""
	for _, p := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(p, "-c", "import slixmpp").Run() == nil {
			python = p
			break
		}
	}
	if python == "" {
		missing(t, "python3 with slixmpp (Debian: python3-slixmpp)")
	}
	// slixmpp 1.8 binds to tls-unique only, which TLS 1.3 does not have, and
	// then says that no binding was offered: RFC 5802 §6 makes that a downgrade.
	foreign(t, xmpptest.Options{ChannelBinding: []string{}}, "from slixmpp", python, "testdata/slixmpp_login.py")
}

func TestLibstrophe(t *testing.T) {
	program := filepath.Join(t.TempDir(), "login")
	compile := exec.Command("cc", "-o", program, "testdata/strophe_login.c", "-lstrophe")
	if out, err := compile.CombinedOutput(); err != nil {
		if strings.Contains(string(out), "strophe.h") || strings.Contains(string(out), "-lstrophe") || len(out) == 0 {
			missing(t, "cc with libstrophe (Debian: libstrophe-dev)")
		}
		t.Fatalf("cc: %v\n%s", err, out)
	}
	foreign(t, xmpptest.Options{}, "from libstrophe", program)
}
