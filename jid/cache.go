package jid

import (
	"hash/maphash"
	"strings"
	"sync"
)

// The cache is a fixed table, so its bounds hold by construction: 4096 entries
// of at most 256 bytes before and after preparation, 512 bytes for the entries
// of a set together and so 512 KiB in all, plus the table itself. It never
// grows, has no timers and no goroutines.
const (
	cacheSets = 1024
	cacheWays = 4
	maxCached = 256 // bytes of an address; longer ones are parsed each time
	maxText   = 512 // bytes of a set's addresses, which is what a JID can keep alive
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
//
// The addresses lie in one string, which is made anew for each one that comes
// in: the garbage collector looks at each string that lives in each cycle, and
// a quarter as many cost a quarter of that.
type cacheSet struct {
	mu     sync.Mutex        // guards all below; held for a few compares, never across anything that waits
	misses uint8             // since the last aging
	uses   [cacheWays]uint8  // hits, saturating; 0: may be replaced
	hash   [cacheWays]uint32 // of the keys, to tell most others from them at a glance
	ways   [cacheWays]cacheEntry
	text   string // the entries' and nothing else
}

// A cacheEntry is a place in its set's text: the address as it came and, unless
// it came that way, behind it as it is prepared. The zero one is none.
type cacheEntry struct {
	start, prepared, end uint16
	local, domain        uint16 // as in JID
}

func (e *cacheEntry) key(text string) string {
	if e.prepared == e.start {
		return text[e.start:e.end]
	}
	return text[e.start:e.prepared]
}

func (e *cacheEntry) size() int { return int(e.end - e.start) }

func (e *cacheEntry) jid(text string) JID {
	return JID{s: text[e.prepared:e.end], local: e.local, domain: e.domain}
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
	j, own, err := read(s)
	if err != nil {
		return JID{}, err
	}
	if kept, ok := set.put(s, hash, j); ok {
		return kept, nil
	}
	if !own {
		j = j.Clone()
	}
	return j, nil
}

func (c *cache) set(key string) (*cacheSet, uint32) {
	h := maphash.String(c.seed, key)
	return &c.sets[h%cacheSets], uint32(h >> 32)
}

func (s *cacheSet) get(key string, hash uint32) (JID, bool) {
	s.mu.Lock()
	for i := range s.ways {
		if s.hash[i] == hash && s.ways[i].key(s.text) == key {
			s.uses[i] = min(s.uses[i]+1, maxUses)
			j := s.ways[i].jid(s.text)
			s.mu.Unlock()
			return j, true
		}
	}
	s.mu.Unlock()
	return JID{}, false
}

// put notes what a miss has found and returns it as it is kept; false: it isn't.
// Only an entry without uses gives way, the least used one loses a use instead:
// addresses seen once replace each other, and what is in use stays, however many
// of them come.
func (s *cacheSet) put(key string, hash uint32, j JID) (JID, bool) {
	if len(j.s) > maxCached {
		return JID{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.age()
	for i := range s.ways {
		if e := &s.ways[i]; s.hash[i] == hash && e.key(s.text) == key {
			return e.jid(s.text), true // another goroutine was faster
		}
	}
	prepared := 0
	if key != j.s {
		prepared = len(key)
	}
	n := prepared + len(j.s)
	place, room := s.makeRoom(n)
	if !room {
		return JID{}, false
	}
	s.replace(place, key[:prepared], j.s)
	start := uint16(len(s.text) - n)
	e := cacheEntry{start, start + uint16(prepared), start + uint16(n), j.local, j.domain}
	s.ways[place], s.hash[place], s.uses[place] = e, hash, 0
	return e.jid(s.text), true
}

// makeRoom finds a place for an entry of n bytes, which may be one to replace.
func (s *cacheSet) makeRoom(n int) (place int, ok bool) {
	// Begin elsewhere each time, or one unused entry would shield the others.
	first := int(s.misses)
	for {
		free, least := -1, -1
		for i := range s.ways {
			i = (first + i) % cacheWays
			switch {
			case s.ways[i].end == 0:
				free = i
			case least < 0 || s.uses[i] < s.uses[least]:
				least = i
			}
		}
		switch {
		case free >= 0 && len(s.text)+n <= maxText:
			return free, true
		case s.uses[least] > 0:
			s.uses[least]--
			return 0, false
		case len(s.text)-s.ways[least].size()+n <= maxText:
			return least, true
		}
		s.replace(least, "", "")
	}
}

// replace takes an entry off, if there is one, and puts two strings behind the others.
func (s *cacheSet) replace(place int, more, text string) {
	off := s.ways[place]
	var b strings.Builder // a sum would be one of its parts where the others are empty, and refer to what a caller gave
	b.Grow(len(s.text) - off.size() + len(more) + len(text))
	b.WriteString(s.text[:off.start])
	b.WriteString(s.text[off.end:])
	b.WriteString(more)
	b.WriteString(text)
	s.text = b.String()
	s.ways[place] = cacheEntry{}
	n := uint16(off.size())
	for i := range s.ways {
		if e := &s.ways[i]; e.start >= off.end && e.end != 0 {
			e.start, e.prepared, e.end = e.start-n, e.prepared-n, e.end-n
		}
	}
}

// age lets entries that were popular once make room in the end.
func (s *cacheSet) age() {
	if s.misses++; s.misses < agePeriod {
		return
	}
	s.misses = 0
	for i := range s.uses {
		s.uses[i] /= 2
	}
}
