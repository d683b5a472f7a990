package discover

import (
	"context"
	"errors"
	"net"
	"net/url"

	"golang.org/x/net/proxy"

	"github.com/gosmack/xmpp/internal/ctxconn"
)

// socks speaks SOCKS5.
type socks struct{ auth *proxy.Auth }

func newSOCKS(user *url.Userinfo) (*socks, error) {
	if user == nil {
		return new(socks), nil
	}
	password, _ := user.Password()
	auth := &proxy.Auth{User: user.Username(), Password: password}
	if n := len(auth.User); n == 0 || n > 255 { // RFC 1929 §2
		return nil, errors.New("the user name must have 1 to 255 bytes")
	}
	if n := len(auth.Password); n == 0 || n > 255 {
		return nil, errors.New("the password must have 1 to 255 bytes")
	}
	return &socks{auth}, nil
}

// tunnel gives conn itself back: the handshake reads not a byte too many.
func (s *socks) tunnel(ctx context.Context, conn net.Conn, network, address string) (net.Conn, *ProxyError) {
	// The proxy's address stands in messages of the package only, and the connection is there already.
	d, err := proxy.SOCKS5("tcp", "proxy:1080", s.auth, connected{conn})
	if err == nil {
		dialer := d.(proxy.ContextDialer)
		// ctxconn ends it, not the package's own watch over a context: that loses the cause.
		err = ctxconn.Run(ctx, conn, func() error {
			_, err := dialer.DialContext(context.Background(), network, address)
			return err
		})
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "socks connect" {
		err = op.Err
	}
	if err != nil {
		return nil, &ProxyError{Step: ProxyHandshake, Err: err}
	}
	return conn, nil
}

// connected is a dialer that has dialled.
type connected struct{ net.Conn }

func (c connected) Dial(string, string) (net.Conn, error) { return c.Conn, nil }

func (c connected) DialContext(context.Context, string, string) (net.Conn, error) { return c.Conn, nil }
