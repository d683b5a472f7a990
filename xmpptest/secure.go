package xmpptest

import (
	"crypto/tls"
	"fmt"

	"github.com/gosmack/xmpp/stanza"
)

// greet plays the beginning up to the header after which mechanisms are
// announced: TLS if it comes first, header, STARTTLS, header.
func (c *Conn) greet() error {
	if c.direct {
		if err := c.handshake(); err != nil {
			return err
		}
		return c.header()
	}
	if err := c.header(); err != nil {
		return err
	}
	if c.server.options.Plaintext {
		return nil
	}
	if err := c.startTLS(); err != nil {
		return err
	}
	return c.header()
}

// startTLS asks for TLS and starts it, RFC 6120 §5.4.
func (c *Conn) startTLS() error {
	c.features("<starttls xmlns='" + nsTLS + "'><required/></starttls>")
	e, err := c.next()
	switch {
	case err != nil:
		return err
	case !e.Is(nsTLS, "starttls"):
		return streamError(stanza.StreamPolicyViolation, "TLS is required first")
	}
	return c.proceed()
}

// proceed answers <starttls/> and takes the TLS handshake.
func (c *Conn) proceed() error {
	if c.reader.Buffered() > 0 {
		return streamError(stanza.StreamPolicyViolation, "data behind starttls")
	}
	if err := c.flush("<proceed xmlns='" + nsTLS + "'/>"); err != nil {
		return err
	}
	return c.handshake()
}

// handshake takes the TLS handshake and reads a new stream from then on.
func (c *Conn) handshake() error {
	t := tls.Server(c.low, c.server.tls)
	if err := t.Handshake(); err != nil {
		return fmt.Errorf("xmpptest: TLS handshake: %w", err)
	}
	c.tls = t
	c.high.swap(t)
	c.reader = c.newReader()
	c.opened.Store(false)
	return nil
}

// bindings returns the channel binding data of the connection by type.
func (c *Conn) bindings() map[string][]byte {
	if c.tls == nil {
		return nil
	}
	state := c.tls.ConnectionState()
	return bindingData(&state, c.server.leaf, c.server.options.ChannelBinding)
}
