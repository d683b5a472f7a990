package interop_test

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Scenarios run side by side, so counting goroutines tells nothing. Instead each scenario's goroutine carries a label, which every
// goroutine inherits that is started from it, however far down.
const leakLabel = "scenario"

// leakPatience is how long goroutines may take to notice that their work is over.
const leakPatience = 5 * time.Second

// labelled runs f with the label name and returns the stacks of goroutines that outlive it.
func labelled(name string, f func()) (left []string) {
	defer func() { left = outliving(name, leakPatience) }()
	pprof.Do(context.Background(), pprof.Labels(leakLabel, name), func(context.Context) { f() })
	return nil
}

// outliving looks until nothing with the label is left, or patience has ended.
func outliving(name string, patience time.Duration) []string {
	end := time.NewTimer(patience)
	defer end.Stop()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		left := goroutines(name)
		if len(left) == 0 {
			return nil
		}
		select {
		case <-again.C:
		case <-end.C:
			return left
		}
	}
}

var blankLine = regexp.MustCompile(`\n\n`)

// goroutines returns the stacks of the goroutines with the label.
func goroutines(name string) []string {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		return []string{err.Error()}
	}
	var found []string
	for _, stack := range blankLine.Split(profile.String(), -1) {
		if strings.Contains(stack, fmt.Sprintf("%q:%q", leakLabel, name)) {
			found = append(found, stack)
		}
	}
	return found
}

// The check itself finds a goroutine that stays, started by one that ended, and is content when it ends.
func TestLeakCheckSees(t *testing.T) {
	end := make(chan struct{})
	started := make(chan struct{})
	pprof.Do(t.Context(), pprof.Labels(leakLabel, t.Name()), func(context.Context) {
		go func() {
			go func() {
				close(started)
				<-end
			}()
		}()
	})
	<-started
	left := outliving(t.Name(), 50*time.Millisecond)
	require.Len(t, left, 1)
	require.Contains(t, left[0], "TestLeakCheckSees")
	close(end)
	require.Empty(t, outliving(t.Name(), leakPatience))
}
