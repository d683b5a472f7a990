package main

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/gosmack/xmpp/bench/stat"
)

// A section is what one measurement has to say: a table, what is to be known beside it, and the
// goals that it decides about.
type section struct {
	name  string // of its markers in the page
	rows  [][]string
	notes []string
	goals []goal
}

func (s *section) row(cells ...string) { s.rows = append(s.rows, cells) }

func (s *section) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

// A goal is a figure and what it should be.
type goal struct {
	what, measured, want string
	met                  bool
}

func (s *section) goal(met bool, what, measured, want string, args ...any) {
	s.goals = append(s.goals, goal{what, measured, fmt.Sprintf(want, args...), met})
}

// String is the section as Markdown.
func (s *section) String() string {
	var b strings.Builder
	b.WriteString(table(s.rows))
	for _, n := range s.notes {
		fmt.Fprintf(&b, "\n%s\n", n)
	}
	return strings.TrimLeft(b.String(), "\n")
}

// goals are those of all sections, as one.
func goalsOf(sections []*section) *section {
	all := &section{name: "goals"}
	all.row("goal", "measured", "wanted", "met")
	for _, s := range sections {
		for _, g := range s.goals {
			met := "**no**"
			if g.met {
				met = "yes"
			}
			all.row(g.what, g.measured, g.want, met)
		}
	}
	return all
}

// table is Markdown that also reads well as it stands. The first row is the head.
func table(rows [][]string) string {
	if len(rows) == 0 {
		return ""
	}
	width := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, cell := range r {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	line := func(cells []string) {
		for i, cell := range cells {
			b.WriteString("| " + cell + strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell)+1))
		}
		b.WriteString("|\n")
	}
	for i, r := range rows {
		line(r)
		if i == 0 {
			for _, w := range width {
				b.WriteString("|" + strings.Repeat("-", w+2))
			}
			b.WriteString("|\n")
		}
	}
	return b.String()
}

// spread is a sample's median with the least and the greatest.
func spread(s stat.Sample, format func(float64) string) string {
	return fmt.Sprintf("%s (%s … %s)", format(s.Median()), format(s.Min()), format(s.Max()))
}

// whole writes a number with groups of three digits.
func whole(f float64) string {
	s := fmt.Sprintf("%.0f", math.Abs(f))
	var b strings.Builder
	if f <= -0.5 {
		b.WriteByte('-')
	}
	for i, r := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteString("\u00a0") // no place to break the line
		}
		b.WriteRune(r)
	}
	return b.String()
}

func tenths(f float64) string     { return fmt.Sprintf("%.1f", f) }
func hundredths(f float64) string { return fmt.Sprintf("%.2f", f) }

// scale returns a format of values divided by a unit.
func scale(unit float64, format func(float64) string) func(float64) string {
	return func(f float64) string { return format(f / unit) }
}
