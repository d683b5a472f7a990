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
		twin:    "<iq type='set' id='p'%s><query xmlns='jabber:iq:roster'><item jid='nurse%d@localhost' name='Nurse' subscription='both'/></query></iq>",
		shows:   "roster added nurse%d@localhost",
	}, "absent", "own bare")},
	row{id: "S123a", title: "A roster push that removes a contact or moves the version, by somebody else", oracle: ignoreRow, scenes: slices.Concat(
		spoof(ignore{
			name:    "removes",
			send:    "<iq type='set' id='p'%s><query xmlns='jabber:iq:roster' ver='evil'><item jid='" + contact + "' subscription='remove'/></query></iq>",
			answers: []stanza.Condition{stanza.ServiceUnavailable},
			twin: "<iq type='set' id='q'%s><query xmlns='jabber:iq:roster'><item jid='" + contact + "' name='%d' subscription='both'/></query></iq>" +
				"<iq type='set' id='p'%s><query xmlns='jabber:iq:roster' ver='next'><item jid='" + contact + "' subscription='remove'/></query></iq>",
			shows: "roster removed " + contact,
		}, "absent", "own bare"),
		spoof(ignore{ // a result is no push, whoever sends it
			name:  "as a result",
			send:  "<iq type='result' id='p'%s><query xmlns='jabber:iq:roster' ver='evil'><item jid='mallory@evil.example' subscription='both'/></query></iq>" + "<iq type='result' id='p'><query xmlns='jabber:iq:roster' ver='evil'/></iq>",
			twin:  "<iq type='set' id='p'%s><query xmlns='jabber:iq:roster'><item jid='nurse%d@localhost' subscription='both'/></query></iq>",
			shows: "roster added nurse%d@localhost",
		}, "absent", "own bare"),
	)},
	row{id: "S124", title: "A message that makes a later one look as if it had come already", oracle: ignoreRow, also: "TestDoubles", scenes: slices.Concat(
		before("the same id", "<message id='d%d'%s type='chat'><body>outer</body><delay xmlns='urn:xmpp:delay' from='localhost' stamp='2020-01-02T03:04:05Z'/></message>"),
		before("the same place in the archive", "<message id='%d'%s type='chat'><body>outer</body><stanza-id xmlns='urn:xmpp:sid:0' by='"+own+"' id='%d'/></message>"),
	)},
	row{id: "S125", title: "Subscriptions that nobody asked for", oracle: ignoreRow, scenes: slices.Concat(
		unasked("subscribed", "to"), unasked("unsubscribed", "none"), unasked("unsubscribe", "none"), unasked("subscribe", "from"), unasked("probe", "both"), unasked("strange", "both"),
		[]scene{{name: "twin: the program approves of requests", play: approved}},
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
	row{id: "S127", title: "A forwarded message that nobody asked for", oracle: ignoreRow, also: "xep/forward.TestForwardedIsNotLive", scenes: slices.Concat(
		forwarded("beside a text", inner, copiedInner, "chat with nurse@localhost"),
		forwarded("in a forwarded one", "<message xmlns='jabber:client'><forwarded xmlns='urn:xmpp:forward:0'>"+inner+"</forwarded></message>", copiedInner, "chat with nurse@localhost"),
		forwarded("a roster push in it", "<iq xmlns='jabber:client' type='set' id='1'>"+mother+"</iq>", "<iq type='set' id='1'>"+mothers+"</iq>", "roster added mallory%d"),
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

// before is an attack that everybody can make who is not the sender of the true message: that has the same id and text, and is heard.
func before(name, message string) []scene {
	var all []scene
	for _, v := range senders {
		if v.from == contactFull {
			continue
		}
		all = append(all, ignore{
			name: name + " from " + v.name, makeUnique: true, send: strings.Replace(message, "%s", v.attr(), 1), hearsAny: "outer",
			twin: strings.Replace(message, "%s", " from='"+contactFull+"'", 1), shows: "chat with " + contact,
		}.scene())
	}
	return all
}

var (
	inner       = inside("nurse@localhost", own, "chat", "inner")
	copiedInner = copied(" from='"+own+"'", "received", inner) // by who may
)

// forwarded is a message that carries something, from everybody. The twin is that by itself, or in a copy of our own server.
func forwarded(name, what, twin, shows string) []scene {
	var all []scene
	for _, v := range senders {
		all = append(all, ignore{
			name: name + " from " + v.name, send: "<message type='chat'" + v.attr() + "><body>outer</body><forwarded xmlns='urn:xmpp:forward:0'>" + what + "</forwarded></message>",
			hearsAny: "outer", prepare: everything, twin: twin, shows: shows,
		}.scene())
	}
	return all
}

// unasked is a presence of this type from everybody: it reaches who listens to presence, and changes nothing. Whoever is asked for permission doesn't
// answer by itself. The twin is that with a roster push, by which the server says that it is so.
func unasked(typ, subscription string) []scene {
	var all []scene
	for _, v := range senders {
		too := ""
		if typ == "subscribe" && v.from != "" && !strings.HasPrefix(v.from, own) { // nobody asks himself
			too = "request of"
		}
		all = append(all, ignore{
			name: typ + " from " + v.name, send: "<presence type='" + typ + "'" + v.attr() + "/>", hearsAny: "presence " + typ, hearsToo: too,
			twin:  "<presence type='" + typ + "' from='nurse%d@localhost'/><iq type='set' id='p'><query xmlns='jabber:iq:roster'><item jid='nurse%d@localhost' subscription='" + subscription + "'/></query></iq>",
			shows: "presence " + typ + " from nurse%d@localhost", showsToo: []string{"roster added nurse%d@localhost", "Subscription:" + subscription},
		}.scene())
	}
	return all
}

// approved are requests of everybody to a program that says yes: who is somebody else gets it, once.
func approved(t *testing.T) error {
	return meet(t, nil, nil, func(s *session) {
		s.Roster().HandleRequests(func(context.Context, xmpp.SubscriptionRequest) xmpp.Decision { return xmpp.Approve })
	}, func(s *session) error {
		for _, v := range senders {
			for _, way := range cuts("approved")[:quickCuts] {
				m := s.mark()
				s.send(way, "<presence type='subscribe'"+v.attr()+"/>")
				got, err := s.since(m)
				got.wrote = slices.DeleteFunc(got.wrote, func(e stanza.Element) bool { return e.Local() != "presence" }) // the server's push is answered
				want := 1
				if v.from == "" || strings.HasPrefix(v.from, own) {
					want = 0
				}
				if err != nil || len(got.wrote) != want || want == 1 && (got.wrote[0].Attr("type") != "subscribed" || got.wrote[0].Attr("to") != jid.MustParse(v.from).Bare().String()) {
					return whenCut(way, errors.Join(err, fmt.Errorf("from %s: it wrote %v", v.name, got.wrote)))
				}
			}
		}
		return nil
	})
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
			}))
		}
	}
	return all
}

// confused are right senders of what is no answer. It is heard as what it is, and an error of a message as that: it isn't lost.
func confused() []scene {
	var all []scene
	for name, kind := range map[string]struct{ send, heard string }{
		"an error of a message":  {"<message type='error' id='%[1]s'%[2]s><probe xmlns='urn:example:probe'>wrong</probe><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>", "message error from %s: stanza error: gone"},
		"an error of a presence": {"<presence type='error' id='%[1]s'%[2]s><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>", `presence error from %s: ""`},
		"a message":              {"<message type='result' id='%[1]s'%[2]s><probe xmlns='urn:example:probe'>wrong</probe></message>", `message result from %s to : "" ""`},
		"another id":             {"<iq type='result' id='%[1]sx'%[2]s><probe xmlns='urn:example:probe'>wrong</probe></iq>", ""},
		"an empty id":            {"<iq type='result' id=''%[2]s><probe xmlns='urn:example:probe'>wrong</probe></iq><iq type='result'%[2]s/>", ""},
		"another type":           {"<iq type='RESULT' id='%[1]s'%[2]s><probe xmlns='urn:example:probe'>wrong</probe></iq><iq id='%[1]s'%[2]s/>", ""},
		"another namespace":      {"<iq xmlns='jabber:server' type='result' id='%[1]s'%[2]s><probe xmlns='urn:example:probe'>wrong</probe></iq>", ""},
		"within a message":       {"<message from='" + contactFull + "'><iq xmlns='jabber:client' type='result' id='%[1]s'%[2]s><probe xmlns='urn:example:probe'>wrong</probe></iq></message>", "message normal from " + contactFull + ` to : "" ""`},
	} {
		for _, target := range targets {
			from := ""
			if target.legal[0] != "" {
				from = " from='" + target.legal[0] + "'"
			}
			var heard []string
			if kind.heard != "" {
				heard = []string{strings.Replace(kind.heard, "%s", target.legal[0], 1)}
			}
			all = append(all, wrongAnswer(fmt.Sprintf("%s, to %q", name, target.to), target.to, target.legal, func(id string) string { return fmt.Sprintf(kind.send, id, from) }, heard...))
		}
	}
	return all
}

// only sends what has one effect: exactly this is heard of it.
func (s *session) only(way cut, n int, attack string, heard ...string) error {
	before := s.mark()
	s.send(way, attack)
	got, err := s.since(before)
	if err != nil {
		return err
	}
	if !slices.Equal(got.heard, heard) {
		err = fmt.Errorf("heard was %q, not %q", got.heard, heard)
	}
	got.heard = nil
	return errors.Join(err, ignore{}.judge(s, got, attack, fmt.Sprintf("marker %d", n)))
}

// wrongAnswer is a request that must not end by this, and then must by the right answer. Exactly heard is heard of it.
func wrongAnswer(name, to string, legal []string, wrong func(id string) string, heard ...string) scene {
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
				err := s.only(way, n, wrong(id), heard...)
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
