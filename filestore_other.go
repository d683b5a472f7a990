//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package xmpp

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// A lockFile exists as long as its store is open. A process that was killed leaves it behind: without locks of the
// system's nobody can tell, so a person has to remove it.
type lockFile struct{ *os.File }

func acquire(path string) (lockFile, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return lockFile{}, fmt.Errorf("%w: %s exists; remove it if no process has the store", ErrStoreInUse, path)
	}
	return lockFile{f}, err
}

func (l lockFile) release() error { return errors.Join(l.Close(), os.Remove(l.Name())) }

func openToAll(info os.FileInfo) bool { return info.Mode().Perm()&0o002 != 0 }

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
