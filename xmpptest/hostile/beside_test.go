package hostile_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/sasl"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// brief is a check that an error can stand in a log: it is short, and nothing in it begins a line of its own.
func brief(err error) error {
	text := err.Error()
	if len(text) > 1000 {
		return fmt.Errorf("an error of %d bytes: %s", len(text), short(text))
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u202e' }); i >= 0 {
		return fmt.Errorf("a control character in %q", text)
	}
	return nil
}

// lines would be two lines of a log, and much more.
var lines = "x\n2030-01-01 INFO all is well \u202e\u2028" + strings.Repeat("long ", 5000)

// named is an element with a name that is as long.
func named(space string) string {
	return "<" + strings.Repeat("long", 5000) + " xmlns='" + space + "'/>"
}

// binding has logged romeo in and got the request for a resource; %s in the trigger is its id.
func binding(trigger string) trap {
	return func(c *xmpptest.ScriptConn) (string, error) {
		err := errors.Join(c.Greet(), c.Authenticate("romeo"), c.Send("<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>"))
		iq, e := c.Expect("xmpp-bind")
		return strings.ReplaceAll(trigger, "%s", iq.Attr("id")), errors.Join(err, e)
	}
}

const resource = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>romeo@localhost/x</jid></bind>"

// What stands beside the classes: other places where bytes of the network become a decision.
var _ = add(
	row{id: "S048a", title: "Something else in place of a resource", oracle: abortRow, scenes: aborts(
		abort{name: "a message", trap: binding("<message from='" + contact + "'><body>x</body></message>"), err: text("in place of the answer"), step: "bind"},
		abort{name: "a request", trap: binding(request), err: text("in place of the answer"), step: "bind"},
		abort{name: "another id", trap: binding("<iq type='result' id='x%s'>" + resource + "</iq>"), err: text("in place of the answer"), step: "bind"},
		abort{name: "another namespace", trap: binding("<iq xmlns='jabber:server' type='result' id='%s'>" + resource + "</iq>"), err: is(stanza.ErrNotStanza), step: "bind"},
		abort{name: "no payload", trap: binding("<iq type='result' id='%s'/>"), err: text("the address that the server assigned"), step: "bind"},
		abort{name: "a success of SASL", trap: binding("<success xmlns='" + nsSASL + "'/>"), err: is(stanza.ErrNotStanza), step: "bind"},
		abort{name: "an error", trap: binding("<iq type='error' id='%s'><error type='cancel'><not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"), err: is(stanza.NotAllowed), step: "bind"},
		abort{name: "features without it", trap: authenticated(true, "<stream:features/>"), err: text("no resource binding"), step: "bind"},
		abort{name: "a message for features", trap: authenticated(true, "<message/>"), err: text("in place of the stream's features"), step: "authenticate"},
	)},
	row{id: "S108a", title: "Limits that are none", oracle: ignoreRow, scenes: accepted(
		limited("negative", "-1"), limited("zero", "0"), limited("too large for a number", "99999999999999999999"), limited("no number", "many"), limited("a fraction", "1.5"), limited("an exponent", "1e9"), limited("nothing", ""),
	)},
	row{id: "S059a", title: "What a server says is to be read in a log", oracle: abortRow, scenes: slices.Concat(
		aborts(
			abort{name: "a stream error's text", trap: secured("<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>" + lines + "</text></stream:error>"), err: all(is(stanza.StreamReset), brief), step: "stream"},
			abort{name: "a failure's text", trap: challenged(func(string) string {
				return "<failure xmlns='" + nsSASL + "'><not-authorized/><text>" + lines + "</text></failure>"
			}), err: all(is(sasl.NotAuthorized), brief), step: "authenticate"},
			abort{name: "a failure's condition", trap: challenged(func(string) string {
				return "<failure xmlns='" + nsSASL + "'>" + named(nsSASL) + "</failure>"
			}), err: all(as[*sasl.Failure], brief), step: "authenticate"},
			abort{name: "a task", trap: proven2("<continue xmlns='" + nsSASL2 + "'><tasks><task>" + lines + "</task></tasks></continue>"), err: all(is(xmpp.ErrTaskUnsupported), brief), step: "authenticate"},
			abort{name: "an error of SCRAM", trap: proven(saslElement("success", "e="+strings.ReplaceAll(lines, ",", ""))), err: brief, step: "authenticate"},
			abort{name: "a name for a challenge", trap: proven(named("urn:x")), err: brief, step: "authenticate"},
			abort{name: "a namespace", trap: proven("<x xmlns='urn:x&#10;2030-01-01 INFO all is well'/>"), err: brief, step: "authenticate"},
			abort{name: "a name for features", trap: secured(named("urn:x")), err: brief, step: "stream"},
			abort{name: "a name for proceed", trap: wantTLS(named("urn:x")), err: brief, step: "starttls"},
			abort{name: "a name for a resource", trap: binding(named("urn:x")), err: brief, step: "bind"},
			abort{name: "another account", trap: identified(success2("mallory@localhost/"+strings.Repeat("long ", 200), "")), err: brief, step: "authenticate", with: plain},
			abort{name: "an address that is none", trap: binding("<iq type='result' id='%s'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>" + lines + "</jid></bind></iq>"), err: brief, step: "bind"},
			abort{name: "another host", trap: clear(header + seeOther(lines)), err: brief, step: "stream"},
			abort{name: "bad XML", trap: secured("<" + strings.Repeat("long", 5000) + "></x>"), says: stanza.StreamNotWellFormed, err: brief, step: "stream"},
			abort{name: "a mechanism", trap: secured(offer(lines)), err: all(is(sasl.ErrNoMechanism), brief), step: "authenticate"},
			abort{name: "a stream error's text while online", trap: online("<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>" + lines + "</text></stream:error>"), err: all(is(stanza.StreamReset), brief), online: true, returns: streamLost, with: openly, options: openHouse},
		),
	)},
)

// limited offers a limit (XEP-0478) that is none. A message must get through.
func limited(name, value string) login {
	return login{name: name, with: both(openly, quiet), options: openHouse, script: func(c *xmpptest.ScriptConn) error {
		err := errors.Join(second(c.Header()), c.Send(header+offer("PLAIN")), second(c.Expect("auth")), c.Send("<success xmlns='"+nsSASL+"'/>"))
		c.Restart()
		err = errors.Join(err, second(c.Header()), c.Send(header+"<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>"+value+"</max-bytes><idle-seconds>"+value+"</idle-seconds></limits></stream:features>"))
		iq, e := c.Expect("xmpp-bind")
		err = errors.Join(err, e, c.Send("<iq type='result' id='"+iq.Attr("id")+"'>"+resource+"</iq>"))
		return errors.Join(err, second(c.Expect("hello")), c.ExpectEnd(""))
	}, check: func(c *xmpp.Connection) error {
		return c.ChatManager().CreateChat(jid.MustParse(contact)).SendMessage(context.Background(), "hello")
	}}
}
