// Bench measures how fast the library is beside its peers, and writes it into docs/performance.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
)

// A measurement makes one section of the page.
type measurement struct {
	name string
	long bool // left out of a quick run
	run  func(context.Context, *lab) (*section, error)
}

var measurements = []measurement{
	{"throughput", false, throughput},
	{"allocations", false, allocations},
	{"sending", false, sending},
	{"pingpong", false, pingpong},
	{"idle", false, idle},
	{"login", false, logins},
	{"growth", true, growth},
	{"size", false, size},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	only := flag.String("only", "", "comma-separated `measurements`; none: all")
	rounds := flag.Int("rounds", 5, "how often each is measured")
	peers := flag.String("peers", "", "comma-separated `names`; none: all")
	scale := flag.Float64("scale", 1, "of the numbers of stanzas")
	quick := flag.Bool("quick", false, "the main figures, in less than two minutes")
	docs := flag.String("docs", "", "`folder` whose performance.md and plots are written; none: only print")
	flag.Parse()
	chosen, err := choose(list(*only), *quick)
	if err != nil {
		return err
	}
	if *docs != "" && len(chosen) != len(measurements) {
		return errors.New("-docs is for all measurements: the page's goals are one table")
	}
	if *quick {
		*rounds, *scale = min(*rounds, 3), *scale/4
	}
	l, err := newLab(ctx, list(*peers), os.Stdout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	l.rounds, l.scale, l.quick = *rounds, *scale, *quick
	var sections []*section
	for _, m := range chosen {
		s, err := m.run(ctx, l)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		if s != nil {
			s.notes = append(s.notes, l.troubles...)
			l.troubles = nil
			sections = append(sections, s)
		}
	}
	sections = append(sections, goalsOf(sections), machine(ctx, l))
	for _, s := range sections {
		l.printf("\n%s\n\n%s", s.name, s)
	}
	if *docs == "" {
		return nil
	}
	return errors.Join(write(filepath.Join(*docs, "performance.md"), sections), l.plots.write(filepath.Join(*docs, "plots")))
}

func choose(names []string, quick bool) ([]measurement, error) {
	var chosen []measurement
	for _, m := range measurements {
		if slices.Contains(names, m.name) || len(names) == 0 && !(quick && m.long) {
			chosen = append(chosen, m)
		}
	}
	if len(names) > 0 && len(chosen) != len(names) {
		return nil, fmt.Errorf("not all of %q are measurements", names)
	}
	return chosen, nil
}

// write puts the sections into the page.
func write(path string, sections []*section) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	page := string(b)
	for _, s := range sections {
		if page, err = replace(page, s.name, s.String()); err != nil {
			return err
		}
	}
	return os.WriteFile(path, []byte(page), 0o644)
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}
