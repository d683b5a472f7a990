package main

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"

	"github.com/gosmack/xmpp/bench/corpus"
)

type server struct {
	iterations int
	tls        *tls.Config

	mu      sync.Mutex
	streams map[streamKey]*prepared
	tokens  map[string]string // by user (XEP-0484)
	keys    map[string][]byte // salted passwords by mechanism
}

// isGone tells whether a client has just left, which is how all of them end.
func isGone(err error) bool {
	if cut, ok := errors.AsType[*xml.SyntaxError](err); ok && cut.Msg == "unexpected EOF" {
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// An element is any that clients send: the fields of all of them together.
type element struct {
	XMLName   xml.Name
	Type      string `xml:"type,attr"`
	ID        string `xml:"id,attr"`
	To        string `xml:"to,attr"`
	Mechanism string `xml:"mechanism,attr"`
	Text      string `xml:",chardata"`
	Body      string `xml:"body"`
	Initial   string `xml:"initial-response"`
	Wants     *struct {
		Mechanism string `xml:"mechanism,attr"`
	} `xml:"request-token"`
	Bind *struct {
		Resource string `xml:"resource"`
	} `xml:"urn:ietf:params:xml:ns:xmpp-bind bind"`
	Query *struct {
		XMLName xml.Name
	} `xml:"query"`
}

// A conn is one client's connection.
type conn struct {
	*server
	c       net.Conn
	r       *bufio.Reader
	d       *xml.Decoder
	user    string
	counts  bool // stream management is on
	handled uint32
}

func (s *server) serve(c net.Conn) error {
	cn := &conn{server: s, c: c, r: bufio.NewReader(c)}
	if err := cn.open(false); err != nil {
		return err
	}
	job, err := cn.negotiate()
	if err != nil {
		return err
	}
	return cn.work(job)
}

// open answers the client's stream header.
func (c *conn) open(authenticated bool) error {
	c.d = xml.NewDecoder(c.r) // reads byte by byte, so nothing of the next stream is lost
	for {
		token, err := c.d.Token()
		if err != nil {
			return err
		}
		if _, ok := token.(xml.StartElement); ok {
			break
		}
	}
	features := mechanisms
	if _, ok := c.c.(*tls.Conn); ok {
		features += sasl2Features
	}
	if authenticated {
		features = sessionFeatures
	}
	return c.printf(`<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' from='%s' id='s' version='1.0'>`+
		`<stream:features>%s</stream:features>`, corpus.Domain, features)
}

const (
	mechanisms = `<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-256</mechanism><mechanism>SCRAM-SHA-1</mechanism><mechanism>PLAIN</mechanism></mechanisms>`
	// What the second login of an account is measured with: SASL2 and tokens (XEP-0388, XEP-0484).
	sasl2Features = `<authentication xmlns='urn:xmpp:sasl:2'><mechanism>SCRAM-SHA-256</mechanism><mechanism>PLAIN</mechanism>` +
		`<inline><fast xmlns='urn:xmpp:fast:0'><mechanism>HT-SHA-256-NONE</mechanism></fast></inline></authentication>`
	sessionFeatures = `<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session><sm xmlns='urn:xmpp:sm:3'/>`
)

func (c *conn) printf(format string, args ...any) error {
	_, err := fmt.Fprintf(c.c, format, args...)
	return err
}

// next reads one element of the stream.
func (c *conn) next() (*element, error) {
	for {
		token, err := c.d.Token()
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := new(element)
			return e, c.d.DecodeElement(e, &token)
		case xml.EndElement:
			return nil, io.EOF
		}
	}
}

// negotiate lets a client in and returns the job it asks for.
func (c *conn) negotiate() (job string, err error) {
	for {
		e, err := c.next()
		if err != nil {
			return "", err
		}
		switch e.XMLName.Local {
		case "auth":
			if err = c.authenticate(e); err == nil {
				err = c.open(true)
			}
		case "authenticate":
			err = c.authenticate2(e)
		case "enable":
			c.counts, c.handled = true, 0
			err = c.printf(`<enabled xmlns='urn:xmpp:sm:3' id='sm' resume='true'/>`)
		case "resume":
			err = c.printf(`<failed xmlns='urn:xmpp:sm:3'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>`)
		case "r":
			err = c.acknowledge()
		case "iq":
			c.handled++
			err = c.answer(e)
		case "presence":
			c.handled++
		case "message":
			c.handled++
			if local, _, _ := strings.Cut(e.To, "@"); local == "go" {
				return e.Body, nil
			}
		}
		if err != nil {
			return "", err
		}
	}
}

func (c *conn) acknowledge() error { return c.printf(`<a xmlns='urn:xmpp:sm:3' h='%d'/>`, c.handled) }

// answer answers an IQ request: bind, the roster, and everything else with an empty result.
func (c *conn) answer(e *element) error {
	if e.Type != "get" && e.Type != "set" {
		return nil
	}
	switch {
	case e.Bind != nil:
		return c.printf(`<iq type='result' id='%s'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>%s@%s/bench</jid></bind></iq>`, e.ID, c.user, corpus.Domain)
	case e.Query != nil && e.Query.XMLName.Space == "jabber:iq:roster":
		_, err := c.c.Write(roster(c.user, e.ID))
		return err
	}
	return c.printf(`<iq type='result' id='%s'/>`, e.ID)
}

func decode(s string) ([]byte, error) { return base64.StdEncoding.DecodeString(strings.TrimSpace(s)) }
func encode(b []byte) string          { return base64.StdEncoding.EncodeToString(b) }
