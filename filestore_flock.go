//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package xmpp

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// A lockFile is held by one process at a time, and by nobody when that one has ended.
type lockFile struct{ *os.File }

func acquire(path string) (lockFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return lockFile{}, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != syscall.EINTR {
			break
		}
	}
	if err == nil {
		return lockFile{f}, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return lockFile{}, fmt.Errorf("%w: %s is locked", ErrStoreInUse, path)
	}
	return lockFile{}, &os.PathError{Op: "lock", Path: path, Err: err}
}

// The file stays: removing it would let two processes lock two files of one name.
func (l lockFile) release() error { return l.Close() }

func openToAll(info os.FileInfo) bool { return info.Mode().Perm()&0o002 != 0 }

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
