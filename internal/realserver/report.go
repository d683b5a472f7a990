package realserver

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// ReportVariable names the environment variable with a file to which [Report]
// appends instead of printing; the makefile prints it when all tests are done.
const ReportVariable = "XMPP_INTEROP_REPORT"

// Report tells which servers or programs the tests had to do without, one line
// each. The go command shows nothing of a package that passes, so on Linux the
// lines go to the go command's own standard error. It blocks no longer than a
// write to that file does.
func Report(missing []string) {
	if len(missing) == 0 {
		return
	}
	var text strings.Builder
	for _, line := range missing {
		fmt.Fprintf(&text, "interop tests ran without %s\n", strings.ReplaceAll(line, "\n", " "))
	}
	out := reportFile()
	if out == nil {
		out = goCommandStderr()
	}
	if out != nil {
		defer func() { _ = out.Close() }()
		if _, err := io.WriteString(out, text.String()); err == nil {
			return
		}
	}
	_, _ = io.WriteString(os.Stderr, text.String())
}

// reportFile is the file of [ReportVariable], nil if there is none.
func reportFile() *os.File {
	name := os.Getenv(ReportVariable)
	if name == "" {
		return nil
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil
	}
	return file
}
