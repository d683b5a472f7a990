package realserver

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// logTail is how much of each log file an error message carries, in bytes.
const logTail = 4 << 10

// AddAccount registers localpart@domain with the password. It blocks until the
// account can log in, and fails if it is there already. The localpart has to be
// in its prepared form (RFC 7622 §3.3).
func (s *Server) AddAccount(localpart, password string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.product.addAccount(s, localpart, password); err != nil {
		return fmt.Errorf("%s: account %q: %w", s.Name, localpart, err)
	}
	return nil
}

// Stop ends the server and blocks until its process is gone, at most about ten
// seconds; past that it is killed, which is reported as an error. The folder
// stays, it is the caller's. Stopping twice is fine.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.releasePorts()
	return s.halt()
}

// Restart stops the server and starts it again on the same ports with the same
// data and blocks until it answers; every session is lost.
func (s *Server) Restart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.restart()
}

// UseCertificate restarts the server with a new certificate of the given kind,
// see [Server.Restart]. A restart and not a reload: after a reload ejabberd
// refuses clients that ask for a name it has no certificate for.
func (s *Server) UseCertificate(kind Certificate) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.writeCertificate(kind); err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	if err := s.owner.give(s.Dir); err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	return s.restart()
}

func (s *Server) restart() error {
	if s.process == nil {
		return fmt.Errorf("%s: restart: not running", s.Name)
	}
	if err := s.halt(); err != nil {
		return err
	}
	return s.run()
}

func (s *Server) halt() error {
	if s.process == nil {
		return nil
	}
	p := s.process
	s.process = nil
	if err := p.stop(); err != nil {
		return fmt.Errorf("%s: stop: %w\n%s", s.Name, err, s.Log())
	}
	return nil
}

// PID returns the process id of the running server, 0 while it is stopped.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return 0
	}
	return s.process.cmd.Process.Pid
}

// Log returns the ends of the server's log files, for an error message.
func (s *Server) Log() string {
	files, err := filepath.Glob(s.path("log", "*.log"))
	var out bytes.Buffer
	for _, file := range files {
		text, errRead := os.ReadFile(file)
		err = errors.Join(err, errRead)
		if len(text) > 0 {
			fmt.Fprintf(&out, "--- %s\n%s\n", file, text[max(0, len(text)-logTail):])
		}
	}
	if err != nil {
		fmt.Fprintf(&out, "--- logs: %v\n", err)
	}
	return out.String()
}
