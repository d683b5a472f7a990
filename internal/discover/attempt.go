package discover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
)

// The steps of an attempt as [Attempt] names them. The function that secures may have finer ones of its own.
const (
	StepResolve = "resolve"
	StepConnect = "connect"
	StepSecure  = "secure"
)

// ErrLost is the error of an attempt that was given up because another one was secured first.
var ErrLost = errors.New("another endpoint was faster")

// An Attempt is one try to reach an endpoint at one address.
type Attempt struct {
	Endpoint Endpoint
	Address  string // what was dialled: IP address and port, or name and port through a proxy; empty if not resolved
	Step     string // where it ended; empty if it succeeded
	Err      error  // nil if it succeeded
}

// String says in one line what was tried and what came of it.
func (a Attempt) String() string {
	s := a.Endpoint.String()
	if a.Address != "" && a.Address != a.Endpoint.Address() {
		s += " at " + a.Address
	}
	if a.Err == nil {
		return s + ": secured"
	}
	return fmt.Sprintf("%s: %s: %v", s, a.Step, a.Err)
}

// failure is the error of a race that nobody won. It unwraps to the errors of its attempts.
type failure []Attempt

func (f failure) Error() string {
	lines := make([]string, len(f))
	for i, a := range f {
		lines[i] = a.String()
	}
	return "no endpoint could be reached: " + strings.Join(lines, "; ")
}

func (f failure) Unwrap() []error {
	errs := make([]error, len(f))
	for i, a := range f {
		errs[i] = a.Err
	}
	return errs
}

// progress is an attempt under way. Its goroutine writes it, the race reads it also when that goroutine hangs.
type progress struct {
	endpoint Endpoint // immutable

	mu   sync.Mutex
	addr string
	step string
	err  error
	over bool
}

// enter says that the attempt has come to a step.
func (p *progress) enter(step, addr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.step, p.addr = step, addr
}

// finish records how the attempt ended. cause is why it was given up, nil if it was not.
func (p *progress) finish(err, cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	if p.err = because(cause, err); p.err == nil {
		p.step = ""
		return
	}
	named, ok := errors.AsType[interface {
		error
		Step() string
	}](err)
	if ok && p.step == StepSecure && named.Step() != "" {
		p.step = named.Step()
	}
}

// attempt is the state of p as others may see it; cause stands for the error of one that has not returned.
func (p *progress) attempt(cause error) Attempt {
	p.mu.Lock()
	defer p.mu.Unlock()
	err := p.err
	if !p.over {
		err = cause
	}
	return Attempt{Endpoint: p.endpoint, Address: p.addr, Step: p.step, Err: err}
}

// because puts the reason of an abort in the place of its mere effects, and beside any other error.
func because(cause, err error) error {
	if cause == nil || err == nil || errors.Is(err, cause) {
		return err
	}
	for _, effect := range []error{context.Canceled, context.DeadlineExceeded, os.ErrDeadlineExceeded, net.ErrClosed} {
		if errors.Is(err, effect) {
			return cause
		}
	}
	return fmt.Errorf("%w (%w)", cause, err)
}
