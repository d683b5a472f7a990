package hostile_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xep/disco"
	"github.com/gosmack/xmpp/xep/version"
)

// S143 to S158: what strangers ask, and addresses that are none.
var _ = add(
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
		nobody("x", "user@xn--example-.org", "user@xn--bcher-kva.org"), nobody("empty labels", "user@a..b", "user@a.b"), nobody("a hyphen in front", "user@-example.org", "user@example.org"), nobody("punycode that is not the shortest", "user@xn--a.example", "user@a.example"),
		refusals(
			refusal{"a domain in bad punycode", func(cfg *xmpp.ConnectionConfiguration) { cfg.Address, cfg.Domain = jid.JID{}, "xn--example-.org" }},
			refusal{"a domain with an empty label", func(cfg *xmpp.ConnectionConfiguration) { cfg.Address, cfg.Domain = jid.JID{}, "a..b" }},
		),
	)},
	row{id: "S150", title: "Characters that can't be seen or turn the writing round", oracle: ignoreRow, also: "jid.TestMixedScript jid.TestSkeleton", scenes: slices.Concat(
		nobody("a change of direction", "a\u202eb@localhost", "ab@localhost"), nobody("no width", "a\u200bb@localhost", "ab@localhost"), nobody("a joiner", "a\u200db@localhost", "ab@localhost"), nobody("a mark of the byte order", "a\ufeffb@localhost", "ab@localhost"),
		[]scene{{name: "what looks alike is flagged", play: flagged}},
	)},
	row{id: "S151", title: "A sender whose address is none", oracle: ignoreRow, scenes: slices.Concat(
		nobody("no parts", "@@", "a@b"), nobody("only a local part", "mallory@", "mallory@localhost"), nobody("only a resource", "/x", "localhost/x"), nobody("a local part of 1024 bytes", strings.Repeat("a", 1024)+"@localhost", strings.Repeat("a", 1023)+"@localhost"),
		nobody("a control character in the resource", "mallory@localhost/\x7f", "mallory@localhost/x"), nobody("a dot", "a..b@", "a..b@localhost"), nobody("a blank", " ", "localhost"), nobody("lines of a log", "a&#10;2030-01-01 INFO all is well&#13;\u2028@@", "a@localhost/2030-01-01 INFO all is well"), nobody("an empty resource", "mallory@localhost/", "mallory@localhost"),
	)},
	row{id: "S158", title: "Answers to answers", oracle: ignoreRow, also: "TestEchoToItself", scenes: slices.Concat(
		unanswered("an error", "<iq type='error' id='1'%s><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>", "type='error'", "type='get'", " type='error'"),
		unanswered("a result", "<iq type='result' id='1'%s><probe xmlns='urn:example:probe'/></iq>", "type='result'", "type='get'", " type='result'"),
		unanswered("an error of a message", "<message type='error' id='1'%s><body>x</body><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>", "type='error'", "type='normal'", "message normal from"),
		unanswered("an error of a presence", "<presence type='error' id='1'%s><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>", "type='error'", "type='probe'", "presence probe from"),
		unanswered("an unknown type", "<iq type='probe' id='1'%s><probe xmlns='urn:example:probe'/></iq>", "type='probe'", "type='get'", " type='result'"),
		[]scene{ignore{name: "a message of our own is no conversation", send: "<message type='chat' from='" + ownFull + "'><body>outer</body></message><message type='chat'><body>outer</body></message>", hearsAny: "message chat from ", twin: hello, shows: "chat with juliet"}.scene()},
	)},
)

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
	see := map[string]bool{"absent": true, "own bare": true, "own full": true, "own other": true, "own domain": true, "contact bare": true, "contact full": true}
	others := append(slices.Clone(senders), variant{"a stranger without a resource", "mallory@evil.example"}, variant{"somebody of our domain", "nurse@localhost/x"}, variant{"another domain", "evil.example"},
		variant{"a domain that begins like ours", "localhost.evil.example"}, variant{"a contact that only we see", "paris@localhost/x"}, variant{"a contact without subscription", "tybalt@localhost/x"})
	for _, what := range slices.Sorted(maps.Keys(asks)) {
		for _, v := range others {
			if see[v.name] {
				continue
			}
			ask := "<iq type='get' id='1'%s>" + asks[what] + "</iq>"
			all = append(all, ignore{
				name: what + " asked by " + v.name, send: strings.Replace(ask, "%s", v.attr(), 1), answers: []stanza.Condition{stanza.ServiceUnavailable}, online: halfFriends,
				prepare: attach, twin: strings.Replace(ask, "%s", " from='"+contactFull+"'", 1), shows: answerTo[what],
				after: func(s *session) error { return s.sameAnswer(v.from, asks[what]) },
			}.scene())
		}
	}
	for _, what := range []string{"version", "what we are", "what we have", "ping"} { // and who may see it gets an answer
		for _, v := range senders {
			if !see[v.name] {
				continue
			}
			all = append(all, scene{name: "twin: " + what + " asked by " + v.name, play: func(t *testing.T) error {
				return meet(t, nil, nil, attach, func(s *session) error {
					for _, way := range cuts(what + v.name)[:quickCuts] {
						m := s.mark()
						s.send(way, "<iq type='get' id='1'"+v.attr()+">"+asks[what]+"</iq>")
						got, err := s.since(m)
						if err != nil || len(got.wrote) != 1 || got.wrote[0].Attr("type") != "result" {
							return whenCut(way, errors.Join(err, fmt.Errorf("it wrote %v", got.wrote)))
						}
					}
					return nil
				})
			}})
		}
	}
	return all
}

// answerTo is what a contact that sees us is told. What nobody knows, and what a node is that we don't have, he isn't either.
var answerTo = map[string]string{
	"an unknown one": "service-unavailable", "version": "type='result'", "what we are": "type='result'", "what a node is": "item-not-found", "what we have": "type='result'",
	"ping": "type='result'", "time": "service-unavailable", "last activity": "service-unavailable",
}

// halfFriends are contacts that don't see our presence.
func halfFriends(s *session) error {
	s.say("<iq type='set' id='half'><query xmlns='jabber:iq:roster'><item jid='paris@localhost' subscription='to'/></query></iq><iq type='set' id='half'><query xmlns='jabber:iq:roster'><item jid='tybalt@localhost' subscription='none'/></query></iq>")
	return nil
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

// uncontrolled is a request that must not be acted on, whoever sends it. The twin is for a handler of the program's own.
func uncontrolled(name, payload string) []scene {
	var all []scene
	for _, v := range senders {
		all = append(all, ignore{name: name + " from " + v.name, send: "<iq type='set' id='1'" + v.attr() + ">" + payload + "</iq>", answers: []stanza.Condition{stanza.ServiceUnavailable},
			twin: "<iq type='set' id='1'" + v.attr() + "><probe xmlns='urn:example:probe'>x</probe></iq>", shows: `: \"x\"`, showsToo: []string{"set of ", "type='result'"}}.scene())
	}
	return all
}

// pushes is a roster push by somebody whose address looks like ours.
func pushes(name, from string) []scene {
	return ignores(ignore{name: name, send: "<iq type='set' id='p' from='" + from + "'>" + mother + "</iq>", answers: []stanza.Condition{stanza.ServiceUnavailable}, twin: "<iq type='set' id='p' from='ROMEO@LocalHost'>" + mothers + "</iq>", shows: "roster added mallory%d"})
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

// nobody is a stanza of each kind from an address that is none. The twin comes from one that is nearly the same, and the push from our own account.
func nobody(name, from, good string) []scene {
	stanzas := func(from, push string) string {
		return "<message from='" + from + "'><body>x</body></message>" +
			"<iq type='set' id='1' from='" + push + "'>" + mothers + "</iq>" +
			"<iq type='get' id='1' from='" + from + "'><probe xmlns='urn:example:probe'/></iq>" +
			"<iq type='result' id='1' from='" + from + "'/>" +
			"<presence from='" + from + "' type='subscribe'/><presence from='" + from + "'/>"
	}
	return ignores(ignore{name: name, send: stanzas(from, from), twin: stanzas(good, own), shows: "roster added mallory%d",
		showsToo: []string{"message normal from ", "get of ", "presence subscribe from ", "presence  from "}})
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

// unanswered is what must never be answered, whoever sends it. The twin is of another type, in place of old: it is answered, or heard as what it is.
func unanswered(name, send, old, typ, shows string) []scene {
	var all []scene
	for _, v := range senders {
		from := strings.ReplaceAll(send, "%s", v.attr())
		all = append(all, ignore{name: name + " from " + v.name, send: from, hearsAny: "error", twin: strings.Replace(from, old, typ, 1), shows: shows}.scene())
	}
	return all
}
