package realserver

import (
	"os/exec"
	"path/filepath"
)

// lookProgram finds a program on the PATH or where system programs are, which
// the PATH of a user other than root often leaves out.
func lookProgram(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", err
}
