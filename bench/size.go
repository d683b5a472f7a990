package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
)

// size is that of the least client's binary, and what the library brings along.
func size(ctx context.Context, l *lab) (*section, error) {
	s := &section{name: "size"}
	s.row("binary", "MB")
	for _, b := range []struct {
		title string
		flags []string
		goal  float64
	}{
		{"a client that connects, logs in and sends, as built", nil, 11e6},
		{`the same with -ldflags "-s -w"`, []string{"-ldflags", "-s -w"}, 9e6},
	} {
		if err := l.build(ctx, "size", "./size", b.flags...); err != nil {
			return nil, err
		}
		info, err := os.Stat(l.path("size"))
		if err != nil {
			return nil, err
		}
		mb := scale(1e6, hundredths)
		s.row(b.title, mb(float64(info.Size())))
		s.goal(float64(info.Size()) <= b.goal, "binary of "+b.title, mb(float64(info.Size()))+" MB", "≤ %s MB", scale(1e6, whole)(b.goal))
	}
	out, err := exec.CommandContext(ctx, "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "github.com/gosmack/xmpp").Output()
	if err != nil {
		return nil, err
	}
	var others []string
	for _, path := range strings.Fields(string(out)) {
		if !strings.HasPrefix(path, "github.com/gosmack/xmpp") {
			others = append(others, "`"+path+"`")
		}
	}
	s.note("Beside the standard library the root package imports %s.", strings.Join(others, ", "))
	return s, nil
}
