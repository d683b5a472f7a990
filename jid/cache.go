package jid

import (
	"hash/maphash"
	"strings"
	"sync"
)

// The cache is a fixed table, so its bounds hold by construction: 4096 entries
// of at most 256 bytes before and after preparation, 2 MiB in all, plus the
// table itself. It never grows, has no timers and no goroutines.
const (
	cacheSets = 1024
	cacheWays = 4
	maxCached = 256 // bytes of an address; longer ones are parsed each time
	maxUses   = 15  // what an entry can save up against eviction
	agePeriod = 64  // misses of a set between two halvings of its uses
)

// recent serves Parse.
var recent = cache{seed: maphash.MakeSeed()}

// cache maps addresses as they came to what they are. The seed keeps peers from
// choosing addresses that fall into one set.
type cache struct {
	seed maphash.Seed
	sets [cacheSets]cacheSet
}

// cacheSet has a lock of its own: there are far more sets than processors, so
// connections hardly ever wait for each other.
type cacheSet struct {
	mu     sync.Mutex // guards all below; held for a few compares, never across anything that waits
	misses uint8      // since the last aging
	ways   [cacheWays]cacheEntry
}

type cacheEntry struct {
	key  string
	jid  JID
	uses uint8  // hits, saturating; 0: may be replaced
	hash uint32 // of key, to tell most others from it at a glance
}

// parse is what Parse does, by way of the cache. Errors are not kept.
func (c *cache) parse(s string) (JID, error) {
	if s == "" || len(s) > maxCached {
		return parse(s)
	}
	set, hash := c.set(s)
	if j, ok := set.get(s, hash); ok {
		return j, nil
	}
	j, err := parse(s)
	if err == nil {
		set.put(s, hash, j)
	}
	return j, err
}

func (c *cache) set(key string) (*cacheSet, uint32) {
	h := maphash.String(c.seed, key)
	return &c.sets[h%cacheSets], uint32(h >> 32)
}

func (s *cacheSet) get(key string, hash uint32) (JID, bool) {
	s.mu.Lock()
	for i := range s.ways {
		if e := &s.ways[i]; e.hash == hash && e.key == key {
			e.uses = min(e.uses+1, maxUses)
			j := e.jid
			s.mu.Unlock()
			return j, true
		}
	}
	s.mu.Unlock()
	return JID{}, false
}

// put notes what a miss has found. Only an entry without uses gives way, the
// least used one loses a use instead: addresses seen once replace each other,
// and what is in use stays, however many of them come.
func (s *cacheSet) put(key string, hash uint32, j JID) {
	if len(j.s) > maxCached {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.age()
	// Begin elsewhere each time, or one unused entry would shield the others.
	first := int(s.misses)
	victim := &s.ways[first%cacheWays]
	for i := range s.ways {
		e := &s.ways[(first+i)%cacheWays]
		if e.key == key {
			return // another goroutine was faster
		}
		if e.uses < victim.uses || e.key == "" && victim.key != "" {
			victim = e
		}
	}
	if victim.uses > 0 {
		victim.uses--
		return
	}
	if key == j.s {
		key = j.s // one copy serves both
	} else {
		key = strings.Clone(key)
	}
	*victim = cacheEntry{key: key, jid: j, hash: hash}
}

// age lets entries that were popular once make room in the end.
func (s *cacheSet) age() {
	if s.misses++; s.misses < agePeriod {
		return
	}
	s.misses = 0
	for i := range s.ways {
		s.ways[i].uses /= 2
	}
}
