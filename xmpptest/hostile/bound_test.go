package hostile_test

import (
	"fmt"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// bound is a scene whose figure must stay within a limit.
type bound struct {
	name   string
	limit  int64
	unit   string // of limit and figure, in the plural
	figure func(t *testing.T) (int64, error)
	real   bool // it is not for virtual time
}

func (b bound) scene() scene { return scene{name: b.name, play: b.play, real: b.real} }

// bounds makes scenes of them.
func bounds(list ...bound) []scene {
	var all []scene
	for _, b := range list {
		all = append(all, b.scene())
	}
	return all
}

// play is the oracle: what of BOUND does not hold.
func (b bound) play(t *testing.T) error {
	n, err := b.figure(t)
	if err != nil {
		return err
	}
	note(t, "%s: %d %s, at most %d", b.name, n, b.unit, b.limit)
	if n > b.limit {
		return fmt.Errorf("%d %s, more than %d", n, b.unit, b.limit)
	}
	return nil
}

// liveHeap is what is reachable, in bytes.
func liveHeap() int64 {
	runtime.GC()
	runtime.GC() // what the first one only marked for finalizing
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// clock is how long f takes, in milliseconds of the clock that rules where it is called.
func clock(f func() error) (int64, error) {
	began := time.Now()
	err := f()
	return time.Since(began).Milliseconds(), err
}

// bubbled is how many goroutines this bubble has.
func bubbled() int {
	synctest.Wait()
	var b strings.Builder
	_ = pprof.Lookup("goroutine").WriteTo(&b, 2)
	all := strings.Split(b.String(), "\n\n")
	own, n := "", 0
	for i, g := range all {
		at := strings.Index(g, "synctest bubble ")
		if at < 0 {
			continue
		}
		bubble := g[at : at+strings.IndexAny(g[at:], "],")]
		if i == 0 {
			own = bubble
		}
		if bubble == own {
			n++
		}
	}
	return n
}
