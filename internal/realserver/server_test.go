package realserver_test

import (
	"crypto/x509"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/internal/realserver"
)

// each runs a test on every server of this machine.
func each(t *testing.T, test func(t *testing.T, s *realserver.Server)) {
	t.Helper()
	for _, s := range servers.Servers {
		t.Run(s.Name, func(t *testing.T) { test(t, s) })
	}
}

func TestEveryServerIsThereOrMissing(t *testing.T) {
	require.GreaterOrEqual(t, len(servers.Servers)+len(servers.Missing), 2)
	each(t, func(t *testing.T, s *realserver.Server) {
		require.Regexp(t, regexp.MustCompile(`^\d+\.\d+`), s.Version)
		require.Positive(t, s.PID())
		require.FileExists(t, s.CAFile)
	})
}

func TestSTARTTLSAndFeatures(t *testing.T) {
	each(t, func(t *testing.T, s *realserver.Server) {
		_, features := securedByStartTLS(t, s)
		require.Contains(t, features, "<mechanism>PLAIN</mechanism>")
		hash := map[string]string{"Prosody": "SHA-1", "ejabberd": "SHA-256"}[s.Name]
		require.Contains(t, features, "<mechanism>SCRAM-"+hash+"</mechanism>")
		require.Contains(t, features, "<mechanism>SCRAM-"+hash+"-PLUS</mechanism>")
		require.Contains(t, features, "tls-exporter")
		require.NotContains(t, features, "urn:xmpp:fast:0")
	})
}

func TestAccounts(t *testing.T) {
	each(t, func(t *testing.T, s *realserver.Server) {
		require.True(t, login(t, s, "early", `päss "\word`), "%s", s.Log())
		require.False(t, login(t, s, "late", "pw"))
		require.NoError(t, s.AddAccount("late", "pw"))
		require.True(t, login(t, s, "late", "pw"))
		require.False(t, login(t, s, "late", "wrong"))
		require.ErrorContains(t, s.AddAccount("late", "other"), "exists already")
		require.NoError(t, s.AddAccount("näme_1-2.x", "pw"))
		require.True(t, login(t, s, "näme_1-2.x", "pw"))
	})
}

func TestRestartKeepsPortsAndAccounts(t *testing.T) {
	each(t, func(t *testing.T, s *realserver.Server) {
		t.Parallel()
		before, port := s.PID(), s.StartTLSPort
		require.NoError(t, s.AddAccount("lasting", "pw"))
		require.NoError(t, s.Restart())
		require.NotEqual(t, before, s.PID())
		require.Equal(t, port, s.StartTLSPort)
		require.True(t, login(t, s, "lasting", "pw"))
		require.NoError(t, s.AddAccount("after", "pw"))
		require.True(t, login(t, s, "after", "pw"))
	})
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *realserver.Server) {
		t.Parallel()
		require.NoError(t, s.UseCertificate(realserver.CertificateExpired))
		var invalid x509.CertificateInvalidError
		require.ErrorAs(t, handshake(t, s), &invalid)
		require.Equal(t, x509.Expired, invalid.Reason)

		require.NoError(t, s.UseCertificate(realserver.CertificateOtherName))
		var name x509.HostnameError
		require.ErrorAs(t, handshake(t, s), &name)

		require.NoError(t, s.UseCertificate(realserver.CertificateSelfSigned))
		var authority x509.UnknownAuthorityError
		require.ErrorAs(t, handshake(t, s), &authority)

		require.NoError(t, s.UseCertificate(realserver.CertificateValid))
		require.NoError(t, handshake(t, s))
	})
}

func TestOptions(t *testing.T) {
	t.Parallel()
	options := realserver.Options{
		Domain: "sasl2.test", SASL2: true, SCRAM: "SHA-256", StanzaLimit: 50_000,
		Accounts: map[string]string{"early": "pw"},
	}
	starts := map[string]func(string, realserver.Options) (*realserver.Server, error){
		"Prosody": realserver.StartProsody, "ejabberd": realserver.StartEjabberd,
	}
	each(t, func(t *testing.T, running *realserver.Server) {
		t.Parallel()
		s, err := starts[running.Name](t.TempDir(), options)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Stop()) })
		c, features := securedByStartTLS(t, s)
		for _, want := range []string{
			"urn:xmpp:sasl:2", "urn:xmpp:bind:0", "urn:xmpp:sm:3", "urn:xmpp:fast:0", "<mechanism>SCRAM-SHA-256</mechanism>",
		} {
			require.Contains(t, features, want)
		}
		require.True(t, login(t, s, "early", "pw"))
		// A stanza past the limit ends the stream.
		answer := c.exchange("<message><body>"+strings.Repeat("x", 60_000), "</stream:error>")
		require.Contains(t, answer, "policy-violation")
	})
}
