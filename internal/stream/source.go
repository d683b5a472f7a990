package stream

import (
	"net"
	"syscall"
)

// A source is a connection whose reader needs neither stack nor buffers while nothing comes: behind
// patient a Read returns errNothing in place of waiting, and await waits. That takes a connection of
// the system's own; a reader of any other waits in Read.
type source struct {
	net.Conn
	raw   syscall.RawConn
	probe func(fd uintptr) bool // the method look, made into a value once

	// What follows is the reader's.
	patient bool
	asked   bool    // await has looked once
	buf     []byte  // of the Read that is under way; nil: await is
	n       int     // how much it has read
	err     error   // or why nothing; what await found stays for the next Read
	one     [1]byte // what await looks at
}

// errNothing says that there is nothing to read now. TLS takes it for an error that passes, and goes on
// where it was with the next Read.
var errNothing error = nothing{}

type nothing struct{}

func (nothing) Error() string { return "nothing to read" }

// Timeout and Temporary make it a net.Error.
func (nothing) Timeout() bool   { return false }
func (nothing) Temporary() bool { return true }

// init takes conn in, and tells whether it can be looked at. A type of somebody else's that has such a
// connection in it may do more with what it reads.
func (s *source) init(conn net.Conn) bool {
	var err error
	switch conn := conn.(type) {
	case *net.TCPConn:
		s.raw, err = conn.SyscallConn()
	case *net.UnixConn:
		s.raw, err = conn.SyscallConn()
	default:
		return false
	}
	if !canLook || err != nil {
		return false
	}
	s.Conn, s.probe = conn, s.look
	return true
}

// await returns when there is something to read, or the connection has ended.
func (s *source) await() {
	s.asked = false
	_ = s.raw.Read(s.probe) // an error comes again with the next Read
}
