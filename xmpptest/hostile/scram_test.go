package hostile_test

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/gosmack/xmpp/xmpptest"
)

// scramSignature is the server's signature of SCRAM-SHA-1 (RFC 5802 §3).
func scramSignature(password, salt string, iterations int, message string) []byte {
	salted, err := pbkdf2.Key(sha1.New, password, []byte(salt), iterations, sha1.Size)
	if err != nil {
		panic(err)
	}
	mac := func(key []byte, text string) []byte {
		h := hmac.New(sha1.New, key)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	return mac(mac(salted, "Server Key"), message)
}

// good is a server's first message as it has to be; %s is the nonce.
const good = "r=%sS,s=c2FsdA==,i=4096"

// exchanged plays the server in SCRAM up to the client's proof, and returns the signature of who knows the password.
func exchanged(c *xmpptest.ScriptConn, features, format, password string) (modern bool, signature []byte, err error) {
	err = errors.Join(c.Greet(), c.Send(features))
	auth, e := c.Expect("auth")
	initial, element := auth.Text(), saslElement
	if modern = auth.Space() == nsSASL2; modern {
		initial, element = auth.Child(nsSASL2, "initial-response").Text(), sasl2Element
	}
	data, _ := base64.StdEncoding.DecodeString(initial)
	_, bare, _ := strings.Cut(string(data), ",,")
	first := fmt.Sprintf(format, nonceOf(initial))
	err = errors.Join(err, e, c.Send(element("challenge", first)))
	response, e := c.Expect("response")
	final, _ := base64.StdEncoding.DecodeString(response.Text())
	proofless, _, _ := strings.Cut(string(final), ",p=")
	_, count, _ := strings.Cut(first, ",i=")
	count, _, _ = strings.Cut(count, ",")
	iterations, bad := strconv.Atoi(count)
	if err = errors.Join(err, e, bad); err != nil {
		return modern, make([]byte, sha1.Size), err
	}
	return modern, scramSignature(password, "salt", iterations, bare+","+first+","+proofless), nil
}

// knows plays a server that has this offer and this first message, and knows the password of romeo. between is what it says ahead of its success.
func knows(features, format, between string) func(*xmpptest.ScriptConn) error {
	return func(c *xmpptest.ScriptConn) error {
		modern, signature, err := exchanged(c, features, format, canary)
		if err != nil {
			return err
		}
		proof := "v=" + base64.StdEncoding.EncodeToString(signature)
		const bindable = "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>"
		if modern {
			err = c.Send(between + success2(own, additional(proof)) + bindable)
		} else {
			err = c.Send(between + saslElement("success", proof))
			c.Restart()
			err = errors.Join(err, second(c.Header()), c.Send(header+bindable))
		}
		iq, e := c.Expect("xmpp-bind")
		return errors.Join(err, e, c.Send("<iq type='result' id='"+iq.Attr("id")+"'>"+resource+"</iq>"), c.ExpectEnd(""))
	}
}

// believed makes l a login with such a server, by RFC 6120 and by SASL2.
func believed(l login, format, between string) []scene {
	by2 := l
	by2.name += ", by SASL2"
	l.with, by2.with = quiet, quiet
	l.script, by2.script = knows(offer(sha), format, between), knows(offer2("", "", sha), format, between)
	return accepted(l, by2)
}
