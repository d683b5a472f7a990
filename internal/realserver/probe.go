package realserver

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// answers reports whether both ports open a stream for the domain: an RFC 6120
// header and stream features, on the second one inside TLS. The certificate is
// not judged here, a test may have asked for a bad one.
func (s *Server) answers(ctx context.Context) error {
	if err := s.probe(ctx, s.StartTLSPort, nil); err != nil {
		return fmt.Errorf("STARTTLS port: %w", err)
	}
	insecure := &tls.Config{ServerName: s.Domain, InsecureSkipVerify: true}
	if err := s.probe(ctx, s.DirectTLSPort, insecure); err != nil {
		return fmt.Errorf("direct TLS port: %w", err)
	}
	return nil
}

func (s *Server) probe(ctx context.Context, port int, config *tls.Config) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	if config != nil {
		conn = tls.Client(conn, config)
	}
	if _, err := fmt.Fprintf(conn, "<?xml version='1.0'?><stream:stream to='%s' version='1.0' "+
		"xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>", s.Domain); err != nil {
		return err
	}
	var got strings.Builder
	buf := make([]byte, 4096)
	for got.Len() < 1<<16 {
		n, err := conn.Read(buf)
		got.Write(buf[:n])
		if strings.Contains(got.String(), "</stream:features>") {
			_, _ = conn.Write([]byte("</stream:stream>"))
			return nil
		}
		if err != nil {
			return fmt.Errorf("no stream features: %w", err)
		}
	}
	return fmt.Errorf("no stream features in %d bytes", got.Len())
}
