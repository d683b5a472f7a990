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

	mu   sync.Mutex
	few  []stored           // in no order, while there are no more than fewValues: a map begins with room for eight
	many map[string]*[]byte // else
}

// A stored value is a pointer, which package fmt doesn't follow where it asks no methods.
type stored struct {
	key   string
	value *[]byte
}

const fewValues = 6

// NewMemoryStore returns an empty store.
func NewMemoryStore() *MemoryStore { return new(MemoryStore) }

// Format writes how many values there are: some of them are as secret as a password.
func (s *MemoryStore) Format(f fmt.State, _ rune) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = fmt.Fprintf(f, "xmpp.MemoryStore(%d)", len(s.few)+len(s.many))
}

// Get implements [Store].
func (s *MemoryStore) Get(_ context.Context, key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value := s.many[key]
	if i := s.index(key); i >= 0 {
		value = s.few[i].value
	}
	if value != nil {
		return bytes.Clone(*value), nil
	}
	return nil, nil
}

// index is where a key stands in few, or -1.
func (s *MemoryStore) index(key string) int {
	return slices.IndexFunc(s.few, func(v stored) bool { return v.key == key })
}

// Put implements [Store].
func (s *MemoryStore) Put(_ context.Context, key string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	value = append([]byte{}, value...)
	switch i := s.index(key); {
	case i >= 0:
		s.few[i].value = &value
	case s.many == nil && len(s.few) < fewValues:
		s.few = append(slices.Clip(s.few), stored{strings.Clone(key), &value})
	default:
		s.put(strings.Clone(key), &value)
	}
	return nil
}

// put keeps a value among many.
func (s *MemoryStore) put(key string, value *[]byte) {
	if s.many == nil {
		s.many = make(map[string]*[]byte)
	}
	s.many[key] = value
	for _, v := range s.few {
		s.many[v.key] = v.value
	}
	s.few = nil
}

// Delete implements [Store].
func (s *MemoryStore) Delete(_ context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.many, key)
	s.few = slices.DeleteFunc(s.few, func(v stored) bool { return v.key == key })
	return nil
}

// Keys implements [Store]. It yields a snapshot.
func (s *MemoryStore) Keys(_ context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		s.mu.Lock()
		keys := slices.Collect(maps.Keys(s.many))
		for _, v := range s.few {
			keys = append(keys, v.key)
		}
		slices.Sort(keys)
		s.mu.Unlock()
		for _, k := range keys {
			if strings.HasPrefix(k, prefix) && !yield(k, nil) {
				return
			}
		}
	}
}
