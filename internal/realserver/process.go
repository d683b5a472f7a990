package realserver

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"time"
)

// stopBound is how long a server may take to end after it was asked to.
const stopBound = 10 * time.Second

// process is a running child. A goroutine of its own starts it and waits for it.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the child has ended
	err  error         // how it ended; read after done
}

func startProcess(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel ties the child to the thread that made it, not to the
		// process: the thread has to stay as long as the child does.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// stop asks the child to end, then ends it and what it may have started.
func (p *process) stop() error {
	asked := p.askToEnd()
	bound := time.NewTimer(stopBound)
	defer bound.Stop()
	select {
	case <-p.done:
		p.killGroup()
		return nil
	case <-bound.C:
	}
	p.killGroup()
	<-p.done
	return errors.Join(fmt.Errorf("had to be killed after %v", stopBound), asked)
}
