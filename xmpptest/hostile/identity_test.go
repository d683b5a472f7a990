package hostile_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/carbons"
	"github.com/gosmack/xmpp/xep/disco"
	"github.com/gosmack/xmpp/xep/forward"
	"github.com/gosmack/xmpp/xep/version"
	"github.com/gosmack/xmpp/xmpptest"
)

// S120 to S158: who said it.
var _ = add(
	row{id: "S120", title: "An answer by somebody else than was asked", oracle: ignoreRow, scenes: answers()},
	row{id: "S121", title: "An answer that is none", oracle: ignoreRow, scenes: confused()},
	row{id: "S121a", title: "A message that failed, by somebody who can't know", oracle: ignoreRow, also: "TestTwoMessagesWithOneID", scenes: bounces()},
	row{id: "S123", title: "A roster push by somebody else", oracle: ignoreRow, scenes: spoof(ignore{
		send:    "<iq type='set' id='p'%s><query xmlns='jabber:iq:roster'><item jid='mallory@evil.example' name='Mum' subscription='both'/></query></iq>",
		answers: []stanza.Condition{stanza.ServiceUnavailable},
		twin:    "<iq type='set' id='p'%s><query xmlns='jabber:iq:roster'><item jid='nurse@localhost' name='Nurse' subscription='both'/></query></iq>",
		shows:   "roster added nurse@localhost",
	}, "absent", "own bare")},
	row{id: "S123a", title: "A roster push that removes a contact or moves the version, by somebody else", oracle: ignoreRow, scenes: slices.Concat(
		spoof(ignore{
			name:    "removes",
			send:    "<iq type='set' id='p'%s><query xmlns='jabber:iq:roster' ver='evil'><item jid='" + contact + "' subscription='remove'/></query></iq>",
			answers: []stanza.Condition{stanza.ServiceUnavailable},
			twin:    "<iq type='set' id='p'%s><query xmlns='jabber:iq:roster' ver='next'><item jid='" + contact + "' subscription='remove'/></query></iq>",
			shows:   "roster removed " + contact,
		}, "absent", "own bare"),
		spoof(ignore{ // a result is no push, whoever sends it
			name:  "as a result",
			send:  "<iq type='result' id='p'%s><query xmlns='jabber:iq:roster' ver='evil'><item jid='mallory@evil.example' subscription='both'/></query></iq>" + "<iq type='result' id='p'><query xmlns='jabber:iq:roster' ver='evil'/></iq>",
			twin:  "<iq type='set' id='p'%s><query xmlns='jabber:iq:roster'><item jid='nurse@localhost' subscription='both'/></query></iq>",
			shows: "roster added nurse@localhost",
		}, "absent", "own bare"),
	)},
	row{id: "S124", title: "A message that makes a later one look as if it had come already", oracle: ignoreRow, also: "TestDoubles", scenes: ignores(
		ignore{name: "the same id", send: "<message from='" + stranger + "' id='d' type='chat'><body>outer</body><delay xmlns='urn:xmpp:delay' from='localhost' stamp='2020-01-02T03:04:05Z'/></message>", hears: "outer",
			twin: "<message from='" + contactFull + "' id='d' type='chat'><body>outer</body><delay xmlns='urn:xmpp:delay' from='localhost' stamp='2020-01-02T03:04:05Z'/></message>", shows: "chat with " + contact},
		ignore{name: "the same place in the archive", makeUnique: true, send: "<message from='" + stranger + "' id='%d' type='chat'><body>outer</body><stanza-id xmlns='urn:xmpp:sid:0' by='" + own + "' id='%d'/></message>", hears: "outer",
			twin: "<message from='" + contactFull + "' id='1' type='chat'><body>outer</body><stanza-id xmlns='urn:xmpp:sid:0' by='" + own + "' id='1'/></message>", shows: "chat with " + contact},
	)},
	row{id: "S125", title: "Subscriptions that nobody asked for", oracle: ignoreRow, scenes: slices.Concat(
		unasked("subscribed"), unasked("unsubscribed"), unasked("unsubscribe"), unasked("subscribe"), unasked("probe"), unasked("strange"),
	)},
	row{id: "S126", title: "Copies that our account's server did not send", oracle: ignoreRow, also: "xep/carbons.TestForgedCopies xep/carbons.TestCopiesThatWereNotEnabled", scenes: slices.Concat(
		spoof(ignore{
			name:    "received",
			send:    copied("%s", "received", inside(contactFull, ownOther, "chat", "forged")),
			twin:    copied("%s", "received", inside(contactFull, ownOther, "chat", "in")),
			shows:   `chat with juliet@localhost: \"in\"`,
			prepare: withCarbons,
		}, "own bare"),
		spoof(ignore{
			name:    "sent",
			send:    copied("%s", "sent", inside(ownOther, contactFull, "chat", "forged")),
			twin:    copied("%s", "sent", inside(ownOther, contactFull, "chat", "out")),
			shows:   `sent to juliet@localhost`,
			prepare: withCarbons,
		}, "own bare"),
		badCopies(),
	)},
	row{id: "S127", title: "A forwarded message that nobody asked for", oracle: ignoreRow, also: "xep/forward.TestForwardedIsNotLive", scenes: ignores(
		ignore{name: "beside a text", send: chat + "<forwarded xmlns='urn:xmpp:forward:0'>" + inside("nurse@localhost", own, "chat", "inner") + "</forwarded></message>", hears: "outer", prepare: func(s *session) { forward.Handle(s.Connection) }, twin: hello, shows: "hello"},
		ignore{name: "in a forwarded one", send: chat + "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><forwarded xmlns='urn:xmpp:forward:0'>" + inside("nurse@localhost", own, "chat", "inner") + "</forwarded></message></forwarded></message>", hears: "outer", prepare: everything, twin: hello, shows: "hello"},
		ignore{name: "a roster push in it", send: chat + "<forwarded xmlns='urn:xmpp:forward:0'><iq xmlns='jabber:client' type='set' id='1'>" + mother + "</iq></forwarded></message>", hears: "outer", prepare: everything, twin: hello, shows: "hello"},
	)},
	row{id: "S143", title: "Somebody who may not see our presence asks what we are", oracle: ignoreRow, also: "xep/disco.TestWhoGetsAnAnswer xep/version.TestWhoGetsAnAnswer TestSeesUs", scenes: unseen()},
	row{id: "S147", title: "Remote control", oracle: ignoreRow, scenes: slices.Concat(
		uncontrolled("a command", "<command xmlns='http://jabber.org/protocol/commands' node='quit' action='execute'/>"),
		uncontrolled("a change of the password", "<query xmlns='jabber:iq:register'><username>romeo</username><password>evil</password></query>"),
		uncontrolled("a login of the old kind", "<query xmlns='jabber:iq:auth'><username>romeo</username></query>"),
		uncontrolled("privacy lists", "<query xmlns='jabber:iq:privacy'><active name='evil'/></query>"),
		uncontrolled("a resource", "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>evil</resource></bind>"),
	)},
	row{id: "S148", title: "Addresses that look alike, and addresses that are", oracle: ignoreRow, also: "jid.TestParse jid.TestVectors", scenes: slices.Concat(
		pushes("a letter of another script", "r\u043emeo@localhost"), pushes("another resource", "romeo@localhost/\u212aate"), pushes("a longer domain", "romeo@localhost.example"),
		pushes("a domain within ours", "romeo@localhost\u3002evil.example"), pushes("a doubled letter", "rromeo@localhost"), pushes("an escaped at sign", "romeo\\40localhost@evil.example"),
		[]scene{{name: "what is equal", play: equals}},
	)},
	row{id: "S149", title: "Domains that are none, in punycode and otherwise", oracle: ignoreRow + ", " + rejectRow, also: "jid.TestParseRefuses", scenes: slices.Concat(
		nobody("x", "user@xn--example-.org"), nobody("empty labels", "user@a..b"), nobody("a hyphen in front", "user@-example.org"), nobody("punycode that is not the shortest", "user@xn--a.example"),
		refusals(
			refusal{"a domain in bad punycode", func(cfg *xmpp.ConnectionConfiguration) { cfg.Address, cfg.Domain = jid.JID{}, "xn--example-.org" }},
			refusal{"a domain with an empty label", func(cfg *xmpp.ConnectionConfiguration) { cfg.Address, cfg.Domain = jid.JID{}, "a..b" }},
		),
	)},
	row{id: "S150", title: "Characters that can't be seen or turn the writing round", oracle: ignoreRow, also: "jid.TestMixedScript jid.TestSkeleton", scenes: slices.Concat(
		nobody("a change of direction", "a\u202eb@localhost"), nobody("no width", "a\u200bb@localhost"), nobody("a joiner", "a\u200db@localhost"), nobody("a mark of the byte order", "a\ufeffb@localhost"),
		[]scene{{name: "what looks alike is flagged", play: flagged}},
	)},
	row{id: "S151", title: "A sender whose address is none", oracle: ignoreRow, scenes: slices.Concat(
		nobody("no parts", "@@"), nobody("only a local part", "juliet@"), nobody("only a resource", "/x"), nobody("a local part of 1024 bytes", strings.Repeat("a", 1024)+"@localhost"),
		nobody("a control character in the resource", "juliet@localhost/\x7f"), nobody("a dot", "a..b@"), nobody("a blank", " "), nobody("lines of a log", "a&#10;2030-01-01 INFO all is well&#13;\u2028@@"), nobody("an empty resource", "juliet@localhost/"),
	)},
	row{id: "S158", title: "Answers to answers", oracle: ignoreRow, also: "TestEchoToItself", scenes: slices.Concat(
		unanswered("an error", "<iq type='error' id='1'%s><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"),
		unanswered("a result", "<iq type='result' id='1'%s/>"),
		unanswered("an error of a message", "<message type='error' id='1'%s><body>x</body><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"),
		unanswered("an error of a presence", "<presence type='error' id='1'%s><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>"),
		unanswered("an unknown type", "<iq type='probe' id='1'%s><ping xmlns='urn:xmpp:ping'/></iq>"),
		[]scene{ignore{name: "a message of our own is no conversation", send: "<message type='chat' from='" + ownFull + "'><body>outer</body></message><message type='chat'><body>outer</body></message>", hearsAny: "message chat from ", twin: hello, shows: "chat with juliet"}.scene()},
	)},
)

func withCarbons(s *session) { carbons.Enable(s.Connection) }

// copied is a copy (XEP-0280) with the attribute of its sender.
func copied(from, kind, what string) string {
	return "<message" + from + "><" + kind + " xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>" + what + "</forwarded></" + kind + "></message>"
}

// inside is a message that another one carries.
func inside(from, to, typ, body string) string {
	return "<message xmlns='jabber:client' from='" + from + "' to='" + to + "' type='" + typ + "'><body>" + body + "</body></message>"
}

// badCopies come from who may send copies, and are none.
func badCopies() []scene {
	by := " from='" + own + "'"
	in, out := inside(contactFull, ownOther, "chat", "forged"), inside(ownOther, contactFull, "chat", "forged")
	nested := "<message xmlns='jabber:client' type='chat' from='" + contactFull + "' to='" + own + "'><body>forged</body>" + copied("", "received", in)[len("<message>"):]
	var all []scene
	for name, send := range map[string]string{
		"a copy within a copy":   copied(by, "received", nested),
		"of a room's message":    copied(by, "received", inside("room@chat.example/nick", ownOther, "groupchat", "forged")),
		"sent by another":        copied(by, "sent", in),
		"received by another":    copied(by, "received", inside(contactFull, "mercutio@localhost", "chat", "forged")),
		"received, but ours":     copied(by, "received", out),
		"both kinds":             "<message" + by + ">" + strings.TrimSuffix(copied("", "received", in), "</message>")[len("<message>"):] + strings.TrimSuffix(copied("", "sent", out), "</message>")[len("<message>"):] + "</message>",
		"two messages":           copied(by, "received", in+in),
		"no message":             copied(by, "received", ""),
		"a presence":             copied(by, "received", "<presence xmlns='jabber:client' from='"+contactFull+"'/>"),
		"a request":              copied(by, "received", "<iq xmlns='jabber:client' type='get' id='1' from='"+contactFull+"'><ping xmlns='urn:xmpp:ping'/></iq>"),
		"a sender that is none":  copied(by, "received", inside("@@", ownOther, "chat", "forged")),
		"not forwarded":          "<message" + by + "><received xmlns='urn:xmpp:carbons:2'>" + in + "</received></message>",
		"by almost our account":  copied(" from='"+own+".evil.example'", "received", in),
		"by a room's occupant":   copied(" from='room@chat.example/"+own+"'", "received", in),
		"an error for a message": copied(by+" type='error'", "received", in),
	} {
		all = append(all, ignore{name: name, send: send, prepare: withCarbons, twin: copied(by, "received", inside(contactFull, ownOther, "chat", "in")), shows: `chat with juliet@localhost: \"in\"`}.scene())
	}
	all = append(all, ignore{
		name: "copies were not enabled", send: copied(by, "received", in), hearsAny: `message normal from romeo@localhost to : "" ""`,
		twin: hello, shows: "hello",
	}.scene())
	return all
}

// unasked is a presence of this type from everybody: it reaches who listens to presence, and changes nothing. Whoever is asked for permission doesn't
// answer by itself.
func unasked(typ string) []scene {
	var all []scene
	for _, v := range senders {
		too := ""
		if typ == "subscribe" && v.from != "" && !strings.HasPrefix(v.from, own) { // nobody asks himself
			too = "request of"
		}
		all = append(all, ignore{
			name: typ + " from " + v.name, send: "<presence type='" + typ + "'" + v.attr() + "/>", hearsAny: "presence " + typ, hearsToo: too,
			twin: "<iq type='set' id='p'><query xmlns='jabber:iq:roster'><item jid='" + contact + "' subscription='none'/></query></iq>", shows: "Subscription:none",
		}.scene())
	}
	return all
}

// unseen are requests by who may not see our presence. The answers are those to what nobody knows.
func unseen() []scene {
	asks := map[string]string{
		"an unknown one": "<x xmlns='urn:x'/>", "version": "<query xmlns='jabber:iq:version'/>", "what we are": "<query xmlns='http://jabber.org/protocol/disco#info'/>",
		"what a node is": "<query xmlns='http://jabber.org/protocol/disco#info' node='n'/>", "what we have": "<query xmlns='http://jabber.org/protocol/disco#items'/>",
		"ping": "<ping xmlns='urn:xmpp:ping'/>", "time": "<time xmlns='urn:xmpp:time'/>", "last activity": "<query xmlns='jabber:iq:last'/>",
	}
	attach := func(s *session) {
		disco.New(s.Connection, nil)
		version.Handle(s.Connection, nil)
	}
	var all []scene
	for what, payload := range asks {
		for _, who := range []string{stranger, "mallory@evil.example", "MALLORY@EVIL.Example./x", "nurse@localhost/x", "evil.example", "localhost.evil.example"} {
			all = append(all, scene{name: what + " asked by " + who, cut: true, play: func(t *testing.T) error {
				i := ignore{
					name: what + who, send: "<iq type='get' id='1' from='" + who + "'>" + payload + "</iq>", answers: []stanza.Condition{stanza.ServiceUnavailable},
					prepare: attach, twin: "<iq type='get' id='1' from='" + contactFull + "'>" + asks["version"] + "</iq>", shows: "type='result'",
					after: func(s *session) error { return s.sameAnswer(who, payload) },
				}
				return i.play(t)
			}})
		}
	}
	for _, what := range []string{"version", "what we are", "what we have", "ping"} { // and who may see it gets an answer
		for _, who := range []string{contactFull, contact, own, ownOther, domain} {
			all = append(all, scene{name: "twin: " + what + " asked by " + who, play: func(t *testing.T) error {
				return meet(t, nil, nil, attach, func(s *session) error {
					m := s.mark()
					s.say("<iq type='get' id='1' from='" + who + "'>" + asks[what] + "</iq>")
					got, err := s.since(m)
					if err != nil || len(got.wrote) != 1 || got.wrote[0].Attr("type") != "result" {
						return errors.Join(err, fmt.Errorf("it wrote %v", got.wrote))
					}
					return nil
				})
			}})
		}
	}
	return all
}

// sameAnswer asks once with a payload and once with one that nobody knows: but for the payload itself the answers must not differ.
func (s *session) sameAnswer(who, payload string) error {
	ask := func(payload string) (string, error) {
		m := s.mark()
		s.say("<iq type='get' id='same' from='" + who + "'>" + payload + "</iq>")
		got, err := s.since(m)
		return got.raw, err
	}
	this, err := ask(payload)
	other, err2 := ask("<nobody xmlns='urn:nobody'/>")
	if err = errors.Join(err, err2); err != nil || this != other {
		return errors.Join(err, fmt.Errorf("it answers %s, and to what it doesn't know %s", this, other))
	}
	return nil
}

// uncontrolled is a request that must not be acted on, whoever sends it.
func uncontrolled(name, payload string) []scene {
	var all []scene
	for _, v := range senders {
		all = append(all, ignore{name: name + " from " + v.name, send: "<iq type='set' id='1'" + v.attr() + ">" + payload + "</iq>", answers: []stanza.Condition{stanza.ServiceUnavailable}, twin: hello, shows: "hello"}.scene())
	}
	return all
}

// pushes is a roster push by somebody whose address looks like ours.
func pushes(name, from string) []scene {
	return ignores(ignore{name: name, send: "<iq type='set' id='p' from='" + from + "'>" + mother + "</iq>", answers: []stanza.Condition{stanza.ServiceUnavailable}, twin: "<iq type='set' id='p' from='ROMEO@LocalHost'>" + mother + "</iq>", shows: "roster added mallory"})
}

// equals are other writings of addresses, which must be taken for what they are.
func equals(t *testing.T) error {
	return meet(t, nil, nil, nil, func(s *session) error {
		for i, from := range []string{"ROMEO@LOCALHOST", "\uff52omeo@localhost", "Romeo@LocalHost."} {
			m := s.mark()
			s.say(fmt.Sprintf("<iq type='set' id='p' from='%s'><query xmlns='jabber:iq:roster'><item jid='c%d@localhost' subscription='none'/></query></iq>", from, i))
			got, err := s.since(m)
			if err != nil || len(got.wrote) != 1 || got.wrote[0].Attr("type") != "result" {
				return errors.Join(err, fmt.Errorf("a push by %s: %v", from, got))
			}
		}
		return nil
	})
}

// nobody is a stanza of each kind from an address that is none.
func nobody(name, from string) []scene {
	send := "<message from='" + from + "'><body>x</body></message>" +
		"<iq type='set' id='1' from='" + from + "'>" + mother + "</iq>" +
		"<iq type='get' id='1' from='" + from + "'><ping xmlns='urn:xmpp:ping'/></iq>" +
		"<iq type='result' id='1' from='" + from + "'/>" +
		"<presence from='" + from + "' type='subscribe'/><presence from='" + from + "'/>"
	return ignores(ignore{name: name, send: send, twin: hello, shows: "hello"})
}

// flagged looks at the hints for programs that show addresses.
func flagged(*testing.T) error {
	if !jid.MixedScript("p\u0430ypal@example.org") || jid.MixedScript("paypal@example.org") {
		return errors.New("a letter of another script is not flagged, or one of the same is")
	}
	if jid.Skeleton("p\u0430ypal") != jid.Skeleton("paypal") || jid.Skeleton("paypal") == jid.Skeleton("pagpal") {
		return errors.New("what looks alike has another skeleton, or what doesn't has the same")
	}
	return nil
}

// unanswered is what must never be answered, whoever sends it.
func unanswered(name, send string) []scene {
	var all []scene
	for _, v := range senders {
		all = append(all, ignore{name: name + " from " + v.name, send: strings.ReplaceAll(send, "%s", v.attr()), hearsAny: "error", twin: hello, shows: "hello"}.scene())
	}
	return all
}

// targets are whom we ask, and who may answer.
var targets = []struct {
	to    string
	legal []string
}{
	{"", []string{"", own}},
	{own, []string{"", own}},
	{ownOther, []string{ownOther}},
	{domain, []string{domain}},
	{contact, []string{contact}},
	{contactFull, []string{contactFull}},
	{stranger, []string{stranger, "MALLORY@EVIL.Example./x"}},
}

// asking is a request to a target that is under way: its id, and what becomes of it.
func (s *session) asking(ctx context.Context, to string) (id string, done chan error) {
	var target jid.JID
	if to != "" {
		target = jid.MustParse(to)
	}
	before := len(s.conn.Log())
	done = make(chan error, 1)
	go func() {
		var p probe
		err := s.Get(ctx, target, probe{}, &p)
		if err == nil && p.Text != "right" {
			err = fmt.Errorf("the answer was %q", p.Text)
		}
		done <- err
	}()
	synctest.Wait()
	for e := range parsed(s.conn.Log()[before:]) {
		id = e.Attr("id")
	}
	return id, done
}

// deaf makes the test server answer nothing.
func deaf(s *session) {
	s.srv.Intercept(func(*xmpptest.Conn, stanza.Element) []stanza.Element { return nil })
}

// answers are requests to every target, each answered by everybody who may not before it is by one who may.
func answers() []scene {
	var all []scene
	for _, target := range targets {
		for _, v := range senders {
			if contains(target.legal, v.from) {
				continue
			}
			name := fmt.Sprintf("to %q from %s", target.to, v.name)
			all = append(all, wrongAnswer(name, target.to, target.legal, func(id string) string {
				return "<iq type='result' id='" + id + "'" + v.attr() + "><probe xmlns='urn:example:probe'>wrong</probe></iq>" +
					"<iq type='error' id='" + id + "'" + v.attr() + "><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
			}, ""))
		}
	}
	return all
}

// confused are right senders of what is no answer.
func confused() []scene {
	var all []scene
	for name, format := range map[string]string{
		"an error of a message":  "<message type='error' id='%[1]s'%[2]s><probe xmlns='urn:example:probe'>wrong</probe><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
		"an error of a presence": "<presence type='error' id='%[1]s'%[2]s><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>",
		"a message":              "<message type='result' id='%[1]s'%[2]s><probe xmlns='urn:example:probe'>wrong</probe></message>",
		"another id":             "<iq type='result' id='%[1]sx'%[2]s><probe xmlns='urn:example:probe'>wrong</probe></iq>",
		"an empty id":            "<iq type='result' id=''%[2]s><probe xmlns='urn:example:probe'>wrong</probe></iq><iq type='result'%[2]s/>",
		"another type":           "<iq type='RESULT' id='%[1]s'%[2]s><probe xmlns='urn:example:probe'>wrong</probe></iq><iq id='%[1]s'%[2]s/>",
		"another namespace":      "<iq xmlns='jabber:server' type='result' id='%[1]s'%[2]s><probe xmlns='urn:example:probe'>wrong</probe></iq>",
		"within a message":       "<message from='" + contactFull + "'><iq xmlns='jabber:client' type='result' id='%[1]s'%[2]s><probe xmlns='urn:example:probe'>wrong</probe></iq></message>",
	} {
		for _, target := range targets {
			from := ""
			if target.legal[0] != "" {
				from = " from='" + target.legal[0] + "'"
			}
			all = append(all, wrongAnswer(fmt.Sprintf("%s, to %q", name, target.to), target.to, target.legal, func(id string) string { return fmt.Sprintf(format, id, from) }, "e"))
		}
	}
	return all
}

// wrongAnswer is a request that must not end by this, and then must by the right answer. What is heard of it may contain hears.
func wrongAnswer(name, to string, legal []string, wrong func(id string) string, hears string) scene {
	return scene{name: name, cut: true, play: func(t *testing.T) error {
		return meet(t, nil, nil, nil, func(s *session) error {
			deaf(s)
			for n, way := range cuts(name) {
				ctx, cancel := context.WithCancel(t.Context())
				id, done := s.asking(ctx, to)
				if id == "" {
					cancel()
					return errors.New("nothing was asked")
				}
				i := ignore{make: func(*session) string { return wrong(id) }, hearsAny: hears}
				err := i.once(s, way, n)
				select {
				case end := <-done:
					err = errors.Join(err, fmt.Errorf("the request ended with %w", errors.Join(end, errors.New("an answer"))))
				default:
					from := legal[n%len(legal)]
					attr := ""
					if from != "" {
						attr = " from='" + from + "'"
					}
					s.send(way, "<iq type='result' id='"+id+"'"+attr+"><probe xmlns='urn:example:probe'>right</probe></iq>")
					select {
					case end := <-done:
						err = errors.Join(err, end)
					default:
						err = errors.Join(err, errors.New("the right answer did not end the request"))
					}
				}
				cancel()
				if err != nil {
					return whenCut(way, err)
				}
			}
			return nil
		})
	}}
}

// bounces are errors for a message that the server has not acknowledged, from everybody.
func bounces() []scene {
	legal := []string{"", own, contactFull, contact, domain}
	var all []scene
	for _, v := range senders {
		all = append(all, scene{name: "from " + v.name, play: func(t *testing.T) error {
			options := &xmpptest.Options{StreamManagement: xmpptest.StreamManagement{Mute: true}} // nothing is acknowledged
			return meet(t, options, func(cfg *xmpp.ConnectionConfiguration) { cfg.DisableStreamManagement = false }, nil, func(s *session) error {
				s.srv.Intercept(func(_ *xmpptest.Conn, e stanza.Element) []stanza.Element {
					if e.Local() == "message" {
						return nil // else the test server would send it back itself
					}
					return []stanza.Element{e}
				})
				m := &stanza.Message{To: jid.MustParse(contactFull), Body: "x"}
				ack, err := s.Submit(t.Context(), m)
				if err != nil {
					return err
				}
				synctest.Wait()
				for _, id := range []string{ack.ID() + "x", ack.ID()} {
					s.conn.Conn.Send("<message type='error' id='" + id + "'" + v.attr() + "><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>")
					pass(time.Millisecond)
					ended := false
					select {
					case <-ack.Done():
						ended = true
					default:
					}
					if want := contains(legal, v.from) && id == ack.ID(); ended != want {
						return fmt.Errorf("with the id %s (it is %s) the message has ended: %v, %w", id, ack.ID(), ended, ack.Err())
					}
					if ended && !errors.Is(ack.Err(), xmpp.ErrRejected) {
						return fmt.Errorf("it ended with %w", ack.Err())
					}
				}
				return nil
			})
		}})
	}
	return all
}
