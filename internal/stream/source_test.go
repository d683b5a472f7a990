package stream

import (
	"crypto/tls"
	"io"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A wrapped connection does something with what it reads.
type wrapped struct{ *net.TCPConn }

// tcp is both ends of a connection over loopback.
func tcp(t *testing.T) (ours, theirs net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	ours, err = net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	theirs, err = l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = ours.Close()
		_ = theirs.Close()
	})
	return ours, theirs
}

func patient(t *testing.T, conn net.Conn) *source {
	s := new(source)
	if !canLook {
		t.Skip("a read always waits on this system")
	}
	require.True(t, s.init(conn))
	s.patient = true
	return s
}

// awaited begins to wait; the channel is closed when that has ended.
func awaited(s *source) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.await()
	}()
	return done
}

func ends(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		require.Fail(t, "it waits")
	}
}

func TestAReaderWithNothingToReadDoesNotWaitInRead(t *testing.T) {
	conn, peer := tcp(t)
	s := patient(t, conn)
	b := make([]byte, 10)
	n, err := s.Read(b)
	require.Zero(t, n)
	require.Equal(t, errNothing, err)
	done := awaited(s)
	_, err = io.WriteString(peer, "hello")
	require.NoError(t, err)
	ends(t, done)
	n, err = s.Read(b)
	require.NoError(t, err)
	require.Equal(t, "hello", string(b[:n]))

	// What came between the Read and the wait wakes nobody, so it has to be looked for.
	_, err = s.Read(b)
	require.Equal(t, errNothing, err)
	_, err = io.WriteString(peer, "again")
	require.NoError(t, err)
	for peeked := false; !peeked; { // until it has come, and been announced
		require.NoError(t, s.raw.Read(func(fd uintptr) bool {
			s.asked = false
			peeked = s.look(fd)
			return true
		}))
	}
	ends(t, awaited(s))
	n, err = s.Read(b)
	require.NoError(t, err)
	require.Equal(t, "again", string(b[:n]))
}

func TestTheEndOfAConnectionEndsTheWait(t *testing.T) {
	b := make([]byte, 10)
	t.Run("theirs", func(t *testing.T) {
		conn, peer := tcp(t)
		s := patient(t, conn)
		done := awaited(s)
		require.NoError(t, peer.Close())
		ends(t, done)
		_, err := s.Read(b)
		require.Equal(t, io.EOF, err)
	})
	t.Run("theirs, by a reset", func(t *testing.T) {
		conn, peer := tcp(t)
		s := patient(t, conn)
		done := awaited(s)
		require.NoError(t, peer.(*net.TCPConn).SetLinger(0))
		require.NoError(t, peer.Close())
		ends(t, done)
		_, err := s.Read(b)
		require.ErrorContains(t, err, "connection reset by peer")
		require.ErrorAs(t, err, new(*net.OpError))
	})
	t.Run("ours", func(t *testing.T) {
		conn, _ := tcp(t)
		s := patient(t, conn)
		done := awaited(s)
		require.NoError(t, conn.Close())
		ends(t, done)
		_, err := s.Read(b)
		require.ErrorIs(t, err, net.ErrClosed)
	})
}

// TestTLSGoesOnBehindNothing cuts a record into pieces, with nothing to read between them.
func TestTLSGoesOnBehindNothing(t *testing.T) {
	web := httptest.NewUnstartedServer(nil) // for its certificate
	web.StartTLS()
	defer web.Close()
	conn, peer := tcp(t)
	s := patient(t, conn)
	s.patient = false
	cut := &cutter{Conn: peer, pieces: make(chan []byte, 100)}
	server := tls.Server(cut, &tls.Config{Certificates: web.TLS.Certificates})
	client := tls.Client(s, &tls.Config{InsecureSkipVerify: true}) // what is cut here is not what is verified
	go func() { _ = server.Handshake() }()
	require.NoError(t, client.Handshake())

	s.patient = true
	cut.cuts = true
	go func() {
		_, _ = io.WriteString(server, "a stanza")
		close(cut.pieces)
	}()
	b := make([]byte, 100)
	for piece := range cut.pieces {
		_, err := client.Read(b) // the session tickets, perhaps, and then nothing
		require.Equal(t, errNothing, err)
		done := awaited(s)
		_, err = peer.Write(piece)
		require.NoError(t, err)
		ends(t, done)
	}
	n, err := client.Read(b)
	require.NoError(t, err)
	require.Equal(t, "a stanza", string(b[:n]))
}

// A cutter makes pieces of what is written.
type cutter struct {
	net.Conn
	cuts   bool
	pieces chan []byte
}

func (c *cutter) Write(p []byte) (int, error) {
	if !c.cuts {
		return c.Conn.Write(p)
	}
	for i := range p {
		c.pieces <- []byte{p[i]}
	}
	return len(p), nil
}

// TestOnlyTheSystemsConnectionsAreLookedAt: what somebody has put around one may have read ahead.
func TestOnlyTheSystemsConnectionsAreLookedAt(t *testing.T) {
	conn, _ := tcp(t)
	require.False(t, new(source).init(wrapped{conn.(*net.TCPConn)}))
	require.False(t, new(source).init(&sink{}))
}
