package realserver_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/internal/realserver"
)

// working lists the processes whose command line or working folder is in dir.
func working(t *testing.T, dir string) []string {
	t.Helper()
	processes, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(t, err)
	var found []string
	for _, p := range processes {
		command, _ := os.ReadFile(filepath.Join(p, "cmdline"))
		folder, _ := os.Readlink(filepath.Join(p, "cwd"))
		if strings.Contains(string(command), dir) || strings.HasPrefix(folder, dir) {
			found = append(found, p+" "+strings.ReplaceAll(string(command), "\x00", " "))
		}
	}
	return found
}

func epmds(t *testing.T) int {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/comm")
	require.NoError(t, err)
	count := 0
	for _, name := range names {
		if comm, _ := os.ReadFile(name); strings.TrimSpace(string(comm)) == "epmd" {
			count++
		}
	}
	return count
}

func TestStopLeavesNoProcess(t *testing.T) {
	t.Parallel()
	before := epmds(t)
	set, err := realserver.StartAll(realserver.Options{})
	require.NoError(t, err)
	for _, s := range set.Servers {
		require.NotEmpty(t, working(t, s.Dir), "the search finds a running server")
		pid := s.PID()
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		require.NoError(t, s.Restart(), "a server that died by itself can be started again")
		require.NotEqual(t, pid, s.PID())
		require.NoError(t, handshake(t, s))
	}
	require.NoError(t, set.Stop())
	require.NoError(t, set.Stop(), "twice is fine")
	for _, s := range set.Servers {
		require.Zero(t, s.PID())
		require.NoDirExists(t, s.Dir)
		require.ErrorContains(t, s.Restart(), "not running")
		// Erlang's helper process ends by itself just after its parent.
		require.Eventually(t, func() bool { return len(working(t, s.Dir)) == 0 }, 5*time.Second, 10*time.Millisecond)
	}
	require.Equal(t, before, epmds(t))
}
