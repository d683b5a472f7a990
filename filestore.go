package xmpp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
)

var (
	// ErrStoreInUse: another FileStore, of this process or another one, has the directory; or, from Login, another connection of this process is logged in
	// to the account with the Store.
	ErrStoreInUse = errors.New("xmpp: the store is in use")
	// ErrStoreDamaged: what the disk gave back is not what was put there. The error names the key;
	// Delete or Put of it mends the store.
	ErrStoreDamaged = errors.New("xmpp: the store is damaged")
)

// writers is how many files are written at once: each takes a thread of the system's while it
// waits for the disk.
const writers = 32

const (
	lockName   = "lock"
	tempPrefix = "put-"
	tempSuffix = ".tmp"
)

// A FileStore is a [Store] in a directory of the local file system, one file for each value. What
// is put outlives the process and the machine's power: a crash at any moment leaves of each key
// the old value or the new one. It belongs to one FileStore at a time. Its methods wait for the
// disk and may be called from many goroutines at once; a context is looked at before the work
// begins, not during it.
type FileStore struct {
	claims

	dir   string
	lock  lockFile
	temps atomic.Int64  // names of files being written
	slots chan struct{} // one for each of the writers
	dirs  syncer

	// Tests see every step that changes the directory before it is taken, and may refuse it.
	step func(op, path string) error

	use    sync.RWMutex // read-held by each operation, so that Close waits for them
	closed bool         // guarded by use
	swap   sync.RWMutex // nothing is read while a name changes: Windows would refuse the change
}

// NewFileStore opens the store in dir, which is made, for its owner alone (0700), where it is
// missing; the files are 0600. What an interrupted Put left behind is removed. It fails with
// [ErrStoreInUse], refuses a directory that everybody may write to, and doesn't wait. The caller must Close it.
func NewFileStore(dir string) (*FileStore, error) {
	dir, err := filepath.Abs(dir) // the working directory may change
	if err != nil {
		return nil, fmt.Errorf("xmpp: store: %w", err)
	}
	return openFileStore(dir, func(string, string) error { return nil })
}

func openFileStore(dir string, step func(op, path string) error) (*FileStore, error) {
	s := &FileStore{dir: dir, slots: make(chan struct{}, writers), step: step}
	s.dirs.sync = func() error { return s.syncDir(dir) }
	if err := s.open(); err != nil {
		return nil, fmt.Errorf("xmpp: store: %w", err)
	}
	return s, nil
}

func (s *FileStore) open() (err error) {
	if err := s.makeDir(s.dir); err != nil {
		return err
	}
	if s.lock, err = acquire(filepath.Join(s.dir, lockName)); err != nil {
		return err
	}
	if err = s.sweep(); err != nil {
		_ = s.lock.release()
	}
	return err
}

// sweep removes the files that were being written when the process before ended.
func (s *FileStore) sweep() error {
	entries, err := os.ReadDir(s.dir)
	for _, entry := range entries {
		if name := entry.Name(); strings.HasPrefix(name, tempPrefix) && strings.HasSuffix(name, tempSuffix) {
			err = errors.Join(err, s.remove(filepath.Join(s.dir, name)))
		}
	}
	return err
}

// Close lets running operations end and gives the directory free. Later calls fail with
// [fs.ErrClosed]; a second Close does nothing.
func (s *FileStore) Close() error {
	s.use.Lock()
	defer s.use.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return s.lock.release()
}

// begin starts an operation; the caller calls s.use.RUnlock at its end if there is no error.
func (s *FileStore) begin(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.use.RLock()
	if s.closed {
		s.use.RUnlock()
		return fmt.Errorf("xmpp: store: %w", fs.ErrClosed)
	}
	return nil
}
