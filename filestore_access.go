package xmpp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Get implements [Store]. A value that was damaged on the disk is [ErrStoreDamaged].
func (s *FileStore) Get(ctx context.Context, key string) ([]byte, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.use.RUnlock()
	data, err := s.read(fileName(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("xmpp: store: key %q: %w", key, err)
	}
	value, err := decodeRecord(key, data)
	if err != nil {
		return nil, fmt.Errorf("xmpp: store: key %q: %w", key, err)
	}
	return value, nil
}

func (s *FileStore) read(name string) ([]byte, error) {
	s.swap.RLock()
	defer s.swap.RUnlock()
	return os.ReadFile(filepath.Join(s.dir, name))
}

// Put implements [Store]. Many at once share the disk's work. With an error the value is the old
// one, or, where the directory could not be synchronized, perhaps the new one.
func (s *FileStore) Put(ctx context.Context, key string, value []byte) error {
	return s.change(ctx, key, func(path string) error { return s.replace(path, encodeRecord(key, value)) })
}

// Delete implements [Store]. It is durable when it returns.
func (s *FileStore) Delete(ctx context.Context, key string) error {
	return s.change(ctx, key, s.remove)
}

// change does something to the file of a key and makes it last.
func (s *FileStore) change(ctx context.Context, key string, do func(path string) error) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	defer s.use.RUnlock()
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	err := do(filepath.Join(s.dir, fileName(key)))
	<-s.slots
	if err == nil {
		err = s.dirs.wait()
	}
	if err != nil {
		return fmt.Errorf("xmpp: store: key %q: %w", key, err)
	}
	return nil
}

// Keys implements [Store]. It yields a snapshot. A file whose key can't be told any more is [ErrStoreDamaged].
func (s *FileStore) Keys(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		keys, err := s.list(ctx)
		slices.Sort(keys)
		for _, key := range keys {
			if strings.HasPrefix(key, prefix) && !yield(key, nil) {
				return
			}
		}
		if err != nil {
			yield("", err)
		}
	}
}

func (s *FileStore) list(ctx context.Context) (keys []string, err error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.use.RUnlock()
	s.swap.RLock() // some file systems show neither the old nor the new one while a file is replaced
	entries, err := os.ReadDir(s.dir)
	s.swap.RUnlock()
	for _, entry := range entries {
		key, whole, known := keyOf(entry.Name())
		switch {
		case !known:
			continue
		case !whole:
			data, failed := s.read(entry.Name())
			if errors.Is(failed, fs.ErrNotExist) {
				continue // deleted meanwhile
			}
			if failed == nil {
				// A hash in the name proves the key, whatever has become of the value.
				if key, _ = cutKey(data); fileName(key) != entry.Name() {
					failed = ErrStoreDamaged
				}
			}
			if failed != nil {
				err = errors.Join(err, fmt.Errorf("xmpp: store: file %s: %w", entry.Name(), failed))
				continue
			}
		}
		keys = append(keys, key)
	}
	return keys, err
}
