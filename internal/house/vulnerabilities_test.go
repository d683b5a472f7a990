package house

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestVulnerabilitiesAreChecked looks whether scripts/check-vulnerabilities says what it did and fails where it must, with a go command that plays
// what govulncheck may end with, and whether scripts/run-tests runs it for its report.
func TestVulnerabilitiesAreChecked(t *testing.T) {
	bash, err := exec.LookPath("bash")
	require.NoError(t, err, "make needs it too")
	for name, test := range map[string]struct {
		database, fake string
		status         int
		says           string
	}{
		"no database":            {"", `test "$1" = test`, 0, "by pinned versions only"},
		"no database, and wrong": {"", `exit 1`, 1, ""},
		"nothing is found":       {"file:///db", installs("0"), 0, "nothing that is called is known to be vulnerable"},
		"something is found":     {"file:///db", installs("3"), 3, "THERE ARE SOME"},
		"the database is gone":   {"file:///db", installs("1"), 1, "FAILED, with status 1"},
		"the tool can't be had":  {"file:///db", `exit 4`, 4, "FAILED, with status 4"},
	} {
		t.Run(name, func(t *testing.T) {
			fake := filepath.Join(t.TempDir(), "go")
			require.NoError(t, os.WriteFile(fake, []byte("#!/bin/bash\n"+test.fake+"\n"), 0o755))
			cmd := exec.Command(bash, filepath.Join(root, "scripts", "check-vulnerabilities"), fake)
			cmd.Env = append(os.Environ(), "GOVULNDB="+test.database, "TMPDIR="+t.TempDir())
			var out bytes.Buffer
			cmd.Stdout = &out
			_ = cmd.Run()
			require.Equal(t, test.status, cmd.ProcessState.ExitCode())
			require.Contains(t, out.String(), test.says)
			if test.says != "" {
				require.Regexp(t, "^vulnerabilities: .*\n$", out.String(), "one line, for the report")
			}
		})
	}
	text, err := os.ReadFile(filepath.Join(root, "scripts", "run-tests"))
	require.NoError(t, err)
	require.Regexp(t, `(?m)^step scripts/check-vulnerabilities "\$go" >>"\$work/report"$`, string(text))
}

// installs is a go command whose install makes a govulncheck that was given the database, and ends so.
func installs(status string) string {
	return `test "$1" = install && printf '#!/bin/bash\ntest "$2" = file:///db || exit 9\nexit ` + status + `\n' >"$GOBIN/govulncheck" && chmod +x "$GOBIN/govulncheck"`
}
