package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gosmack/xmpp/bench/corpus"
	"github.com/gosmack/xmpp/bench/peer"
)

// A lab has the programs built, the server running and the peers that can be measured here.
type lab struct {
	rounds int
	scale  float64 // of the numbers of stanzas
	quick  bool
	log    io.Writer

	dir      string // of the programs
	server   peer.ServerInfo
	ca       string // file with the server's certificate
	stop     func() error
	peers    []*contender
	counts   map[string]corpus.Count // what is in a corpus
	absent   []string                // who can't be measured, and why
	troubles []string                // what went wrong with peers, for the section that is being made
	plots    plots
}

func newLab(ctx context.Context, want []string, log io.Writer) (*lab, error) {
	dir, err := os.MkdirTemp("", "xmpp-bench-")
	if err != nil {
		return nil, err
	}
	l := &lab{dir: dir, counts: map[string]corpus.Count{}, log: log, stop: func() error { return nil }}
	if err := l.build(ctx, "server", "./server"); err != nil {
		return nil, errors.Join(err, l.close())
	}
	if err := l.gather(ctx, want); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// gather builds the clients and tries them. Peers that fail are left out; ours may not.
func (l *lab) gather(ctx context.Context, want []string) error {
	if err := l.serve(); err != nil {
		return err
	}
	for _, c := range contenders() {
		if len(want) > 0 && !c.named(want) {
			continue
		}
		err := c.prepare(ctx, l)
		if err == nil {
			err = c.try(ctx, l)
		}
		switch {
		case err == nil:
			l.peers = append(l.peers, c)
		case c.ours():
			return err
		default:
			l.absent = append(l.absent, fmt.Sprintf("%s: %v", c.title, err))
			l.printf("not measured: %s: %v\n", c.title, err)
		}
	}
	return nil
}

func (l *lab) close() error { return errors.Join(l.stop(), os.RemoveAll(l.dir)) }

// path is where a program or file of the lab is.
func (l *lab) path(name string) string { return filepath.Join(l.dir, name) }

// build makes a Go program of this module.
func (l *lab) build(ctx context.Context, name, pkg string, flags ...string) error {
	args := append(append([]string{"build", "-o", l.path(name)}, flags...), pkg)
	return command(ctx, "go", args...)
}

// command runs a program of which only an error is of interest.
func command(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, lastLine(out))
	}
	return nil
}

func lastLine(b []byte) string {
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return lines[len(lines)-1]
}

// serve starts the server, which runs until its standard input is closed.
func (l *lab) serve() error {
	cmd := exec.Command(l.path("server"))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	l.stop = func() error { return errors.Join(in.Close(), cmd.Wait()) }
	if err := json.NewDecoder(out).Decode(&l.server); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	l.ca = l.path("ca.pem")
	return os.WriteFile(l.ca, []byte(l.server.CA), 0o600)
}

// failed decides about a client that could not do something: of a peer the section will say so, of
// ours it is an error.
func (l *lab) failed(c *contender, err error) error {
	if c.ours() {
		return err
	}
	if note := fmt.Sprintf("Not measured: %v.", err); !slices.Contains(l.troubles, note) {
		l.troubles = append(l.troubles, note)
	}
	l.printf("not measured: %v\n", err)
	return nil
}

// run runs a client and reads its result. What fails is done once more, and the section says so: a
// run of all measurements is too long to be lost to one hitch, and a hitch is nothing to hide.
func (l *lab) run(ctx context.Context, c *contender, job string, n int, flags ...string) (*peer.Result, error) {
	r, err := l.runOnce(ctx, c, job, n, flags...)
	if err == nil || ctx.Err() != nil {
		return r, err
	}
	r, again := l.runOnce(ctx, c, job, n, flags...)
	if again != nil {
		return nil, again
	}
	l.troubles = append(l.troubles, fmt.Sprintf("Failed and was repeated: %v.", err))
	l.printf("failed and was repeated: %v\n", err)
	return r, nil
}

func (l *lab) runOnce(ctx context.Context, c *contender, job string, n int, flags ...string) (*peer.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, peer.Timeout)
	defer cancel()
	argv, err := c.argv(l, job, n, flags...)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var out, errout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errout
	what := fmt.Sprintf("%s, %s of %d", c.title, job, n)
	if slices.Contains(flags, l.server.TLS) {
		what += " with TLS"
	}
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", what, lastLine(errout.Bytes()), err)
	}
	r := new(peer.Result)
	if err := json.Unmarshal(out.Bytes(), r); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return r, nil
}

// receive lets a client read n stanzas of its mix and fails if it has not seen each.
func (l *lab) receive(ctx context.Context, c *contender, n int, flags ...string) (*peer.Result, error) {
	return l.receiveMix(ctx, c, c.mix, n, flags...)
}

func (l *lab) receiveMix(ctx context.Context, c *contender, mix string, n int, flags ...string) (*peer.Result, error) {
	r, err := l.run(ctx, c, mix, n, flags...)
	if err != nil || c.blind {
		return r, err
	}
	if want := l.count(mix, n); r.Count != want {
		return nil, fmt.Errorf("%s has seen %+v of %+v", c.title, r.Count, want)
	}
	return r, nil
}

func (l *lab) count(mix string, n int) corpus.Count {
	key := fmt.Sprint(mix, " ", n)
	if c, ok := l.counts[key]; ok {
		return c
	}
	_, c := corpus.Make(corpus.Mixes[mix], n)
	l.counts[key] = c
	return c
}

func (l *lab) scaled(n int) int { return max(1, int(float64(n)*l.scale)) }

// find is the contender of a name, nil if it isn't there.
func (l *lab) find(name string) *contender {
	for _, c := range l.peers {
		if c.name == name {
			return c
		}
	}
	return nil
}

func (l *lab) printf(format string, args ...any) { fmt.Fprintf(l.log, format, args...) }
