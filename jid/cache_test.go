package jid_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/gosmack/xmpp/jid"
)

// flood parses n addresses made by pattern.
func flood(t *testing.T, c jid.Cache, n int, pattern string) {
	t.Helper()
	for i := range n {
		if _, err := c.Parse(fmt.Sprintf(pattern, i)); err != nil {
			t.Fatal(err)
		}
	}
}

// held counts those of n addresses that the cache has.
func held(c jid.Cache, n int, pattern string) (count int) {
	for i := range n {
		if c.Holds(fmt.Sprintf(pattern, i)) {
			count++
		}
	}
	return count
}

func TestAHitAllocatesNothing(t *testing.T) {
	c := jid.NewCache()
	for _, s := range []string{"hit@example.org/phone", "H\u00efT@Example.org./phone"} {
		_, err := c.Parse(s)
		require.NoError(t, err)
		require.True(t, c.Holds(s))
		require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = c.Parse(s) }))
	}
}

func TestCacheStaysBounded(t *testing.T) {
	for pattern, want := range map[string]int{
		"flood%06d@example.org/x": jid.CacheEntries,
		// Upper case, so that an entry has two strings, each nearly at the limit.
		"FLOOD%06d@example.org/" + strings.Repeat("p", jid.MaxCached-24): jid.CacheSets,
	} {
		c := jid.NewCache()
		flood(t, c, 10*jid.CacheEntries, pattern)
		entries, bytes := c.Load()
		require.Equal(t, want, entries)
		require.LessOrEqual(t, bytes, jid.CacheSets*jid.MaxText)
		require.Greater(t, bytes, entries*len(pattern))
	}
}

// Addresses of all lengths come and go, as they are and with something to prepare: each is found as what it is, and none grows a set.
func TestSetsHoldWhatTheySay(t *testing.T) {
	c, r := jid.NewCache(), rand.New(rand.NewPCG(1, 2))
	for range 30 * jid.CacheEntries {
		s := fmt.Sprintf("u%d@example.org/r%s", r.IntN(2*jid.CacheEntries), strings.Repeat("p", r.IntN(8)*r.IntN(30)))
		if r.IntN(2) == 0 {
			s = strings.ToUpper(s[:3]) + s[3:]
		}
		got, err := c.Parse(s)
		want, _ := jid.ParseUncached(s)
		if err != nil || got != want {
			t.Fatalf("%s is %v, %v", s, got, err)
		}
	}
	_, bytes := c.Load()
	require.LessOrEqual(t, bytes, jid.CacheSets*jid.MaxText)
	require.Less(t, c.Longest(), jid.MaxText+1)

	c = jid.NewCache()
	flood(t, c, jid.CacheSets, "U%d@example.org/r")
	require.Greater(t, held(c, jid.CacheSets, "U%d@example.org/r"), jid.CacheSets*95/100, "nor do they lose each other")
}

// The collector looks at each object that lives: a full cache is one for each set, and its table refers to no others.
func TestAFullCacheIsFewObjects(t *testing.T) {
	objects := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapObjects
	}
	c := jid.NewCache()
	before := objects()
	flood(t, c, 4*jid.CacheEntries, "friend%d@example.org/x")
	grown := objects() - before
	entries, _ := c.Load()
	require.Greater(t, entries, jid.CacheEntries*9/10)
	require.Less(t, int64(grown), int64(jid.CacheSets*5/4))
}

// What is handed out is a copy of its own, or the cache's, from the first time on.
func TestParseNeverRefersToItsArgument(t *testing.T) {
	c := jid.NewCache()
	for range 3 {
		for _, s := range []string{"plain@example.org/r", "Folded@example.org/r", "long@example.org/" + strings.Repeat("r", jid.MaxCached)} {
			buf := []byte(s)
			got, err := c.Parse(unsafe.String(&buf[0], len(buf)))
			require.NoError(t, err)
			clear(buf)
			require.Equal(t, strings.ToLower(s), got.String())
		}
	}
	// In full sets of entries in use nothing is kept.
	for range 20 {
		flood(t, c, 2*jid.CacheEntries, "friend%d@example.org/x")
	}
	refused := 0
	for i := range 100 {
		s := fmt.Sprintf("late%d@example.org/x", i)
		buf := []byte(s)
		got, err := c.Parse(unsafe.String(&buf[0], len(buf)))
		require.NoError(t, err)
		clear(buf)
		require.Equal(t, s, got.String())
		if !c.Holds(s) {
			refused++
		}
	}
	require.NotZero(t, refused)
}

func TestCloneSharesNothing(t *testing.T) {
	j := jid.MustParse("owner@example.org/r")
	clone := j.Bare().Clone()
	require.Equal(t, j.Bare(), clone)
	require.NotSame(t, unsafe.StringData(j.String()), unsafe.StringData(clone.String()))
	require.Zero(t, jid.JID{}.Clone())
}

func TestCacheOwnsItsKeys(t *testing.T) {
	const s = "OWNER@Example.ORG/r" // as it came, it is not what it became
	c := jid.NewCache()
	buf := []byte(s)
	_, err := c.Parse(unsafe.String(&buf[0], len(buf)))
	require.NoError(t, err)
	clear(buf)
	require.True(t, c.Holds(s))
}

func TestLongAddressesAreNotKept(t *testing.T) {
	c := jid.NewCache()
	longest := "a@b/" + strings.Repeat("k", jid.MaxCached-4)
	grows := "\u023a@b/" + strings.Repeat("k", jid.MaxCached-5) // one byte more when folded
	for s, kept := range map[string]bool{longest: true, longest + "k": false, grows: false, "": false} {
		_, _ = c.Parse(s)
		require.Equal(t, kept, s != "" && c.Holds(s), "%d bytes", len(s))
	}
	entries, _ := c.Load()
	require.Equal(t, 1, entries)
}

// A flood of addresses that come once must not drive out those in use.
func TestFloodLeavesWhatIsInUse(t *testing.T) {
	const hot, friends = 200, "friend%d@example.org/x"
	c := jid.NewCache()
	for range 20 {
		flood(t, c, hot, friends)
	}
	for round := range 10 {
		flood(t, c, 4*jid.CacheEntries, fmt.Sprintf("r%d-%%d@flood.example", round))
		require.GreaterOrEqual(t, held(c, hot, friends), hot*95/100, "round %d", round)
		flood(t, c, hot, friends)
	}
}

// Also in a full cache each entry's uses pay for its place.
func TestFloodWearsDownBeforeItReplaces(t *testing.T) {
	c := jid.NewCache()
	flood(t, c, 4*jid.CacheEntries, "friend%d@example.org/x")
	var friends []string
	for i := range 4 * jid.CacheEntries {
		if s := fmt.Sprintf("friend%d@example.org/x", i); c.Holds(s) {
			friends = append(friends, s)
		}
	}
	require.Greater(t, len(friends), jid.CacheEntries*9/10)
	for range 20 {
		for _, s := range friends {
			_, _ = c.Parse(s)
		}
	}
	flood(t, c, jid.CacheEntries, "%d@flood.example")
	kept := 0
	for _, s := range friends {
		if c.Holds(s) {
			kept++
		}
	}
	require.GreaterOrEqual(t, kept, len(friends)*99/100)
}

// What was popular once must make room in the end.
func TestCacheForgets(t *testing.T) {
	const n = jid.CacheEntries
	c := jid.NewCache()
	for range 20 {
		flood(t, c, n, "old%d@example.org")
	}
	before := held(c, n, "old%d@example.org")
	require.Greater(t, before, n/2)
	for range 100 { // another population, itself in use
		flood(t, c, n, "new%d@example.org")
	}
	// The new ones have as much room as the old had. Chance leaves some sets with
	// fewer than four of them (a fifth of all places); there nothing has to go.
	require.Greater(t, held(c, n, "new%d@example.org"), before*9/10)
	require.Less(t, held(c, n, "old%d@example.org"), n/3)
}

func TestParseConcurrently(t *testing.T) {
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 5000 {
				n, r := i%50, (g+i)%3
				got, err := jid.Parse(fmt.Sprintf("U%d@\u00fc.Example/%d", n, r))
				if want := fmt.Sprintf("u%d@\u00fc.example/%d", n, r); err != nil || got.String() != want {
					t.Errorf("got %s, %v, want %s", got, err, want)
					return
				}
			}
		})
	}
	wg.Wait()
}
