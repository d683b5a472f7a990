package stream

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gosmack/xmpp/internal/sm"
	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/stanza"
)

// ErrTaskUnsupported says that the server wants more than a password, such as a second factor (XEP-0388 §2.6.3).
var ErrTaskUnsupported = errors.New("the server asks for a further step of authentication, which is not supported")

// An Attempt is one <authenticate/> (XEP-0388 §2.3) and what is asked for along with it.
type Attempt struct {
	Account   jid.JID // who it is to be
	Mechanism string
	Exchange  sasl.Exchange
	Agent     string // the id of <user-agent/>

	Token     bool       // the exchange proves a token (XEP-0484 §3.4)
	WantToken string     // the mechanism that a new token is to be for; "": none is wanted
	Resume    *sm.Resume // XEP-0198 §9.2
	Bind      *Bind      // XEP-0386

	sent bool // with the stream's header
}

// Bind asks for a resource in Bind 2 (XEP-0386 §3.2).
type Bind struct {
	Tag    string
	Inline []stanza.Element
}

// xml begins the exchange.
func (a *Attempt) xml() (string, error) {
	initial, err := a.Exchange.Next(nil)
	if err != nil {
		return "", err
	}
	var w xmlstream.Writer
	w.Reset(nil, stanza.NS)
	w.Start(NSSASL2, "authenticate")
	w.Attr("mechanism", a.Mechanism)
	w.Start(NSSASL2, "initial-response")
	w.Text(base64.StdEncoding.EncodeToString(initial)) // no "=" for an empty one (XEP-0388 §2.2)
	w.End()
	w.Start(NSSASL2, "user-agent")
	w.Attr("id", a.Agent)
	w.End()
	if a.Resume != nil {
		a.Resume.Write(&w)
	}
	if a.Bind != nil {
		a.Bind.write(&w)
	}
	if a.Token {
		w.Start(NSFAST, "fast")
		w.End()
	}
	if a.WantToken != "" {
		w.Start(NSFAST, "request-token")
		w.Attr("mechanism", a.WantToken)
		w.End()
	}
	w.End()
	return string(w.Bytes()), w.Err()
}

func (b *Bind) write(w *xmlstream.Writer) {
	w.Start(NSBind2, "bind")
	if b.Tag != "" {
		w.Start(NSBind2, "tag")
		w.Text(b.Tag)
		w.End()
	}
	for _, e := range b.Inline {
		w.Element(xmlstream.Element(e))
	}
	w.End()
}

// Authenticate2 runs one attempt of SASL2 (XEP-0388 §2), which may have left with the header already. A refusal by the server is a
// *sasl.Failure; the stream then stands where it stood. After the success it goes on without a restart, and
// the features that follow (§2.6.1) are taken whenever they come.
func (t *Transport) Authenticate2(ctx context.Context, a *Attempt) (*Success, error) {
	var s *Success
	err := t.step(ctx, "authenticate", func() (err error) {
		if !a.sent {
			request, err := a.xml()
			if err != nil {
				return err
			}
			if err := t.write(request); err != nil {
				return err
			}
		}
		s, err = t.exchange2(a)
		return err
	})
	if err != nil {
		return nil, err
	}
	t.Features, t.awaits = &noFeatures, true
	return s, nil
}

func (t *Transport) exchange2(a *Attempt) (*Success, error) {
	for i := range maxChallenges {
		blanks := t.reader.Ignored()
		e, err := t.next()
		if err != nil {
			return nil, err
		}
		// Blanks in front of the first answer may have been sent before we began.
		if i > 0 && t.reader.Ignored() != blanks {
			return nil, errors.New("white space in the middle of the authentication") // §2.4
		}
		switch {
		case e.Is(NSSASL2, "challenge"):
			if err := t.respond(a.Exchange, e); err != nil {
				return nil, err
			}
		case e.Is(NSSASL2, "success"):
			return a.succeed(stanza.Element(e))
		case e.Is(NSSASL2, "failure"):
			return nil, refusal(a.Exchange, e)
		case e.Is(NSSASL2, "continue"):
			return nil, fmt.Errorf("%w: %.200q", ErrTaskUnsupported, tasks(e))
		default:
			return nil, fmt.Errorf("%s in the middle of the authentication", name(e)) // §2.4
		}
	}
	return nil, errors.New("the server does not come to an end with its challenges")
}

func (t *Transport) respond(x sasl.Exchange, e xmlstream.Element) error {
	challenge, err := decode2(e.Text())
	if err != nil {
		return err
	}
	response, err := x.Next(challenge)
	if err != nil {
		return err
	}
	return t.write("<response xmlns='" + NSSASL2 + "'>" + base64.StdEncoding.EncodeToString(response) + "</response>")
}

// Abandon ends an attempt that left with the header and began on a wrong guess. Without an error the stream stands where it stood.
func (t *Transport) Abandon(ctx context.Context) error {
	return t.step(ctx, "authenticate", func() error {
		e, err := t.next()
		if err != nil {
			return err
		}
		if e.Is(NSSASL2, "challenge") {
			if err := t.write("<abort xmlns='" + NSSASL2 + "'/>"); err != nil {
				return err
			}
			if e, err = t.next(); err != nil {
				return err
			}
		}
		if !e.Is(NSSASL2, "failure") {
			return fmt.Errorf("%s in place of a failure", name(e))
		}
		return nil
	})
}

func decode2(s string) ([]byte, error) {
	if s == "=" {
		s = "" // some write it as in RFC 6120 §6.4.2
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, errors.New("the server's SASL data is not base64")
	}
	return b, nil
}

// tasks are the names of what the server wants.
func tasks(e xmlstream.Element) string {
	var names []string
	for task := range e.Child(NSSASL2, "tasks").Children() {
		names = append(names, task.Text())
		if len(names) == maxOffered {
			break
		}
	}
	return strings.Join(names, " ")
}

// A Success is the end of an authentication, and what came of the requests that were made along with it.
type Success struct {
	User    jid.JID // with a resource, where one was bound
	element stanza.Element
}

// ErrWrongAccount says that the server took us for somebody else.
var ErrWrongAccount = errors.New("the server logged us in as somebody else")

func (a *Attempt) succeed(e stanza.Element) (*Success, error) {
	var additional []byte
	if data := e.Child(NSSASL2, "additional-data"); !data.IsZero() {
		var err error
		if additional, err = decode2(data.Text()); err != nil {
			return nil, err
		}
	}
	if err := a.Exchange.Finish(additional); err != nil {
		return nil, err
	}
	user, err := jid.Parse(e.Child(NSSASL2, "authorization-identifier").Text())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWrongAccount, err)
	}
	if user.Bare() != a.Account {
		return nil, fmt.Errorf("%w: it took %v for %v", ErrWrongAccount, a.Account, user.Bare())
	}
	return &Success{user, e}, nil
}

// Resumed reads the answer to an inline <resume/>; the error is a sm.Failed where the session is gone.
func (s *Success) Resumed(id string) (handled uint32, err error) {
	for e := range s.element.Children() {
		if e.Space() == sm.NS {
			return resumption(e, id)
		}
	}
	return 0, sm.Failed{}
}

// Bound is the <bound/> of Bind 2, or zero.
func (s *Success) Bound() stanza.Element { return s.element.Child(NSBind2, "bound") }

// Token is a new token (XEP-0484 §3.3, §3.5), or "". An expiry that is odd is none.
func (s *Success) Token() (secret string, expiry time.Time) {
	e := s.element.Child(NSFAST, "token")
	if e.IsZero() {
		return "", expiry
	}
	expiry, _ = time.Parse(time.RFC3339, e.Attr("expiry")) // the DateTime of XEP-0082
	return strings.Clone(e.Attr("token")), expiry
}
