package xmpptest

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/stanza"
)

// attempts is how often a client may fail on one stream, RFC 6120 §6.4.5.
const attempts = 5

// saslFailure is a condition of RFC 6120 §6.5.
type saslFailure string

func (f saslFailure) Error() string { return "SASL failure: " + string(f) }

// offers says whether a mechanism is in the options.
func (s *Server) offers(mechanism string) bool {
	return slices.Contains(s.options.Mechanisms, mechanism)
}

// offered returns the mechanisms that this connection can use.
func (c *Conn) offered() []string {
	var list []string
	for _, m := range c.server.options.Mechanisms {
		if strings.HasSuffix(m, "-PLUS") && (c.tls == nil || len(c.server.options.ChannelBinding) == 0) {
			continue
		}
		if m == "EXTERNAL" && c.certified() == "" {
			continue
		}
		list = append(list, m)
	}
	return list
}

// mechanismFeatures announces the mechanisms and binding types (XEP-0440).
func (c *Conn) mechanismFeatures() string {
	var b strings.Builder
	b.WriteString("<mechanisms xmlns='" + nsSASL + "'>")
	for _, m := range c.offered() {
		b.WriteString("<mechanism>" + m + "</mechanism>")
	}
	b.WriteString("</mechanisms>")
	if types := c.bindingTypes(); len(types) > 0 {
		b.WriteString("<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>")
		for _, t := range types {
			b.WriteString("<channel-binding type='" + t + "'/>")
		}
		b.WriteString("</sasl-channel-binding>")
	}
	return b.String()
}

func (c *Conn) bindingTypes() []string {
	if c.tls == nil {
		return nil
	}
	return c.server.options.ChannelBinding
}

// authenticate plays SASL (RFC 6120 §6.4) up to and with the header of the
// stream that follows, or SASL2, after which the stream goes on. With a user it
// takes only that one.
func (c *Conn) authenticate(user string) error {
	c.features(c.mechanismFeatures() + c.sasl2Features())
	for range attempts {
		e, err := c.next()
		if err != nil {
			return err
		}
		a, err := c.attempt(e)
		var failure saslFailure
		switch {
		case errors.As(err, &failure):
			c.saslFailed(e.Space(), failure)
			continue
		case err != nil:
			return err
		case user != "" && a.address != c.server.Address(user):
			return errors.New("xmpptest: " + a.address.String() + " logged in, not " + user)
		}
		c.user = a
		if e.Space() == nsSASL2 {
			return nil
		}
		c.reader.Restart()
		return c.header()
	}
	return streamError(stanza.StreamPolicyViolation, "too many failures")
}

// exchange plays one mechanism to its end, success included.
func (c *Conn) exchange(auth xmlstream.Element) (*account, error) {
	name := auth.Attr("mechanism")
	if !slices.Contains(c.offered(), name) {
		return nil, saslFailure("invalid-mechanism")
	}
	x := &exchange{conn: c, space: nsSASL}
	if text := auth.Text(); text != "" {
		data, err := x.decode(text)
		if err != nil {
			return nil, err
		}
		x.initial = &data
	}
	return x.run(name)
}

// run plays a mechanism that is on offer.
func (x *exchange) run(name string) (*account, error) {
	switch name {
	case "PLAIN":
		return x.plain()
	case "EXTERNAL":
		return x.external()
	case "ANONYMOUS":
		return x.anonymous()
	case "OAUTHBEARER":
		return x.bearer()
	}
	return x.scram(name)
}

// decode reads a message of the client; SASL2 has no "=" for an empty one.
func (x *exchange) decode(text string) (string, error) {
	if text == "=" && x.space == nsSASL {
		return "", nil
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", saslFailure("incorrect-encoding")
	}
	return string(data), nil
}

// exchange is one authentication in progress.
type exchange struct {
	conn       *Conn
	space      string  // of SASL or SASL2
	initial    *string // the initial response that came with the request
	additional string  // what SASL2 has to send with its success
}

// first returns the initial response, asking for it if it did not come.
func (x *exchange) first() (string, error) {
	if x.initial != nil {
		return *x.initial, nil
	}
	return x.challenge("")
}

// challenge sends a challenge and returns the response.
func (x *exchange) challenge(data string) (string, error) {
	c := x.conn
	c.push(outgoing{data: []byte("<challenge xmlns='" + x.space + "'>" + base64.StdEncoding.EncodeToString([]byte(data)) + "</challenge>")})
	e, err := c.next()
	switch {
	case err != nil:
		return "", err
	case e.Is(x.space, "abort"):
		return "", saslFailure("aborted")
	case !e.Is(x.space, "response"):
		return "", streamError(stanza.StreamPolicyViolation, "only SASL goes on now")
	}
	return x.decode(e.Text())
}

// succeed ends the exchange. SASL2 sends its success later.
func (x *exchange) succeed(a *account, additional string) (*account, error) {
	if x.space == nsSASL2 {
		x.additional = additional
		return a, nil
	}
	success := "<success xmlns='" + nsSASL + "'/>"
	if additional != "" {
		success = "<success xmlns='" + nsSASL + "'>" + base64.StdEncoding.EncodeToString([]byte(additional)) + "</success>"
	}
	x.conn.push(outgoing{data: []byte(success)})
	return a, nil
}
