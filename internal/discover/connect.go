package discover

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/gosmack/xmpp/internal/ctxconn"
)

const (
	// maxHeader bounds a proxy's answer, interim ones included.
	maxHeader = 16 << 10
	// maxReason bounds what of a status line gets into an error.
	maxReason = 80
)

var errHeaderSize = errors.New("the answer's header is longer than 16 KiB")

// connect speaks HTTP CONNECT.
type connect struct {
	credentials string      // of Basic authentication, encoded; empty: none
	secrets     []string    // what must not come back in an error
	tls         *tls.Config // nil: http
}

// newConnect makes a proxy protocol; with a name TLS comes first, and the certificate has to be for that name.
func newConnect(user *url.Userinfo, tlsName string) (*connect, error) {
	c := new(connect)
	if tlsName != "" {
		c.tls = &tls.Config{ServerName: tlsName, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	}
	if user == nil {
		return c, nil
	}
	name := user.Username()
	password, _ := user.Password()
	if strings.Contains(name, ":") { // RFC 7617 §2
		return nil, errors.New("the user name has a colon, which Basic authentication can't express")
	}
	c.credentials = base64.StdEncoding.EncodeToString([]byte(name + ":" + password))
	c.secrets = []string{c.credentials}
	if password != "" {
		c.secrets = append(c.secrets, password)
	}
	return c, nil
}

func (c *connect) tunnel(ctx context.Context, conn net.Conn, _, address string) (net.Conn, *ProxyError) {
	for i := range len(address) {
		if address[i] <= ' ' || address[i] >= 0x7f { // it goes into the request line
			return nil, &ProxyError{Step: ProxyHandshake, Err: errors.New("the target is not a host and port in ASCII")}
		}
	}
	if c.tls != nil {
		secured := tls.Client(conn, c.tls)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, &ProxyError{Step: ProxyTLS, Err: err}
		}
		conn = secured
	}
	var early []byte
	failed := &ProxyError{Step: ProxyHandshake}
	failed.Err = ctxconn.Run(ctx, conn, func() (err error) {
		if _, err = io.WriteString(conn, c.request(address)); err != nil {
			return err
		}
		failed.Status, early, err = c.answer(conn)
		return err
	})
	switch {
	case failed.Err != nil:
		return nil, failed
	case len(early) > 0:
		return &prefixed{conn, early}, nil
	}
	return conn, nil
}

func (c *connect) request(address string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "CONNECT %[1]s HTTP/1.1\r\nHost: %[1]s\r\n", address)
	if c.credentials != "" {
		fmt.Fprintf(&b, "Proxy-Authorization: Basic %s\r\n", c.credentials)
	}
	b.WriteString("\r\n")
	return b.String()
}

// answer reads the proxy's answer, and gives what came with it and is the tunnel's already. Headers mean nothing
// here, and a body there is none (RFC 9110 §9.3.6).
func (c *connect) answer(r io.Reader) (status int, early []byte, err error) {
	limited := &io.LimitedReader{R: r, N: maxHeader}
	buffered := bufio.NewReader(limited)
	for status < 200 { // 1xx announce another one (RFC 9110 §15.2)
		var line string
		if line, err = readLine(buffered, limited); err != nil {
			return 0, nil, err
		}
		if status, err = c.status(line); err != nil {
			return status, nil, err
		}
		for line != "" {
			if line, err = readLine(buffered, limited); err != nil {
				return 0, nil, err
			}
		}
	}
	early, _ = buffered.Peek(buffered.Buffered())
	return status, bytes.Clone(early), nil
}

// readLine reads a whole line; half a one is an error.
func readLine(r *bufio.Reader, limited *io.LimitedReader) (string, error) {
	line, err := r.ReadString('\n')
	switch {
	case err == nil:
		return strings.TrimSuffix(line[:len(line)-1], "\r"), nil
	case err == io.EOF && limited.N == 0:
		return "", errHeaderSize
	case err == io.EOF:
		return "", fmt.Errorf("the proxy hung up: %w", io.ErrUnexpectedEOF)
	}
	return "", err
}

// status reads a status line (RFC 9112 §4). Any status of success opens the tunnel.
func (c *connect) status(line string) (int, error) {
	version, rest, _ := strings.Cut(line, " ")
	code, reason, _ := strings.Cut(rest, " ")
	status, err := strconv.ParseUint(code, 10, 16)
	if !strings.HasPrefix(version, "HTTP/1.") || err != nil || len(code) != 3 || status < 100 || status == 101 {
		return 0, errors.New("the answer is not HTTP")
	}
	if status >= 300 {
		return int(status), errors.New(strings.TrimSpace("refused with status " + code + " " + c.clean(reason)))
	}
	return int(status), nil
}

// clean makes a reason phrase fit for an error: short, printable, without what a careless proxy repeats.
func (c *connect) clean(reason string) string {
	for _, s := range c.secrets {
		if strings.Contains(reason, s) {
			return ""
		}
	}
	if len(reason) > maxReason {
		reason = reason[:maxReason]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, reason)
}

// prefixed is a connection some of whose bytes have been read already.
type prefixed struct {
	net.Conn
	early []byte // owned by the reader
}

func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.early) == 0 {
		return p.Conn.Read(b)
	}
	n := copy(b, p.early)
	p.early = p.early[n:]
	return n, nil
}
