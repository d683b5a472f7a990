package house

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAttacksHaveTests looks whether the tests exist that the rows of docs/security.md name. That each row is one of TestHostile, and the other way
// round, is for xmpptest/hostile to say: its rows have their numbers only when it runs.
func TestAttacksHaveTests(t *testing.T) {
	tests := testsThere(t)
	page, err := os.ReadFile(filepath.Join(root, "docs", "security.md"))
	require.NoError(t, err)
	quoted := regexp.MustCompile("`([^`]+)`")
	rows := 0
	table, _, ended := strings.Cut(string(page), "<!-- end rows -->") // what is out of scope has a table of its own behind it
	require.True(t, ended)
	for line := range strings.Lines(table) {
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| S") {
			continue
		}
		require.Len(t, cells, 5, line)
		rows++
		named := quoted.FindAllStringSubmatch(cells[3], -1)
		require.NotEmpty(t, named, "%s names no test", cells[0])
		for _, n := range named {
			dir, name, elsewhere := strings.Cut(n[1], ".")
			if !elsewhere {
				dir, name = ".", n[1]
			}
			name, _, _ = strings.Cut(name, "/") // a subtest's name is made when it runs
			require.True(t, tests[dir+"."+name], "%s names %s, which does not exist", cells[0], n[1])
		}
	}
	require.NotZero(t, rows)
}
