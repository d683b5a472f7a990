package xmpptest

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/gosmack/xmpp/internal/xmlstream"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
)

const nsSASL2 = "urn:xmpp:sasl:2"

// identity returns the bare address that the client gave in its stream header,
// the zero one if that is none of this server.
func (c *Conn) identity() jid.JID {
	address, err := jid.Parse(c.peer)
	if err != nil || address.Local() == "" || address.Domain() != c.server.domain {
		return jid.JID{}
	}
	return address.Bare()
}

// sasl2 says whether SASL2 can be used: after TLS, and for a client that said
// who it is (XEP-0388 §2.1).
func (c *Conn) sasl2() bool {
	return c.server.options.SASL2 && c.tls != nil && !c.identity().IsZero()
}

// sasl2Features announces SASL2 and what can be done along with it.
func (c *Conn) sasl2Features() string {
	if !c.sasl2() {
		return ""
	}
	o := &c.server.options
	var b strings.Builder
	b.WriteString("<authentication xmlns='" + nsSASL2 + "'>")
	for _, m := range c.offered() {
		b.WriteString("<mechanism>" + m + "</mechanism>")
	}
	b.WriteString("<inline>")
	if o.Bind2 {
		b.WriteString(c.server.bind2Features())
	}
	if !o.NoStreamManagement {
		b.WriteString("<sm xmlns='" + nsSM + "'/>")
	}
	if o.FAST {
		b.WriteString(c.fastFeatures())
	}
	b.WriteString("</inline></authentication>")
	return b.String()
}

// authenticate2 plays one attempt of SASL2, success and all that comes with it
// included.
func (c *Conn) authenticate2(e xmlstream.Element) (*account, error) {
	x := &exchange{conn: c, space: nsSASL2}
	if initial := e.Child(nsSASL2, "initial-response"); !initial.IsZero() {
		data, err := x.decode(initial.Text())
		if err != nil {
			return nil, err
		}
		x.initial = &data
	}
	c.agent = strings.Clone(e.Child(nsSASL2, "user-agent").Attr("id"))
	name := e.Attr("mechanism")
	var a *account
	var used *fastToken
	var err error
	switch {
	case strings.HasPrefix(name, "HT-"):
		a, used, err = x.fast(name, e)
	case !slices.Contains(c.offered(), name):
		err = saslFailure("invalid-mechanism")
	default:
		a, err = x.run(name)
	}
	if err != nil {
		return nil, err
	}
	if a.address != c.identity() {
		return nil, saslFailure("invalid-authzid") // §2.3
	}
	c.user = a
	return a, c.establish(e, x.additional, c.tokens(e, used))
}

// establish does what the client asked for along with its authentication and
// sends the success: resumption first, the rest only if that failed (XEP-0198
// §9.2).
func (c *Conn) establish(e xmlstream.Element, additional, token string) error {
	failed := ""
	if resume := e.Child(nsSM, "resume"); !resume.IsZero() {
		var err error
		failed, err = c.resumeSession(resume, func(resumed string) {
			c.succeed2(additional, c.user.address, resumed+token)
		})
		if c.bound = failed == ""; c.bound || err != nil {
			return err
		}
	}
	if bind := e.Child(nsBind2, "bind"); !bind.IsZero() && c.server.options.Bind2 {
		return c.bind2(bind, func(address jid.JID, bound string) {
			c.succeed2(additional, address, failed+bound+token)
			c.features(c.server.sessionFeatures())
		})
	}
	c.succeed2(additional, c.user.address, failed+token)
	return nil
}

// succeed2 sends the success of SASL2.
func (c *Conn) succeed2(additional string, address jid.JID, content string) {
	if additional != "" {
		additional = "<additional-data>" + base64.StdEncoding.EncodeToString([]byte(additional)) + "</additional-data>"
	}
	c.push(outgoing{data: []byte("<success xmlns='" + nsSASL2 + "'>" + additional + "<authorization-identifier>" +
		escaper.Replace(address.String()) + "</authorization-identifier>" + content + "</success>")})
}

// saslFailed sends that an attempt failed, in the namespace that it was in.
func (c *Conn) saslFailed(space string, failure saslFailure) {
	inner := ""
	if space == nsSASL2 {
		inner = " xmlns='" + nsSASL + "'"
	}
	c.push(outgoing{data: []byte("<failure xmlns='" + space + "'><" + string(failure) + inner + "/></failure>")})
}

// attempt plays one attempt of either kind.
func (c *Conn) attempt(e xmlstream.Element) (*account, error) {
	switch {
	case e.Is(nsSASL, "auth"):
		return c.exchange(e)
	case c.sasl2() && e.Is(nsSASL2, "authenticate"):
		return c.authenticate2(e)
	}
	return nil, streamError(stanza.StreamNotAuthorized, "")
}
