package realserver

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// System calls that package syscall has no name for; these numbers are the same
// on every architecture of Linux.
const (
	sysPidfdOpen  = 434
	sysPidfdGetfd = 438
)

// goCommandStderr opens the standard error of the parent process if that is the
// go command, else it returns nil.
func goCommandStderr() *os.File {
	parent := os.Getppid()
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", parent))
	if err != nil || strings.TrimSpace(string(name)) != "go" {
		return nil
	}
	if file := duplicateStderr(parent); file != nil {
		return file
	}
	// Appending, because a second opening of a regular file starts at its head.
	file, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/2", parent), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil
	}
	return file
}

// duplicateStderr shares the file description of the process's standard error,
// so that writes of both follow one another also in a regular file or a socket.
// The kernel may forbid it (ptrace scope); then it returns nil.
func duplicateStderr(pid int) *os.File {
	handle, _, errno := syscall.Syscall(sysPidfdOpen, uintptr(pid), 0, 0)
	if errno != 0 {
		return nil
	}
	defer func() { _ = syscall.Close(int(handle)) }()
	fd, _, errno := syscall.Syscall(sysPidfdGetfd, handle, 2, 0)
	if errno != 0 {
		return nil
	}
	return os.NewFile(fd, "stderr of the go command")
}
