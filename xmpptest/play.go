package xmpptest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

// Greet plays a good beginning: TLS at once on a connection for that, else the
// headers, STARTTLS and the headers again. What comes next is the features
// with the mechanisms, which [ScriptConn.Authenticate] sends.
func (c *ScriptConn) Greet() error {
	c.waiting()
	return c.step("greet", c.greet())
}

// Authenticate sends the mechanisms, plays SASL until the client has logged in
// as user, or as anybody if that is empty, and answers the header that follows.
// After SASL2 there is none; the client may have its resource then, and Bind
// returns at once. An account that is missing is made, see [Server.Password].
func (c *ScriptConn) Authenticate(user string) error {
	if user != "" {
		c.server.Password(user)
	}
	c.waiting()
	return c.step("authenticate", c.authenticate(user))
}

// Bind sends the features after SASL, binds the resource and returns the
// client's full address. Others now reach the client as they reach any.
func (c *ScriptConn) Bind() (jid.JID, error) {
	c.waiting()
	err := c.bind()
	return c.Address(), c.step("bind", err)
}

// Login is Greet, Authenticate and Bind.
func (c *ScriptConn) Login(user string) (jid.JID, error) {
	if err := c.Greet(); err != nil {
		return jid.JID{}, err
	}
	if err := c.Authenticate(user); err != nil {
		return jid.JID{}, err
	}
	return c.Bind()
}

// Serve lets the server go on after Bind, and returns when the stream ended.
// Its error is nil when the client ended it or went away.
func (c *ScriptConn) Serve() error {
	c.raw.SetReadDeadline(time.Time{})
	err := c.converseBound()
	c.end(err)
	var told *stanza.StreamError
	if errors.As(err, &told) && !errors.Is(err, io.EOF) {
		return c.step("serve", err)
	}
	return nil
}

// Header waits for the client's stream header and returns it, without judging
// or answering it.
func (c *ScriptConn) Header() (stanza.Element, error) {
	c.waiting()
	e, err := c.readHeader()
	return stanza.Element(e), c.step("header", err)
}

// SendHeader sends the server's stream header.
func (c *ScriptConn) SendHeader() error {
	c.opened.Store(true)
	return c.Send(string(c.headerXML()))
}

// Restart makes the next thing to be read a stream header, as after SASL.
func (c *ScriptConn) Restart() { c.reader.Restart() }

// StartTLS offers STARTTLS, waits for the client to take it and starts TLS.
// The headers that follow are up to the script.
func (c *ScriptConn) StartTLS() error {
	c.waiting()
	return c.step("starttls", c.startTLS())
}

// Handshake takes a TLS handshake right now: the first thing on a connection
// for direct TLS, or what follows a <proceed/> that the script sent.
func (c *ScriptConn) Handshake() error {
	c.waiting()
	return c.step("handshake", c.handshake())
}

// Expect returns the client's next element. It is an error if that neither has
// this local name nor contains this text, written with default namespaces and
// single quotes; "" matches all.
func (c *ScriptConn) Expect(what string) (stanza.Element, error) {
	c.waiting()
	e, err := c.next()
	if err != nil {
		return stanza.Element{}, c.step("waiting for "+what, err)
	}
	if !within(e, what) {
		return stanza.Element(e), fmt.Errorf("waiting for %s: the client sent %s", what, stanza.Element(e))
	}
	return stanza.Element(e), nil
}

// Await is like Expect, but passes over elements that do not match.
func (c *ScriptConn) Await(what string) (stanza.Element, error) {
	c.waiting()
	for {
		e, err := c.next()
		if err != nil {
			return stanza.Element{}, c.step("waiting for "+what, err)
		}
		if within(e, what) {
			return stanza.Element(e), nil
		}
	}
}

// ExpectEnd waits for the client to end its stream or to close the connection,
// without another element but a stream error. With a condition it must have
// sent the stream error of that name.
func (c *ScriptConn) ExpectEnd(condition stanza.StreamCondition) error {
	c.waiting()
	var said stanza.StreamCondition
	for {
		e, err := c.reader.Next()
		switch {
		case err != nil && errors.Is(err, os.ErrDeadlineExceeded):
			return errors.New("waiting for the end: the client stays")
		case err != nil && condition != "" && said != condition:
			return fmt.Errorf("the client ended with the stream error %q, not %q", string(said), string(condition))
		case err != nil:
			return nil
		case !e.Is(nsStream, "error"):
			return fmt.Errorf("waiting for the end: the client sent %s", stanza.Element(e))
		}
		said = stanza.StreamErrorFrom(stanza.Element(e)).Condition
	}
}

func (c *ScriptConn) step(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", name, err)
}
