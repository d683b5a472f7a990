package xmpptest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gosmack/xmpp"
)

// TestStore tests an implementation of [xmpp.Store]: one line in a package's
// tests. open returns an empty store; it is called once for each part, in the
// test's own goroutine, and may use t.Cleanup to close it. What needs a crash to
// be seen, that a Put is durable and atomic, is not tested.
func TestStore(t *testing.T, open func() xmpp.Store) {
	t.Helper()
	for _, part := range []struct {
		name string
		test func(*testing.T, xmpp.Store)
	}{
		{"values", storeValues}, {"keys", storeKeys}, {"names", storeNames},
		{"ranging", storeRanging}, {"goroutines", storeGoroutines},
	} {
		s := open()
		t.Run(part.name, func(t *testing.T) { part.test(t, s) })
	}
}

func storeValues(t *testing.T, s xmpp.Store) {
	expectValue(t, s, "a/x", nil)
	for _, value := range [][]byte{[]byte("one"), {}, []byte("\x00\xff\r\n"), bytes.Repeat([]byte("large "), 1<<17), []byte("small")} {
		given := bytes.Clone(value)
		put(t, s, "a/x", given)
		clear(given) // the caller's own again
		got := expectValue(t, s, "a/x", value)
		clear(got) // likewise
		expectValue(t, s, "a/x", value)
	}
	put(t, s, "a/nil", nil)
	expectValue(t, s, "a/nil", []byte{})
	for range 2 { // the second has nothing to delete
		remove(t, s, "a/x")
		expectValue(t, s, "a/x", nil)
	}
	expectKeys(t, s, "", "a/nil")
}

func storeKeys(t *testing.T, s xmpp.Store) {
	expectKeys(t, s, "")
	for _, key := range []string{"b/x", "a/y", "a/x/2", "a", "a/x", "a/x/10", "A/x", "a0"} {
		put(t, s, key, []byte(key))
	}
	expectKeys(t, s, "", "A/x", "a", "a/x", "a/x/10", "a/x/2", "a/y", "a0", "b/x")
	expectKeys(t, s, "a/", "a/x", "a/x/10", "a/x/2", "a/y")
	expectKeys(t, s, "a/x", "a/x", "a/x/10", "a/x/2")
	expectKeys(t, s, "c")
	expectValue(t, s, "A/x", []byte("A/x"))
	remove(t, s, "a/x")
	expectKeys(t, s, "a/x", "a/x/10", "a/x/2")
}

// oddKeys are texts, without U+0000, that a careless store mixes up, loses or puts elsewhere.
func oddKeys() []string {
	keys := []string{
		"", " ", ".", "..", "/", "//", "../x", "/etc/x", `..\x`, `c:\x`, "x/../y", "x/", "x", "X", "x ", "x.", ".x", "x=", "x~", "-x", "%", "%2f",
		"x%2fy", "x/y", "x_y", "CON", "nul", "lock", "é", "e\u0301", "ß", "SS", "ı", "İ", "\u202e", "😀", "\x01", "\n", "\ufeff", "*", "_", "'", "\"",
		"romeo@montague.example/roster", "ромео@монтекки.example/pin",
	}
	for _, n := range []int{59, 60, 61, 114, 115, 116, 117, 179, 180, 181, 182, 254, 255, 256, 1000} {
		keys = append(keys, strings.Repeat("k", n), strings.Repeat("k", n-1)+"K", strings.Repeat("ж", n))
	}
	return keys
}

func storeNames(t *testing.T, s xmpp.Store) {
	keys := oddKeys()
	for _, key := range keys {
		put(t, s, key, []byte("value of "+key))
	}
	for _, key := range keys {
		expectValue(t, s, key, []byte("value of "+key))
	}
	slices.Sort(keys)
	expectKeys(t, s, "", keys...)
	for i, key := range keys {
		remove(t, s, key)
		if i%16 == 0 {
			expectKeys(t, s, "", keys[i+1:]...)
		}
	}
}

func storeRanging(t *testing.T, s xmpp.Store) {
	for i := range 10 {
		put(t, s, fmt.Sprint(i), nil)
	}
	for range s.Keys(t.Context(), "") {
		break
	}
	seen := 0
	for key, err := range s.Keys(t.Context(), "") { // deleting while ranging is allowed
		if err != nil {
			t.Fatal("Keys:", err)
		}
		remove(t, s, key)
		seen++
	}
	if seen != 10 {
		t.Errorf("Keys yields %d of 10 that are deleted on the way", seen)
	}
	expectKeys(t, s, "")
}

// storeGoroutines writes keys of each goroutine's own and one that all share.
func storeGoroutines(t *testing.T, s xmpp.Store) {
	const goroutines, rounds = 16, 10
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			own, ctx := fmt.Sprintf("own/%02d", g), context.Background()
			for i := range rounds {
				value := bytes.Repeat([]byte{byte(g)}, 1000*i+1)
				for _, key := range []string{own, "shared"} {
					if err := s.Put(ctx, key, value); err != nil {
						t.Errorf("Put %q: %v", key, err)
					}
				}
				if got, err := s.Get(ctx, own); err != nil || !bytes.Equal(got, value) {
					t.Errorf("Get %q: another value than was put, error %v", own, err)
				}
				got, err := s.Get(ctx, "shared")
				if err != nil || len(got) == 0 || len(bytes.Trim(got, string(got[:1]))) > 0 {
					t.Errorf("Get of what many put: a value that nobody did, error %v", err)
				}
				if err := s.Delete(ctx, fmt.Sprintf("none/%d", i)); err != nil {
					t.Errorf("Delete: %v", err)
				}
				seen := false
				for key, err := range s.Keys(ctx, "own/") {
					seen = seen || err == nil && key == own
				}
				if !seen {
					t.Errorf("Keys misses %q while others are put", own)
				}
			}
		})
	}
	wg.Wait()
}

func put(t *testing.T, s xmpp.Store, key string, value []byte) {
	t.Helper()
	if err := s.Put(t.Context(), key, value); err != nil {
		t.Fatalf("Put %.40q: %v", key, err)
	}
}

func remove(t *testing.T, s xmpp.Store, key string) {
	t.Helper()
	if err := s.Delete(t.Context(), key); err != nil {
		t.Fatalf("Delete %.40q: %v", key, err)
	}
}

// expectValue gets a value and fails where it isn't want; nil means that there is none.
func expectValue(t *testing.T, s xmpp.Store, key string, want []byte) []byte {
	t.Helper()
	got, err := s.Get(t.Context(), key)
	if err != nil || !bytes.Equal(got, want) || (got == nil) != (want == nil) {
		t.Errorf("Get %.40q: %.40q (nil: %v), want %.40q (nil: %v), error %v", key, got, got == nil, want, want == nil, err)
	}
	return got
}

func expectKeys(t *testing.T, s xmpp.Store, prefix string, want ...string) {
	t.Helper()
	var got []string
	for key, err := range s.Keys(t.Context(), prefix) {
		if err != nil {
			t.Fatalf("Keys %q: %v", prefix, err)
		}
		got = append(got, key)
	}
	if !slices.Equal(got, want) {
		t.Errorf("Keys %q: %.200q, want %.200q", prefix, got, want)
	}
}
