package main

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// machine says on what the figures were taken.
func machine(ctx context.Context, l *lab) *section {
	s := &section{name: "machine"}
	s.note("Figures of %s, %d rounds, %s on %s/%s, %d cores, %s, Linux %s, this library at %s. All over loopback, in the clear where nothing else is said.",
		time.Now().UTC().Format(time.DateOnly), l.rounds, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), processor(), kernel(), revision(ctx))
	return s
}

func processor() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "an unknown processor"
}

func kernel() string {
	b, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "of unknown version"
	}
	return strings.TrimSpace(string(b))
}

func revision(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "an unknown revision"
	}
	return strings.TrimSpace(string(out))
}
