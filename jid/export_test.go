package jid

import "hash/maphash"

// The long and the short way, for tests that compare them.
var (
	EnforceLocal    = enforceLocal
	EnforceDomain   = enforceDomain
	EnforceResource = enforceResource
	IsPlainLocal    = isPlainLocal
	IsPlainDomain   = isPlainDomain
	IsPlainResource = isPlainResource
	ParseUncached   = parse
)

// The bounds of a cache.
const (
	CacheSets    = cacheSets
	CacheEntries = cacheSets * cacheWays
	MaxCached    = maxCached
	MaxText      = maxText
)

// Cache is one that no other test has touched.
type Cache struct{ c *cache }

func NewCache() Cache { return Cache{&cache{seed: maphash.MakeSeed()}} }

func (t Cache) Parse(s string) (JID, error) { return t.c.parse(s) }

// Holds reports whether s would be served from the cache, without counting as a use.
func (t Cache) Holds(s string) bool {
	set, _ := t.c.set(s)
	for _, e := range set.ways {
		if e.key(set.text) == s {
			return true
		}
	}
	return false
}

// Load counts the entries and the bytes that are kept for them.
func (t Cache) Load() (entries, bytes int) {
	for i := range t.c.sets {
		set := &t.c.sets[i]
		bytes += len(set.text)
		for _, e := range set.ways {
			if e.end != 0 {
				entries++
			}
		}
	}
	return entries, bytes
}

// Longest is the length of the set's text that is the longest.
func (t Cache) Longest() (n int) {
	for i := range t.c.sets {
		n = max(n, len(t.c.sets[i].text))
	}
	return n
}
