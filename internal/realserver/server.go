package realserver

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// startBound is how long a server may take to answer on a busy machine.
const startBound = 60 * time.Second

// Server is one running server. Its fields do not change after the start.
// Methods may be called from any goroutine, one at a time takes effect.
type Server struct {
	Name          string // "Prosody" or "ejabberd"
	Version       string // as its package says, such as "13.0.1"; "unknown" if it does not
	Domain        string
	StartTLSPort  int            // on 127.0.0.1
	DirectTLSPort int            // on 127.0.0.1, XEP-0368
	CA            *x509.CertPool // the authority that signed its certificate
	CAFile        string         // the same as a PEM file
	Dir           string         // configuration, data and logs

	product product
	options Options
	ca      *authority
	owner   *owner
	ports   []*port

	mu      sync.Mutex
	process *process // nil while stopped
}

// product is what differs between the servers.
type product interface {
	name() string
	version() string
	user() string // the system user its package makes
	// configure writes the configuration below s.Dir.
	configure(s *Server) error
	// command is the server in the foreground.
	command(s *Server) *exec.Cmd
	addAccount(s *Server, user, password string) error
}

// start brings a server up in a new folder below dir.
func start(p product, dir string, o Options) (*Server, error) {
	s := &Server{Name: p.name(), Version: p.version(), product: p, options: o.withDefaults()}
	s.Domain = s.options.Domain
	if err := s.prepare(dir); err != nil {
		s.releasePorts()
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	if err := s.run(); err != nil {
		s.releasePorts()
		return nil, err
	}
	for user, password := range s.options.Accounts {
		if err := s.AddAccount(user, password); err != nil {
			return nil, errors.Join(err, s.Stop())
		}
	}
	return s, nil
}

func (s *Server) prepare(dir string) (err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return fmt.Errorf("folder: %w", err)
	}
	s.owner = serviceOwner(s.product.user(), dir)
	if s.Dir, err = os.MkdirTemp(dir, strings.ToLower(s.Name)+"-"); err != nil {
		return fmt.Errorf("folder: %w", err)
	}
	for _, name := range []string{"data", "log"} {
		if err := os.Mkdir(filepath.Join(s.Dir, name), 0o700); err != nil {
			return fmt.Errorf("folder: %w", err)
		}
	}
	if s.StartTLSPort, err = s.newPort(); err != nil {
		return err
	}
	if s.DirectTLSPort, err = s.newPort(); err != nil {
		return err
	}
	if s.ca, err = newAuthority(); err != nil {
		return err
	}
	s.CA, s.CAFile = s.ca.pool(), filepath.Join(s.Dir, "ca.pem")
	if err := os.WriteFile(s.CAFile, s.ca.pem(), 0o644); err != nil {
		return err
	}
	if err := s.writeCertificate(s.options.Certificate); err != nil {
		return err
	}
	if err := s.product.configure(s); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return s.owner.give(s.Dir)
}

func (s *Server) newPort() (int, error) {
	p, err := reservePort()
	if err != nil {
		return 0, err
	}
	s.ports = append(s.ports, p)
	return p.number, nil
}

func (s *Server) releasePorts() {
	for _, p := range s.ports {
		p.release()
	}
}

// writeCertificate writes the certificate, the key, and both in one file.
func (s *Server) writeCertificate(kind Certificate) error {
	cert, key, err := s.ca.issue(s.Domain, kind)
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"server.crt": cert, "server.key": key, "server.pem": append(cert[:len(cert):len(cert)], key...),
	} {
		if err := os.WriteFile(s.path(name), content, 0o600); err != nil {
			return fmt.Errorf("certificate: %w", err)
		}
	}
	return nil
}

func (s *Server) path(elements ...string) string {
	return filepath.Join(append([]string{s.Dir}, elements...)...)
}

// run starts the process and waits until it answers on both ports.
func (s *Server) run() error {
	console, err := os.OpenFile(s.path("log", "console.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	defer func() { _ = console.Close() }()
	cmd := s.product.command(s)
	cmd.Dir = s.Dir
	cmd.Env = append(cmd.Env, "PATH="+os.Getenv("PATH"), "HOME="+s.Dir, "LANG=C.UTF-8")
	cmd.Stdout, cmd.Stderr = console, console
	confine(cmd, s.owner)
	p, err := startProcess(cmd)
	if err != nil {
		return fmt.Errorf("%s: start: %w", s.Name, err)
	}
	if err := s.awaitAnswer(p); err != nil {
		_ = p.stop()
		return fmt.Errorf("%s: start: %w\n%s", s.Name, err, s.Log())
	}
	s.process = p
	return nil
}

func (s *Server) awaitAnswer(p *process) error {
	ctx, cancel := context.WithTimeout(context.Background(), startBound)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := s.answers(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("the process ended: %w", errors.Join(p.err, err))
		case <-ctx.Done():
			return fmt.Errorf("no answer within %v: %w", startBound, err)
		case <-again.C:
		}
	}
}
