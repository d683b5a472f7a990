package xmpp

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// A lockFile is held by one process at a time, and by nobody when that one has ended.
type lockFile struct{ *os.File }

const sharingViolation syscall.Errno = 32

// acquire opens the file so that nobody else can.
func acquire(path string) (lockFile, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return lockFile{}, err
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_WRITE, 0, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, sharingViolation) {
		return lockFile{}, fmt.Errorf("%w: %s is locked", ErrStoreInUse, path)
	}
	if err != nil {
		return lockFile{}, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	return lockFile{os.NewFile(uintptr(h), path)}, nil
}

func (l lockFile) release() error { return l.Close() }

// The mode says nothing about the access list that the directory has or inherits.
func openToAll(os.FileInfo) bool { return false }

// A directory can't be synchronized; NTFS keeps a journal of its names.
func syncDir(string) error { return nil }
