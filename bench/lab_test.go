package main

import (
	"io"
	"strings"
	"testing"
)

// TestLab measures a little of everything that is short, with our client and the bare socket: each
// job runs, and every stanza is accounted for.
func TestLab(t *testing.T) {
	l, err := newLab(t.Context(), []string{"ours", "raw"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.close(); err != nil {
			t.Error(err)
		}
	})
	if len(l.peers) != 2 {
		t.Fatalf("of two clients there are %d: %q", len(l.peers), l.absent)
	}
	l.rounds, l.scale, l.quick = 1, 0.002, true
	t.Run("a stanza is missing", func(t *testing.T) {
		want := l.count("full", 100)
		want.Text--
		l.counts["full 100"] = want
		if _, err := l.receiveMix(t.Context(), l.find("ours"), "full", 100); err == nil {
			t.Error("nobody noticed")
		}
	})
	for name, goals := range map[string]int{"throughput": 1, "allocations": 2, "sending": 3, "pingpong": 2, "login": 2} {
		chosen, err := choose([]string{name}, true)
		if err != nil {
			t.Fatal(err)
		}
		s, err := chosen[0].run(t.Context(), l)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if s.name != name || len(s.rows) < 2 || len(s.goals) != goals || strings.Contains(s.String(), "NaN") {
			t.Errorf("%s says\n%s%+v", name, s, s.goals)
		}
	}
}
