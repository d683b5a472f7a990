//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package stream

import (
	"io"
	"net"
	"os"
	"syscall"
)

const canLook = true

// Read implements net.Conn.
func (s *source) Read(p []byte) (int, error) {
	if !s.patient || len(p) == 0 {
		return s.Conn.Read(p)
	}
	if s.err == nil || s.err == syscall.EAGAIN { // else await has found out already, and the system says it once
		s.buf = p
		err := s.raw.Read(s.probe)
		s.buf = nil
		if err != nil { // it was closed
			return 0, err
		}
	}
	switch {
	case s.err == syscall.EAGAIN:
		return 0, errNothing
	case s.err != nil:
		return 0, &net.OpError{Op: "read", Net: s.LocalAddr().Network(), Source: s.LocalAddr(), Addr: s.RemoteAddr(), Err: os.NewSyscallError("read", s.err)}
	case s.n == 0:
		return 0, io.EOF
	}
	return s.n, nil
}

// look reads, or looks for await whether there is something to read. False makes the system wait for that.
func (s *source) look(fd uintptr) bool {
	if s.buf == nil {
		if s.asked {
			return true // it was woken
		}
		s.asked = true
		if _, _, s.err = syscall.Recvfrom(int(fd), s.one[:], syscall.MSG_PEEK); s.err == syscall.EINTR {
			s.err = nil
		}
		return s.err != syscall.EAGAIN
	}
	for {
		if s.n, s.err = syscall.Read(int(fd), s.buf); s.err != syscall.EINTR {
			return true
		}
	}
}
