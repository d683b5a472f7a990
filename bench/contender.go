package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// A contender is a client program, and how much it reads to be busy for about a second.
type contender struct {
	name    string // for -peers
	title   string
	module  string // whose version is told, if it is a Go module
	n       int
	jobs    []string // what it can do beside reading
	blind   bool     // it reads bytes and knows no stanzas
	foreign bool     // it is no Go program: it takes host, port and job
	prepare func(context.Context, *lab) error
	command func(*lab) []string

	// What the lab finds out:
	version string
	mix     string // that it reads
}

func (c *contender) named(names []string) bool { return slices.Contains(names, c.name) }

func (c *contender) ours() bool { return c.name == "ours" }

func (c *contender) does(job string) bool { return slices.Contains(c.jobs, job) }

// program is a contender that is a Go program of this module.
func program(name, dir, title string, n int, jobs ...string) *contender {
	return &contender{name: name, title: title, n: n, jobs: jobs,
		prepare: func(ctx context.Context, l *lab) error { return l.build(ctx, dir, "./clients/"+dir) },
		command: func(l *lab) []string { return []string{l.path(dir)} },
	}
}

// contenders are all, in the order of the tables. Each is measured alone.
func contenders() []*contender {
	ours := program("ours", "ours", "this library", 200_000, "drain", "echo", "lone", "idle", "login")
	ours.module = "github.com/gosmack/xmpp"
	mellium := program("mellium", "mellium", "mellium.im/xmpp", 40_000, "drain", "echo", "idle")
	mellium.module = "mellium.im/xmpp"
	goxmpp := program("goxmpp", "goxmpp", "xmppo/go-xmpp", 40_000, "drain", "echo", "idle")
	goxmpp.module = "github.com/xmppo/go-xmpp"
	gosrc := program("gosrc", "gosrc", "gosrc.io/xmpp", 40_000, "drain", "echo", "idle")
	gosrc.module = "gosrc.io/xmpp"
	raw := program("raw", "raw", "the bare socket", 200_000, "drain", "echo", "lone")
	tokens := program("tokens", "raw", "encoding/xml, raw tokens", 80_000)
	tokens.command = func(l *lab) []string { return []string{l.path("raw"), "-parse"} }
	raw.blind, tokens.blind = true, true
	return []*contender{ours, mellium, goxmpp, gosrc, slixmpp(), libstrophe(), tokens, raw}
}

func slixmpp() *contender {
	c := &contender{name: "slixmpp", title: "slixmpp (Python)", n: 10_000, foreign: true}
	python := ""
	c.prepare = func(ctx context.Context, _ *lab) error {
		for _, p := range []string{"python3", "/usr/bin/python3"} {
			out, err := exec.CommandContext(ctx, p, "-c", "import slixmpp; print(slixmpp.__version__)").Output()
			if err == nil {
				python, c.version = p, lastLine(out)
				return nil
			}
		}
		return errors.New("no python3 has it (Debian: python3-slixmpp)")
	}
	c.command = func(*lab) []string { return []string{python, "clients/slixmpp/client.py"} }
	return c
}

func libstrophe() *contender {
	c := &contender{name: "libstrophe", title: "libstrophe (C)", n: 100_000, foreign: true}
	c.prepare = func(ctx context.Context, l *lab) error {
		if err := command(ctx, "cc", "-O2", "-o", l.path("libstrophe"), "clients/libstrophe/client.c", "-lstrophe"); err != nil {
			return fmt.Errorf("%w (Debian: gcc, libstrophe-dev)", err)
		}
		out, err := exec.CommandContext(ctx, "pkg-config", "--modversion", "libstrophe").Output()
		if err != nil {
			out = []byte("of unknown version")
		}
		c.version = lastLine(out)
		return nil
	}
	c.command = func(l *lab) []string { return []string{l.path("libstrophe")} }
	return c
}

// argv is the command that does a job with n stanzas. Flags are for Go programs.
func (c *contender) argv(l *lab, job string, n int, flags ...string) ([]string, error) {
	if !c.foreign {
		return append(append(c.command(l), "-addr", l.server.Addr, "-job", job, "-n", strconv.Itoa(n)), flags...), nil
	}
	host, port, err := net.SplitHostPort(l.server.Addr)
	return append(c.command(l), host, port, fmt.Sprint(job, " ", n)), err
}

// try finds out what the contender can read.
func (c *contender) try(ctx context.Context, l *lab) error {
	const few = 400
	if c.module != "" {
		out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Version}}", c.module).Output()
		if err != nil {
			return fmt.Errorf("go list: %w", err)
		}
		if c.version = strings.TrimSpace(string(out)); c.ours() {
			c.version = ""
		}
	}
	c.mix = "full"
	_, err := l.receive(ctx, c, few)
	if err == nil || c.ours() {
		return err
	}
	l.printf("%s is measured without archive results: %v\n", c.title, err)
	c.mix = "live"
	_, err = l.receive(ctx, c, few)
	return err
}
