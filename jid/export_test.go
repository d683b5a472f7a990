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
	CacheEntries = cacheSets * cacheWays
	MaxCached    = maxCached
)

// Cache is one that no other test has touched.
type Cache struct{ c *cache }

func NewCache() Cache { return Cache{&cache{seed: maphash.MakeSeed()}} }

func (t Cache) Parse(s string) (JID, error) { return t.c.parse(s) }

// Holds reports whether s would be served from the cache, without counting as a use.
func (t Cache) Holds(s string) bool {
	set, _ := t.c.set(s)
	for _, e := range set.ways {
		if e.key == s {
			return true
		}
	}
	return false
}

// Load counts the entries and the bytes they refer to.
func (t Cache) Load() (entries, bytes int) {
	for i := range t.c.sets {
		for _, e := range t.c.sets[i].ways {
			if e.key != "" {
				entries++
				bytes += len(e.key) + len(e.jid.s)
			}
		}
	}
	return entries, bytes
}
