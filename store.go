package xmpp

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
)

// A Store keeps what outlives a process. One Store is one device and serves one live Connection for
// each account (the stores of this package refuse a second one: ErrStoreInUse). Keys are slash-separated, "account/kind/…". Its methods may be called from many
// goroutines at once.
type Store interface {
	// Get returns the value, or nil without an error if there is none.
	Get(ctx context.Context, key string) ([]byte, error)
	// Put is durable and atomic when it returns.
	Put(ctx context.Context, key string, value []byte) error
	// Delete of what is not there is no error.
	Delete(ctx context.Context, key string) error
	// Keys yields the keys with this prefix, in order; an error is the last pair.
	Keys(ctx context.Context, prefix string) iter.Seq2[string, error]
}

// MemoryStore is a Store that lasts as long as the process.
type MemoryStore struct {
	claims

	mu     sync.Mutex
	values map[string]*[]byte // pointers, which package fmt doesn't follow where it asks no methods
}

// NewMemoryStore returns an empty store.
func NewMemoryStore() *MemoryStore { return new(MemoryStore) }

// Format writes how many values there are: some of them are as secret as a password.
func (s *MemoryStore) Format(f fmt.State, _ rune) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = fmt.Fprintf(f, "xmpp.MemoryStore(%d)", len(s.values))
}

// Get implements [Store].
func (s *MemoryStore) Get(_ context.Context, key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if value := s.values[key]; value != nil {
		return bytes.Clone(*value), nil
	}
	return nil, nil
}

// Put implements [Store].
func (s *MemoryStore) Put(_ context.Context, key string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	value = append([]byte{}, value...)
	if s.values == nil {
		s.values = make(map[string]*[]byte)
	}
	s.values[strings.Clone(key)] = &value
	return nil
}

// Delete implements [Store].
func (s *MemoryStore) Delete(_ context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.values, key)
	return nil
}

// Keys implements [Store]. It yields a snapshot.
func (s *MemoryStore) Keys(_ context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		s.mu.Lock()
		keys := slices.Sorted(maps.Keys(s.values))
		s.mu.Unlock()
		for _, k := range keys {
			if strings.HasPrefix(k, prefix) && !yield(k, nil) {
				return
			}
		}
	}
}
