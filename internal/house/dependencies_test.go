package house

import (
	"cmp"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sound is from which version on each dependency has no fault that is known to matter here; a dependency that is new needs somebody to look. It stands in
// for govulncheck where there is no database, and where that is wrong: it has another first good version of x/net (S149).
var sound = map[string]struct{ version, why string }{
	"go":                          {"1.26.0", "what go.mod says"},
	"golang.org/x/net":            {"0.57.0", "CVE-2026-39821: idna takes punycode that decodes to ASCII"},
	"golang.org/x/text":           {"0.3.8", "CVE-2022-32149: a list of languages takes quadratic time"},
	"github.com/stretchr/testify": {"1.7.0", "tests alone"},
	"go.yaml.in/yaml/v3":          {"3.0.1", "CVE-2022-28948: a panic; tests alone, by testify"},
}

var requirement = regexp.MustCompile(`^\s*(?:require\s+)?(go|[a-z0-9.-]+\.[a-z]+/\S+)\s+v?(\d+\.\d+(?:\.\d+)?)`)

// unsound tells what of a go.mod is older than it may be, or unknown.
func unsound(text string) (bad []string) {
	found := 0
	for line := range strings.Lines(text) {
		m := requirement.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		found++
		switch least, ok := sound[m[1]]; {
		case !ok:
			bad = append(bad, m[1]+": say from which version on it is sound")
		case older(m[2], least.version):
			bad = append(bad, m[1]+" "+m[2]+" is older than "+least.version+": "+least.why)
		}
	}
	if found == 0 {
		bad = append(bad, "nothing is required")
	}
	return bad
}

func older(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(as), len(bs)) {
		if c := cmp.Compare(part(as, i), part(bs, i)); c != 0 {
			return c < 0
		}
	}
	return false
}

func part(all []string, i int) int {
	if i >= len(all) {
		return 0
	}
	n, _ := strconv.Atoi(all[i])
	return n
}

// TestDependenciesAreSound is S240 where scripts/run-tests has no database for govulncheck.
func TestDependenciesAreSound(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	require.Empty(t, unsound(string(text)))
	require.NotContains(t, string(text), "replace", "then the version says nothing")
}

func TestUnsoundIsSeen(t *testing.T) {
	for text, want := range map[string]string{
		"require golang.org/x/net v0.56.9": "CVE-2026-39821",
		"go 1.25.7":                        "older than 1.26.0",
		"\tgolang.org/x/net v0.57.0\n\texample.org/new v1.0.0 // indirect\n": "example.org/new",
		"module x": "nothing",
	} {
		bad := unsound(text)
		require.Len(t, bad, 1, text)
		require.Contains(t, bad[0], want)
	}
	require.Empty(t, unsound("require golang.org/x/net v0.100.0-rc.1\n"))
}
