package hostile_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/xmpptest"
)

const (
	header   = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' from='localhost' id='1' version='1.0'>"
	offerTLS = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
	proceed  = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"

	nsSASL  = "urn:ietf:params:xml:ns:xmpp-sasl"
	nsSASL2 = "urn:xmpp:sasl:2"
)

// offer is the features of a server that has these mechanisms.
func offer(mechanisms ...string) string { return offerAnd("", mechanisms...) }

// offerAnd is offer with something else.
func offerAnd(more string, mechanisms ...string) string {
	return "<stream:features><mechanisms xmlns='" + nsSASL + "'><mechanism>" + strings.Join(mechanisms, "</mechanism><mechanism>") + "</mechanism></mechanisms>" + more + "</stream:features>"
}

// offer2 is the features of a server that has SASL2 (XEP-0388), with these mechanisms.
func offer2(inline, more string, mechanisms ...string) string {
	return "<stream:features><authentication xmlns='" + nsSASL2 + "'><mechanism>" + strings.Join(mechanisms, "</mechanism><mechanism>") + "</mechanism><inline>" + inline + "</inline></authentication>" + more + "</stream:features>"
}

// success2 is a success of SASL2.
func success2(user, content string) string {
	return "<success xmlns='" + nsSASL2 + "'>" + content + "<authorization-identifier>" + user + "</authorization-identifier></success>"
}

// additional is what comes with a success of SASL2.
func additional(data string) string {
	return "<additional-data>" + base64.StdEncoding.EncodeToString([]byte(data)) + "</additional-data>"
}

// saslElement is an element of SASL with data.
func saslElement(name, data string) string {
	return "<" + name + " xmlns='" + nsSASL + "'>" + base64.StdEncoding.EncodeToString([]byte(data)) + "</" + name + ">"
}

// sasl2Element is one of SASL2.
func sasl2Element(name, data string) string {
	return "<" + name + " xmlns='" + nsSASL2 + "'>" + base64.StdEncoding.EncodeToString([]byte(data)) + "</" + name + ">"
}

// seeOther is the stream error that sends a client elsewhere.
func seeOther(host string) string {
	return "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>" + host + "</see-other-host></stream:error></stream:stream>"
}

// clear answers the first header with what comes before TLS.
func clear(trigger string) trap {
	return func(c *xmpptest.ScriptConn) (string, error) { return trigger, second(c.Header()) }
}

// wantTLS has brought the client to ask for TLS.
func wantTLS(trigger string) trap {
	return func(c *xmpptest.ScriptConn) (string, error) {
		return trigger, errors.Join(second(c.Header()), c.Send(header+offerTLS), second(c.Expect("starttls")))
	}
}

// secured is on the other side of TLS, where the client waits for features.
func secured(trigger string) trap {
	return func(c *xmpptest.ScriptConn) (string, error) { return trigger, c.Greet() }
}

// headed has TLS, and the client waits for the header.
func headed(trigger string) trap {
	return func(c *xmpptest.ScriptConn) (string, error) {
		return trigger, errors.Join(second(c.Header()), c.Send(header), c.StartTLS(), second(c.Header()))
	}
}

// challenged makes the trigger from the nonce of a SCRAM exchange's first message.
func challenged(f func(nonce string) string) trap {
	return func(c *xmpptest.ScriptConn) (string, error) {
		err := errors.Join(c.Greet(), c.Send(offer("SCRAM-SHA-1", "PLAIN")))
		auth, e := c.Expect("auth")
		return f(nonceOf(auth.Text())), errors.Join(err, e)
	}
}

func nonceOf(first string) string {
	data, _ := base64.StdEncoding.DecodeString(first)
	_, nonce, _ := strings.Cut(string(data), "r=")
	return nonce
}

// challenge is the server's first message of SCRAM, with the nonce in place of %s.
func challenge(format string) trap {
	return challenged(func(nonce string) string { return saslElement("challenge", fmt.Sprintf(format, nonce)) })
}

const goodChallenge = "r=%sSERVER,s=c2FsdA==,i=4096"

// proven has got the client's proof.
func proven(end string) trap {
	return func(c *xmpptest.ScriptConn) (string, error) {
		first, err := challenge(goodChallenge)(c)
		return end, errors.Join(err, c.Send(first), second(c.Expect("response")))
	}
}

// challenged2 and proven2 are the like in SASL2.
func challenged2(f func(nonce string) string) trap {
	return func(c *xmpptest.ScriptConn) (string, error) {
		err := errors.Join(c.Greet(), c.Send(offer2("", "", "SCRAM-SHA-1", "PLAIN")))
		auth, e := c.Expect("authenticate")
		return f(nonceOf(auth.Child(nsSASL2, "initial-response").Text())), errors.Join(err, e)
	}
}

func always2(answer string) trap { return challenged2(func(string) string { return answer }) }

func proven2(end string) trap {
	return func(c *xmpptest.ScriptConn) (string, error) {
		first, err := challenged2(func(nonce string) string { return sasl2Element("challenge", fmt.Sprintf(goodChallenge, nonce)) })(c)
		return end, errors.Join(err, c.Send(first), second(c.Expect("response")))
	}
}

// online has logged romeo in, and all is quiet.
func online(trigger string) trap {
	return func(c *xmpptest.ScriptConn) (string, error) {
		if _, err := c.Login("romeo"); err != nil {
			return "", err
		}
		roster, err := c.Expect("jabber:iq:roster")
		err = errors.Join(err, c.Send("<iq type='result' id='"+roster.Attr("id")+"'><query xmlns='jabber:iq:roster'/></iq>"), second(c.Expect("presence")))
		time.Sleep(time.Second) // virtual
		return trigger, err
	}
}

// unmanaged does without stream management.
func unmanaged(cfg *xmpp.ConnectionConfiguration) { cfg.DisableStreamManagement = true }
