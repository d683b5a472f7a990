//go:build !linux

package realserver

import (
	"os"
	"os/exec"
)

// owner is the user a server runs as; here always the user of the tests.
type owner struct{}

func serviceOwner(string, string) *owner { return nil }

func (o *owner) give(string) error { return nil }

func confine(*exec.Cmd, *owner) {}

func (p *process) askToEnd() error { return p.cmd.Process.Signal(os.Interrupt) }

func (p *process) killGroup() { _ = p.cmd.Process.Kill() }
