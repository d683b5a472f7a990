package hostile_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const page = "../../docs/security.md"

var write = flag.Bool("hostile.write", false, "write the table of docs/security.md with what this run shows")

var marked = regexp.MustCompile(`(?s)<!-- begin rows -->\n.*<!-- end rows -->`)

// A table collects what the rows show.
type table struct {
	mu    sync.Mutex
	notes map[string][]string // by row
	shown map[string]string
}

var results = table{notes: map[string][]string{}, shown: map[string]string{}}

// note says what a scene measured; it stands in the row's result.
func note(t *testing.T, format string, args ...any) {
	t.Helper()
	text := fmt.Sprintf(format, args...)
	t.Log(text)
	if _, rest, ok := strings.Cut(t.Name(), "TestHostile/"); ok {
		id, _, _ := strings.Cut(rest, "/")
		results.mu.Lock()
		defer results.mu.Unlock()
		results.notes[id] = append(results.notes[id], text)
	}
}

// maxNotes is how many figures of a row the table has.
const maxNotes = 5

// show takes down that all scenes of a row held.
func (r *table) show(id, what string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch notes := slices.Sorted(slices.Values(r.notes[id])); {
	case len(notes) > maxNotes:
		what += fmt.Sprintf("; %d figures, such as %s", len(notes), notes[0])
	case len(notes) > 0:
		what += "; " + strings.Join(notes, "; ")
	}
	r.shown[id] = what
	return what
}

// line is a row as the page has it.
func (r row) line(shown string) string {
	tests := "`xmpptest/hostile.TestHostile/" + r.id + "`"
	for also := range strings.FieldsSeq(r.also) {
		tests += ", `" + also + "`"
	}
	clean := strings.NewReplacer("|", `\|`, "<", "&lt;").Replace
	return fmt.Sprintf("| %s | %s | %s | %s | %s |", r.id, clean(r.title), r.oracle, tests, clean(shown))
}

// publish writes the table. Rows that did not run keep nothing: what is not shown is not said.
func (r *table) publish() error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("<!-- begin rows -->\n| # | Attack | Must hold | Tests | Shown |\n|---|---|---|---|---|\n")
	for _, row := range rows {
		b.WriteString(row.line(r.shown[row.id]) + "\n")
	}
	b.WriteString("<!-- end rows -->")
	return os.WriteFile(page, marked.ReplaceAllLiteral(text, []byte(b.String())), 0o644)
}

// scenesOf leaves out of what was shown the figures, which differ from run to run.
func scenesOf(shown string) string {
	scenes, _, _ := strings.Cut(strings.Trim(shown, " |\n"), ";")
	return scenes
}

// The page has every row, as it is here and with as many scenes, and no other.
func TestPageHasEveryRow(t *testing.T) {
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	inside := marked.Find(text)
	require.NotNil(t, inside, "the page has no marks for the table")
	var on []string
	for line := range strings.Lines(string(inside)) {
		if !strings.HasPrefix(line, "| S") {
			continue
		}
		at := strings.LastIndex(strings.TrimSuffix(line, " |\n"), " | ")
		require.Positive(t, at, line)
		on = append(on, line[:at]+" | "+scenesOf(line[at:]))
	}
	var want []string
	for _, r := range rows {
		l := r.line("")
		want = append(want, strings.TrimSuffix(l, " |  |")+" | "+r.scenesShown())
	}
	for _, l := range want {
		require.True(t, slices.Contains(on, l), "run make security: it lacks %s", l)
	}
	require.Len(t, on, len(want), "run make security")
}

// scenesShown is what the page says of the row's scenes after a long run.
func (r row) scenesShown() string {
	var whole, cut int
	for _, s := range r.scenes {
		if s.cut {
			cut++
		} else {
			whole++
		}
	}
	return shownIn(whole, cut, 2+randomCuts)
}

// Each row has its own number, a title and a rule.
func TestRowsAreNumbered(t *testing.T) {
	number := regexp.MustCompile(`^S\d{3}[a-z]?$`)
	seen := map[string]bool{}
	for _, r := range rows {
		require.Regexp(t, number, r.id)
		require.False(t, seen[r.id], r.id)
		seen[r.id] = true
		require.NotEmpty(t, r.title, r.id)
		require.NotEmpty(t, r.scenes, r.id)
		names := map[string]bool{}
		for _, s := range r.scenes {
			require.NotEmpty(t, s.name, r.id)
			require.False(t, names[s.name], "%s %s", r.id, s.name)
			names[s.name] = true
		}
		for _, o := range strings.Split(r.oracle, ", ") {
			require.Contains(t, []string{abortRow, ignoreRow, rejectRow, boundRow, wholeRow}, o, r.id)
		}
	}
}
