package xmpp_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp"
)

var errPower = errors.New("the power failed")

// TestFileStoreAtEveryStep lets each step of a life fail, once alone and once with all that come after it, as a crash does.
func TestFileStoreAtEveryStep(t *testing.T) {
	life := func(s *xmpp.FileStore) (sure, perhaps map[string]string) {
		sure, perhaps = map[string]string{}, map[string]string{}
		for i, op := range []string{"put a", "put b", "put a", "delete b", "put b", "delete missing", "delete a", "put long"} {
			verb, key, _ := strings.Cut(op, " ")
			key, value := strings.Replace(key, "long", strings.Repeat("l", 300), 1), strings.Repeat(fmt.Sprint(i), 9000)
			do := func() error { return s.Put(context.Background(), key, []byte(value)) }
			if verb == "delete" {
				value = ""
				do = func() error { return s.Delete(context.Background(), key) }
			}
			if do() == nil {
				sure[key] = value
				delete(perhaps, key)
			} else if _, ok := perhaps[key]; !ok {
				perhaps[key] = value
			}
		}
		return sure, perhaps
	}
	var all []string
	for _, crash := range []bool{false, true} {
		for stop := 0; ; stop++ {
			dir := filepath.Join(t.TempDir(), "new", "store")
			steps := []string{}
			s, err := xmpp.OpenFileStore(dir, func(op, path string) error {
				steps = append(steps, op)
				at := len(steps) - 1
				if at == stop && op == "write" { // the disk may have taken a part
					require.NoError(t, os.WriteFile(path, []byte("xmpp-kv"), 0o600))
				}
				if at == stop || crash && at > stop {
					return errPower
				}
				return nil
			})
			sure, perhaps := map[string]string{}, map[string]string{}
			if err == nil {
				sure, perhaps = life(s)
				require.NoError(t, s.Close())
			} else {
				require.ErrorIs(t, err, errPower)
			}
			what := fmt.Sprintf("crash: %v, stopped at %d of %v", crash, stop, steps)
			again, err := xmpp.NewFileStore(dir)
			require.NoError(t, err, what)
			for _, key := range []string{"a", "b", "missing", strings.Repeat("l", 300)} {
				got, err := again.Get(t.Context(), key)
				require.NoError(t, err, what)
				new, failed := perhaps[key]
				require.True(t, string(got) == sure[key] || failed && string(got) == new, "%s: %s is %.5q", what, key, got)
			}
			leftovers, err := filepath.Glob(filepath.Join(dir, "*.tmp"))
			require.NoError(t, err)
			require.Empty(t, leftovers, what)
			require.NoError(t, again.Close())
			if stop >= len(steps) {
				all = steps
				break
			}
		}
	}
	put := "create write sync rename syncdir"
	del := "remove syncdir"
	require.Equal(t, strings.Join([]string{"mkdir syncdir mkdir syncdir", put, put, put, del, put, del, del, put}, " "), strings.Join(all, " "),
		"what is on the disk is named, and the name is on the disk when Put returns")
}

const childDir = "XMPP_FILESTORE_CHILD"

// TestMain is also the processes that TestFileStoreIsKilled and TestProcessIsKilled kill.
func TestMain(m *testing.M) {
	if address := os.Getenv(childIdle); address != "" {
		if err := beIdle(address); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if address := os.Getenv(childServer); address != "" {
		if err := sendForever(address, os.Getenv(childDir)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if dir := os.Getenv(childDir); dir != "" {
		fmt.Fprintln(os.Stderr, writeForever(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const childKeys = 4

// writeForever puts ever higher numbers under each key, and tells before and after each.
func writeForever(dir string) error {
	s, err := xmpp.NewFileStore(dir)
	if err != nil {
		return err
	}
	failed := make(chan error)
	for k := range childKeys {
		go func() {
			key := fmt.Sprint(k)
			value, err := s.Get(context.Background(), key)
			for n := numberOf(value) + 1; err == nil; n++ {
				fmt.Printf("begin %d %d\n", k, n)
				if err = s.Put(context.Background(), key, numbered(n)); err == nil {
					fmt.Printf("done %d %d\n", k, n)
				}
			}
			failed <- err
		}()
	}
	return <-failed
}

// numbered is a value that says which it is, all through it.
func numbered(n uint64) []byte {
	return bytes.Repeat(binary.BigEndian.AppendUint64(nil, n), int(n*977%3000)+1)
}

func numberOf(value []byte) uint64 {
	if len(value) == 0 {
		return 0
	}
	return binary.BigEndian.Uint64(value)
}

// TestFileStoreIsKilled kills a process that puts, at random moments, and looks at what it leaves.
func TestFileStoreIsKilled(t *testing.T) {
	const kills, processes = 200, 2
	var wg sync.WaitGroup
	for p := range processes {
		wg.Go(func() {
			dir, rng := t.TempDir(), rand.New(rand.NewPCG(1, uint64(p)))
			var done [childKeys]uint64
			for range kills / processes {
				if err := killOne(dir, rng.IntN(60), &done); err != nil {
					t.Error(err)
					return
				}
			}
			t.Logf("the values of process %d lived on for %v puts", p, done)
		})
	}
	wg.Wait()
	figure(t, "R26", "%d kills while a FileStore is written: every value that was put is there, whole", kills)
}

// killOne kills a child when it has told so many lines.
func killOne(dir string, lines int, done *[childKeys]uint64) error {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		return err
	}
	if err := child.Start(); err != nil {
		return err
	}
	begun := *done
	scanner := bufio.NewScanner(out)
	for n := 0; ; n++ {
		if n == lines {
			_ = child.Process.Kill()
		}
		if !scanner.Scan() {
			break
		}
		var what string
		var k int
		var number uint64
		if _, err := fmt.Sscan(scanner.Text(), &what, &k, &number); err != nil {
			return err
		}
		if what == "done" {
			done[k] = number
		} else {
			begun[k] = number
		}
	}
	_ = child.Wait() // killed
	s, err := xmpp.NewFileStore(dir)
	if err != nil {
		return err
	}
	defer s.Close()
	for k := range childKeys {
		value, err := s.Get(context.Background(), fmt.Sprint(k))
		n := numberOf(value)
		switch {
		case err != nil:
			return err
		case n < done[k] || n > begun[k] || n > 0 && !bytes.Equal(value, numbered(n)):
			return fmt.Errorf("key %d has value %d; %d was done and %d begun", k, n, done[k], begun[k])
		}
		done[k] = n
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*.tmp")); err != nil || len(left) > 0 {
		return fmt.Errorf("left behind: %v %v", left, err)
	}
	return nil
}
