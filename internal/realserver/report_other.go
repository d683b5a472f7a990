//go:build !linux

package realserver

import "os"

func goCommandStderr() *os.File { return nil }
