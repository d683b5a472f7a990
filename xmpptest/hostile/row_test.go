package hostile_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// What a row's scenes have to show; see the package's documentation.
const (
	abortRow  = "ABORT"
	ignoreRow = "IGNORE"
	rejectRow = "REJECT"
	boundRow  = "BOUND"
	wholeRow  = "WHOLE"
)

// A row is one class of attack. Its number stays with it.
type row struct {
	id     string // S and three digits, and a letter for what was found beside the class
	title  string
	oracle string
	also   string // tests elsewhere that are about it, as docs/security.md names them
	alone  bool   // it measures the process, so nothing runs beside it
	scenes []scene
}

// A scene is one attack. play returns what the client did wrong; it runs in virtual time.
type scene struct {
	name string
	play func(t *testing.T) error
	// real scenes measure the machine and run outside of a bubble.
	real bool
	cut  bool // it is run in every way of cutting
}

// rows are all there are, in the order of their numbers. Each file adds its own.
var rows []row

func add(all ...row) struct{} {
	rows = append(rows, all...)
	slices.SortFunc(rows, func(a, b row) int {
		switch {
		case a.id < b.id:
			return -1
		case a.id > b.id:
			return 1
		}
		return 0
	})
	return struct{}{}
}

// TestHostile runs every row. Each says at its end what was shown.
func TestHostile(t *testing.T) {
	t.Logf("random pieces come from -hostile.seed=%d", seed())
	t.Cleanup(func() {
		if *write && !t.Failed() {
			require.NoError(t, results.publish())
		}
	})
	for _, r := range rows {
		t.Run(r.id, func(t *testing.T) {
			if !r.alone {
				t.Parallel()
			}
			r.run(t)
		})
	}
}

// run plays the row's scenes.
func (r row) run(t *testing.T) {
	var whole, cut atomic.Int32
	t.Cleanup(func() {
		if !t.Failed() && !t.Skipped() {
			t.Logf("%s: %s", r.id, results.show(r.id, shown(int(whole.Load()), int(cut.Load()))))
		}
	})
	if len(r.scenes) == 0 {
		t.Fatal("no scene")
	}
	for _, s := range r.scenes {
		t.Run(s.name, func(t *testing.T) {
			if !r.alone {
				t.Parallel()
			}
			if err := s.run(t); err != nil {
				t.Fatal(err)
			}
			if s.cut {
				cut.Add(1)
			} else {
				whole.Add(1)
			}
		})
	}
}

// run plays a scene, in a bubble unless it says otherwise.
func (s scene) run(t *testing.T) (err error) {
	t.Helper()
	if s.real {
		return s.play(t)
	}
	synctest.Test(t, func(t *testing.T) { err = s.play(t) })
	return err
}

// shown says how many scenes held.
func shown(whole, cut int) string { return shownIn(whole, cut, len(cuts(""))) }

// shownIn says it of a run with so many ways of cutting.
func shownIn(whole, cut, ways int) string {
	var parts []string
	if cut > 0 {
		parts = append(parts, fmt.Sprintf("%s in %d ways of cutting each", plural(cut, "scene"), ways))
	}
	if whole > 0 {
		parts = append(parts, plural(whole, "scene"))
	}
	return strings.Join(parts, ", ")
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

var seedFlag = flag.Uint64("hostile.seed", 0, "where the random pieces come from; 0: somewhere new")

var ownSeed = rand.Uint64()

// seed is where all that is random comes from. A failure names it, and the flag repeats it.
func seed() uint64 {
	if *seedFlag != 0 {
		return *seedFlag
	}
	return ownSeed
}
