package xmpp

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// replace makes data the whole of the file at path: it is written beside it and takes its place when it is on the disk.
func (s *FileStore) replace(path string, data []byte) error {
	temp := filepath.Join(s.dir, tempPrefix+strconv.FormatInt(s.temps.Add(1), 10)+tempSuffix)
	err := s.write(temp, data)
	if err == nil {
		err = s.rename(temp, path)
	}
	if err != nil {
		_ = s.remove(temp) // else the next open does it
	}
	return err
}

func (s *FileStore) write(path string, data []byte) error {
	if err := s.step("create", path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err = s.step("write", path); err == nil {
		_, err = f.Write(data)
	}
	if err == nil {
		err = s.step("sync", path)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (s *FileStore) rename(from, to string) error {
	if err := s.step("rename", to); err != nil {
		return err
	}
	s.swap.Lock()
	defer s.swap.Unlock()
	return os.Rename(from, to)
}

// remove of what is not there is no error.
func (s *FileStore) remove(path string) error {
	if err := s.step("remove", path); err != nil {
		return err
	}
	s.swap.Lock()
	defer s.swap.Unlock()
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (s *FileStore) syncDir(dir string) error {
	if err := s.step("syncdir", dir); err != nil {
		return err
	}
	return syncDir(dir)
}

// makeDir makes a directory that lasts, with those above it.
func (s *FileStore) makeDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err == nil && !info.IsDir():
		return fmt.Errorf("%s is no directory", dir)
	case err == nil && openToAll(info):
		return fmt.Errorf("everybody may write to %s", dir)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return s.makeDirs(dir)
}

func (s *FileStore) makeDirs(dir string) error {
	parent := filepath.Dir(dir)
	if _, err := os.Stat(parent); errors.Is(err, fs.ErrNotExist) {
		if err := s.makeDirs(parent); err != nil {
			return err
		}
	}
	if err := s.step("mkdir", dir); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return s.syncDir(parent)
}

// A syncer synchronizes for many at once: who comes while it is at work waits for its next turn, with all others who do.
type syncer struct {
	sync func() error
	turn sync.Mutex // held by the one who synchronizes
	mu   sync.Mutex
	next *turn // who joins it will be served; nil: there is none yet
}

type turn struct {
	done chan struct{}
	err  error
}

// wait returns when all that was done before the call is synchronized.
func (s *syncer) wait() error {
	s.mu.Lock()
	t, first := s.next, s.next == nil
	if first {
		t = &turn{done: make(chan struct{})}
		s.next = t
	}
	s.mu.Unlock()
	if !first {
		<-t.done
		return t.err
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	s.mu.Lock()
	s.next = nil // who comes from here on may be too late for this one
	s.mu.Unlock()
	t.err = s.sync()
	close(t.done)
	return t.err
}
