package xmpptest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/stanza"
)

const (
	nsStream       = "http://etherx.jabber.org/streams"
	nsStreamErrors = "urn:ietf:params:xml:ns:xmpp-streams"
	nsTLS          = "urn:ietf:params:xml:ns:xmpp-tls"
	nsSASL         = "urn:ietf:params:xml:ns:xmpp-sasl"
	nsBind         = "urn:ietf:params:xml:ns:xmpp-bind"
	nsSession      = "urn:ietf:params:xml:ns:xmpp-session"
	nsXML          = "http://www.w3.org/XML/1998/namespace"
)

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;")

func streamError(condition stanza.StreamCondition, text string) error {
	return &stanza.StreamError{Condition: condition, Text: text}
}

// newReader reads the stream from where it is now.
func (c *Conn) newReader() *xmlstream.Reader {
	return xmlstream.NewReader(c.source(), xmlstream.Limits{StanzaBytes: c.server.options.StanzaLimit})
}

// source is what the reader reads: the stream, and a copy for the transcript.
func (c *Conn) source() io.Reader {
	if c.logging != nil {
		return io.TeeReader(c.high, c.logging)
	}
	return c.high
}

// header reads the client's stream header and answers it, RFC 6120 §4.7.
func (c *Conn) header() error {
	e, err := c.readHeader()
	if err != nil {
		return err
	}
	c.sendHeader()
	return c.judge(e)
}

// readHeader reads a header without judging it.
func (c *Conn) readHeader() (xmlstream.Element, error) {
	c.opened.Store(false)
	e, err := c.reader.Header()
	if err != nil {
		return e, err
	}
	c.peer = e.Attr("from")
	return e, nil
}

// judge says what is wrong with a header.
func (c *Conn) judge(e xmlstream.Element) error {
	switch {
	case e.Space() != nsStream:
		return streamError(stanza.StreamInvalidNamespace, "")
	case e.Local() != "stream":
		return streamError(stanza.StreamBadFormat, "")
	case e.Attr("to") != "" && !strings.EqualFold(strings.TrimSuffix(e.Attr("to"), "."), c.server.domain):
		return streamError(stanza.StreamHostUnknown, "")
	case !strings.HasPrefix(e.Attr("version"), "1."):
		return streamError(stanza.StreamUnsupportedVersion, "")
	}
	return nil
}

// sendHeader opens the server's direction, once per stream.
func (c *Conn) sendHeader() {
	c.push(outgoing{data: c.headerXML()})
	c.opened.Store(true)
}

func (c *Conn) headerXML() []byte {
	to := ""
	if c.peer != "" {
		to = " to='" + escaper.Replace(c.peer) + "'"
	}
	return fmt.Appendf(nil, "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='%s'"+
		" id='%s' from='%s'%s version='1.0' xml:lang='en'>", nsStream, rand.Text(), escaper.Replace(c.server.domain), to)
}

// streamError returns a stream error and the end of the stream, with a header
// before them if there was none (RFC 6120 §4.9.1.2).
func (c *Conn) streamError(e *stanza.StreamError) []byte {
	var b strings.Builder
	if !c.opened.Load() {
		b.Write(c.headerXML())
	}
	fmt.Fprintf(&b, "<stream:error><%s xmlns='%s'>%s</%[1]s>", string(e.Condition), nsStreamErrors, escaper.Replace(e.Host))
	if e.Text != "" {
		fmt.Fprintf(&b, "<text xmlns='%s' xml:lang='en'>%s</text>", nsStreamErrors, escaper.Replace(e.Text))
	}
	b.WriteString(application(e))
	b.WriteString("</stream:error></stream:stream>")
	return []byte(b.String())
}

// application writes the application's own condition of a stream error.
func application(e *stanza.StreamError) string {
	if e.Application.IsZero() {
		return ""
	}
	return string(xmlstream.Element(e.Application).Append(nil, nsClient))
}

// next reads the next element, its error being the client's end of stream
// (io.EOF), a broken rule, or the network's.
func (c *Conn) next() (xmlstream.Element, error) {
	e, err := c.reader.Next()
	if err != nil {
		return e, err
	}
	if e.Is(nsStream, "error") {
		return e, fmt.Errorf("the client's error: %w", errors.Join(stanza.StreamErrorFrom(stanza.Element(e)), io.EOF))
	}
	return e, nil
}

// features sends the features of the current state.
func (c *Conn) features(content string) {
	c.push(outgoing{data: []byte("<stream:features>" + content + c.limits() + "</stream:features>")})
}

// limits announces the stanza limit, XEP-0478.
func (c *Conn) limits() string {
	if c.server.options.StanzaLimit <= 0 {
		return ""
	}
	return fmt.Sprintf("<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>%d</max-bytes></limits>", c.server.options.StanzaLimit)
}
