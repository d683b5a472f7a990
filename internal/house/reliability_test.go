package house

import (
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// testsThere is every test of the repository, as "dir.Test…".
func testsThere(t *testing.T) map[string]bool {
	t.Helper()
	tests := map[string]bool{}
	for _, f := range files(t) {
		if !f.test {
			continue
		}
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				tests[f.dir+"."+fn.Name.Name] = true
			}
		}
	}
	return tests
}

// TestPromisesHaveTests looks whether each promise of docs/reliability.md names tests that exist: `Test…` in the root package, `dir.Test…` elsewhere,
// with a subtest's name behind it or not, or a target of the Makefile.
func TestPromisesHaveTests(t *testing.T) {
	tests := testsThere(t)
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	page, err := os.ReadFile(filepath.Join(root, "docs", "reliability.md"))
	require.NoError(t, err)
	quoted := regexp.MustCompile("`([^`]+)`")
	seen := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| R") {
			continue
		}
		require.GreaterOrEqual(t, len(cells), 3, line)
		row := strings.TrimPrefix(cells[0], "| ")
		seen[row] = true
		named := quoted.FindAllStringSubmatch(cells[2], -1)
		require.NotEmpty(t, named, "%s names no test", row)
		for _, n := range named {
			if target, ok := strings.CutPrefix(n[1], "make "); ok {
				require.Contains(t, string(makefile), "\n"+target+":", row)
				continue
			}
			dir, name, elsewhere := strings.Cut(n[1], ".")
			if !elsewhere {
				dir, name = ".", n[1]
			}
			name, _, _ = strings.Cut(name, "/") // a subtest's name is made when it runs
			require.True(t, tests[dir+"."+name], "%s names %s, which does not exist", row, n[1])
		}
	}
	for n := 1; n <= 32; n++ {
		require.True(t, seen[fmt.Sprintf("R%02d", n)], "R%02d", n)
	}
}
