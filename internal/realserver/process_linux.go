package realserver

import (
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// owner is the user a server runs as; nil means the user of the tests.
type owner struct{ uid, gid uint32 }

// serviceOwner returns the server's own system user when the tests run as root
// and that user can reach the folder.
func serviceOwner(name, dir string) *owner {
	if os.Geteuid() != 0 || !reachable(dir) {
		return nil
	}
	account, err := user.Lookup(name)
	if err != nil {
		return nil
	}
	uid, errUID := strconv.ParseUint(account.Uid, 10, 32)
	gid, errGID := strconv.ParseUint(account.Gid, 10, 32)
	if errUID != nil || errGID != nil {
		return nil
	}
	return &owner{uid: uint32(uid), gid: uint32(gid)}
}

// reachable reports whether any user may pass through dir and all above it.
func reachable(dir string) bool {
	for {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm()&0o001 == 0 {
			return false
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return true
		}
		dir = parent
	}
}

// give makes everything below root the owner's.
func (o *owner) give(root string) error {
	if o == nil {
		return nil
	}
	return filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(o.uid), int(o.gid))
	})
}

// confine puts the child into a process group of its own, lets the kernel kill
// it when the tests die, and runs it as the owner.
func confine(cmd *exec.Cmd, o *owner) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if o != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: o.uid, Gid: o.gid}
	}
}

func (p *process) askToEnd() error { return p.cmd.Process.Signal(syscall.SIGTERM) }

// killGroup ends the whole group; one that is gone already is fine.
func (p *process) killGroup() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }
