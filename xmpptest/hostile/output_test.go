package hostile_test

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosmack/xmpp"
	"github.com/gosmack/xmpp/jid"
	"github.com/gosmack/xmpp/stanza"
	"github.com/gosmack/xmpp/xmpptest"
)

// say sends a text to juliet.
func say(text string) func(context.Context, *session) error {
	return func(ctx context.Context, s *session) error {
		return s.ChatManager().CreateChat(jid.MustParse(contact)).SendMessage(ctx, text)
	}
}

// sends sends what make makes.
func sends(make func() stanza.Stanza) func(context.Context, *session) error {
	return func(ctx context.Context, s *session) error { return s.Send(ctx, make()) }
}

// carrying is a message with this payload.
func carrying(payload any) func(context.Context, *session) error {
	return sends(func() stanza.Stanza {
		m := &stanza.Message{Body: "x"}
		m.To = jid.MustParse(contact)
		stanza.Add(m, payload)
		return m
	})
}

var unwritable = as[*stanza.WriteError]

// ways are all calls by which a program's text gets into a stanza.
var ways = map[string]func(text string) func(context.Context, *session) error{
	"a body": say,
	"a subject": func(text string) func(context.Context, *session) error {
		return sends(func() stanza.Stanza {
			return &stanza.Message{To: jid.MustParse(contact), Subject: text}
		})
	},
	"a thread": func(text string) func(context.Context, *session) error {
		return sends(func() stanza.Stanza {
			return &stanza.Message{To: jid.MustParse(contact), Body: "x", Thread: text}
		})
	},
	"an id": func(text string) func(context.Context, *session) error {
		return sends(func() stanza.Stanza {
			return &stanza.Message{To: jid.MustParse(contact), ID: text, Body: "x"}
		})
	},
	"a language": func(text string) func(context.Context, *session) error {
		return sends(func() stanza.Stanza {
			return &stanza.Message{To: jid.MustParse(contact), Lang: text, Body: "x"}
		})
	},
	"a type": func(text string) func(context.Context, *session) error {
		return sends(func() stanza.Stanza {
			return &stanza.Message{To: jid.MustParse(contact), Type: stanza.MessageType(text), Body: "x"}
		})
	},
	"a status": func(text string) func(context.Context, *session) error {
		return func(ctx context.Context, s *session) error {
			return s.PresenceManager().SendTo(ctx, jid.MustParse("nurse@localhost"), &stanza.Presence{Status: text})
		}
	},
	"a reason": func(text string) func(context.Context, *session) error {
		return func(ctx context.Context, s *session) error {
			return s.PresenceManager().SendTo(ctx, jid.MustParse("nurse@localhost"), &stanza.Presence{Type: stanza.PresenceUnavailable, Status: text})
		}
	},
	"an attribute": func(text string) func(context.Context, *session) error {
		return carrying(struct {
			XMLName xml.Name `xml:"urn:x x"`
			A       string   `xml:"a,attr"`
		}{A: text})
	},
	"character data": func(text string) func(context.Context, *session) error { return carrying(probe{Text: text}) },
	"an error's text": func(text string) func(context.Context, *session) error {
		return sends(func() stanza.Stanza {
			return &stanza.Message{To: jid.MustParse(contact), Type: stanza.MessageError, Error: &stanza.Error{Condition: stanza.Gone, Text: text}}
		})
	},
}

// unsendable are calls with this text in every place.
func unsendable(name, text string) []scene {
	var all []scene
	for _, way := range slices.Sorted(maps.Keys(ways)) {
		all = append(all, reject{name: name + " in " + way, call: ways[way](text), err: unwritable, twin: ways[way]("twin")}.scene())
	}
	return all
}

// escaped sends this text in every place: the server must read one stanza with that text there.
func escaped(text string) []scene {
	var all []scene
	for _, way := range slices.Sorted(maps.Keys(ways)) {
		all = append(all, scene{name: fmt.Sprintf("%q in %s", text, way), play: func(t *testing.T) error {
			return meet(t, nil, nil, nil, func(s *session) error {
				before := s.mark()
				if err := ways[way](text)(t.Context(), s); err != nil {
					return err
				}
				got, err := s.since(before)
				if err != nil {
					return err
				}
				if len(got.wrote) != 1 || fields[way](got.wrote[0]) != text {
					return fmt.Errorf("it wrote %q", got.raw)
				}
				return nil
			})
		}})
	}
	return all
}

// fields read back what the ways of the same names have written.
var fields = map[string]func(stanza.Element) string{
	"a body":    inChild(stanza.NS, "body"),
	"a subject": inChild(stanza.NS, "subject"),
	"a thread":  inChild(stanza.NS, "thread"),
	"an id":     func(e stanza.Element) string { return e.Attr("id") },
	"a language": func(e stanza.Element) string {
		lang, _ := e.AttrNS("http://www.w3.org/XML/1998/namespace", "lang")
		return lang
	},
	"a type":         func(e stanza.Element) string { return e.Attr("type") },
	"a status":       inChild(stanza.NS, "status"),
	"a reason":       inChild(stanza.NS, "status"),
	"an attribute":   func(e stanza.Element) string { return e.Child("urn:x", "x").Attr("a") },
	"character data": inChild("urn:example:probe", "probe"),
	"an error's text": func(e stanza.Element) string {
		return inChild("urn:ietf:params:xml:ns:xmpp-stanzas", "text")(e.Child(stanza.NS, "error"))
	},
}

func inChild(space, local string) func(stanza.Element) string {
	return func(e stanza.Element) string { return e.Child(space, local).Text() }
}

// A badName writes an element or attribute of this name.
type badName struct{ element, attribute string }

func (badName) ElementName() xml.Name              { return xml.Name{Space: "urn:x", Local: "x"} }
func (badName) DecodeElement(stanza.Element) error { return nil }
func (b badName) AppendElement(w *stanza.Writer) error {
	w.Start("urn:x", "x")
	if b.element != "" {
		w.Start("urn:x", b.element)
		w.End()
	}
	if b.attribute != "" {
		w.Attr(b.attribute, "1")
	}
	w.End()
	return w.Err()
}

// A lateFailure writes much and then fails.
type lateFailure struct{ badName }

var errLate = errors.New("the payload can't be made")

func (lateFailure) AppendElement(w *stanza.Writer) error {
	w.Start("urn:x", "x")
	for range 1000 {
		w.Start("urn:x", "y")
		w.Text("much")
		w.End()
	}
	return errLate
}

// A lateMarshaler is one of encoding/xml.
type lateMarshaler struct {
	XMLName xml.Name `xml:"urn:x x"`
}

func (lateMarshaler) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	return errors.Join(e.EncodeToken(start), e.EncodeToken(xml.CharData(strings.Repeat("much", 1000))), errLate)
}

// A rawMarshaler writes a name that closes its element and the stanza. What closes only elements of its own stays within the payload,
// because what encoding/xml makes is read before it is sent.
type rawMarshaler struct {
	XMLName xml.Name `xml:"urn:x x"`
}

func (rawMarshaler) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	inner := xml.StartElement{Name: xml.Name{Local: "a></rawMarshaler></message><iq"}}
	return errors.Join(e.EncodeToken(start), e.EncodeToken(inner), e.EncodeToken(inner.End()), e.EncodeToken(start.End()))
}

const evil = "</body></message><iq type='set' id='evil'><query xmlns='jabber:iq:roster'/></iq>"

// S100 to S112: what we write.
var _ = add(
	row{id: "S100", title: "What was sent to us is sent back without escaping", oracle: ignoreRow, also: "stanza.TestEchoedAttributesAreEscaped", scenes: echoes()},
	row{id: "S101", title: "Texts that close their element", oracle: wholeRow, also: "stanza.TestUserTextIsEscaped", scenes: slices.Concat(escaped(evil), escaped("]]>"), escaped(`& &amp; " ' <![CDATA[ <!-- -->`))},
	row{id: "S102", title: "Names that close their element", oracle: rejectRow, also: "stanza.TestNamesAreChecked", scenes: rejects(
		reject{name: "an element", call: carrying(badName{element: "a><iq/"}), err: unwritable, twin: carrying(badName{element: "a"})},
		reject{name: "an attribute", call: carrying(badName{attribute: "a='1'><iq b"}), err: unwritable, twin: carrying(badName{attribute: "a"})},
		reject{name: "a blank", call: carrying(badName{element: "a b"}), err: unwritable, twin: carrying(badName{element: "a.b"})},
		reject{name: "a prefix", call: carrying(badName{element: "stream:error"}), err: unwritable, twin: carrying(badName{element: "error"})},
		reject{name: "a number", call: carrying(badName{element: "1a"}), err: unwritable, twin: carrying(badName{element: "a1"})},
		reject{name: "xmlns for an attribute", call: carrying(badName{attribute: "xmlns"}), err: unwritable, twin: carrying(badName{attribute: "xmln"})},
		reject{name: "by encoding/xml", call: carrying(rawMarshaler{}), err: unwritable, twin: carrying(probe{})},
		reject{name: "at the top level", call: func(ctx context.Context, s *session) error { return s.SendNonza(ctx, badName{element: "a><iq/"}) }, err: unwritable,
			twin: say("x")},
	)},
	row{id: "S103", title: "Characters that can't stand in XML", oracle: rejectRow, also: "stanza.TestWhatXMLCannotHoldIsRefused", scenes: slices.Concat(
		unsendable("NUL", "a\x00b"), unsendable("escape", "\x1b"), unsendable("no character", "\ufffe"))},
	row{id: "S104", title: "Strings that are no UTF-8", oracle: rejectRow, also: "stanza.TestWhatXMLCannotHoldIsRefused", scenes: slices.Concat(
		unsendable("0xff", "\xff"), unsendable("a surrogate", "\xed\xa0\x80"),
		refusals(
			refusal{"a resource", func(cfg *xmpp.ConnectionConfiguration) { cfg.Resource = "\xff" }},
			refusal{"a language", func(cfg *xmpp.ConnectionConfiguration) { cfg.Language = "\xff" }},
			refusal{"a host", func(cfg *xmpp.ConnectionConfiguration) { cfg.Host = "\xff" }},
		),
	)},
	row{id: "S106", title: "Addresses that end their attribute", oracle: rejectRow, also: "jid.TestParseRefuses", scenes: []scene{{name: "no such address", play: addresses}}},
	row{id: "S107", title: "What is in the stream's header ends it", oracle: rejectRow, scenes: slices.Concat(
		refusals(
			refusal{"a domain", func(cfg *xmpp.ConnectionConfiguration) { cfg.Address, cfg.Domain = jid.JID{}, "x' to='y" }},
			refusal{"a language", func(cfg *xmpp.ConnectionConfiguration) { cfg.Language = "de\x00" }},
			refusal{"a host", func(cfg *xmpp.ConnectionConfiguration) { cfg.Host = "a/b" }},
		),
		[]scene{{name: "a language with a quote", play: quotedHeader}},
	)},
	row{id: "S108", title: "Larger than the server takes", oracle: rejectRow, also: "TestTooLarge", scenes: rejects(
		reject{name: "a message", call: say(strings.Repeat("x", 10_001)), err: is(xmpp.ErrTooLarge), twin: say(strings.Repeat("x", 9_700)), options: &xmpptest.Options{StanzaLimit: 10_000}},
		reject{name: "a message that grows by escaping", call: say(strings.Repeat("&", 3_000)), err: is(xmpp.ErrTooLarge), twin: say(strings.Repeat("&", 1_900)), options: &xmpptest.Options{StanzaLimit: 10_000}},
		reject{name: "a request", call: func(ctx context.Context, s *session) error {
			return s.Get(ctx, jid.JID{}, probe{Text: strings.Repeat("x", 10_001)}, nil)
		}, err: is(xmpp.ErrTooLarge), twin: say("x"), options: &xmpptest.Options{StanzaLimit: 10_000}},
		reject{name: "at the limit, and one byte more", call: exactly(10_001), err: is(xmpp.ErrTooLarge), twin: exactly(10_000), options: &xmpptest.Options{StanzaLimit: 10_000}},
	)},
	row{id: "S109", title: "A send that is given up in the middle", oracle: wholeRow, also: "TestCancelledSends TestCancelledBetweenTheLines", scenes: []scene{{name: "random ends under a slow writer", play: givenUp}}},
	row{id: "S110", title: "Senders that write at the same time", oracle: wholeRow, also: "TestOrderOfManySenders", scenes: []scene{{name: "64 at once", play: atOnce}}},
	row{id: "S111", title: "A payload that fails when half of it is written", oracle: rejectRow, also: "stanza.TestCodecsStayInTheirPayload", scenes: rejects(
		reject{name: "a codec", call: carrying(lateFailure{}), err: is(errLate), twin: carrying(badName{})},
		reject{name: "a marshaler of encoding/xml", call: carrying(lateMarshaler{}), err: unwritable, twin: carrying(probe{})},
		reject{name: "in a request", call: func(ctx context.Context, s *session) error { return s.Get(ctx, jid.JID{}, lateFailure{}, nil) }, err: is(errLate), twin: carrying(badName{})},
		reject{name: "at the top level", call: func(ctx context.Context, s *session) error { return s.SendNonza(ctx, lateFailure{}) }, err: is(errLate),
			twin: say("x")},
	)},
	row{id: "S112", title: "Ids that can be guessed", oracle: boundRow, also: "stanza.TestNewID", scenes: bounds(
		bound{name: "what 2000 requests and messages show", limit: 0, unit: "ids that are short, seen before or look like a neighbour", figure: ids},
		bound{name: "a million", limit: 0, unit: "ids that are short or seen before", figure: millionIDs, real: true},
		bound{name: "how evenly a million uses its 64 characters", limit: 150, unit: "in the chi-square of 63 degrees of freedom, of the worst place", figure: evenIDs, real: true},
	)},
)

// echoes are requests whose answer repeats what was sent.
func echoes() []scene {
	ids := []string{"x'/>&lt;message to='v'/>", "&lt;&amp;&gt;&quot;&apos;", "&#x9;&#xA;&#xD;", "]]&gt;", "\u00fc\u2603"}
	resources := []string{"a'/>&lt;b", "&quot;&amp;&apos;", "]]&gt;"}
	var all []scene
	ask := func(name, id, resource, lang, inside string) {
		all = append(all, scene{name: name, cut: true, play: func(t *testing.T) error {
			return meet(t, nil, nil, everything, func(s *session) error {
				quoted := func(v string) string { return `"` + v + `"` }
				request := "<iq type='get' id=" + quoted(id) + " from=" + quoted(contact+"/"+resource) + " xml:lang=" + quoted(lang) + ">" + inside + "</iq>"
				e, err := stanza.Parse(request)
				if err != nil {
					return err
				}
				for _, way := range cuts(name) {
					before := s.mark()
					s.send(way, request)
					got, err := s.since(before)
					if err != nil {
						return whenCut(way, err)
					}
					if len(got.wrote) != 1 || got.wrote[0].Attr("id") != e.Attr("id") || got.wrote[0].Attr("to") != e.Attr("from") || len(got.heard) > 0 {
						return whenCut(way, fmt.Errorf("the answer to %s is %q, %v", request, got.raw, got))
					}
				}
				return nil
			})
		}})
	}
	payloads := map[string]string{
		"ping": "<ping xmlns='urn:xmpp:ping'/>", "version": "<query xmlns='jabber:iq:version'/>", "disco": `<query xmlns='http://jabber.org/protocol/disco#info' node="n'/>&lt;x"/>`,
		"items": `<query xmlns='http://jabber.org/protocol/disco#items' node="&quot;&gt;&lt;iq/&gt;"/>`, "unknown": `<x xmlns="urn:'&lt;" a="'&lt;">]]&gt;</x>`, "none": "", "damaged": "<query xmlns='jabber:iq:roster'><item jid=\"'&lt;\"/></query>",
	}
	for _, what := range slices.Sorted(maps.Keys(payloads)) {
		for i, id := range ids {
			ask(fmt.Sprintf("%s, id %d", what, i), id, resources[i%len(resources)], "de'", payloads[what])
		}
	}
	return all
}

// addresses looks whether what would end an attribute can be an address.
func addresses(*testing.T) error {
	for _, s := range []string{"a@b' type='set", "a'b@c", `a"b@c`, "a@b'", "a<b@c", "a@b>", "a&b@c", "a@b c", "@b", "a@", "a@b/", "a@\x00", "a\xff@b"} {
		if j, err := jid.Parse(s); err == nil {
			return fmt.Errorf("%q is the address %v", s, j)
		}
	}
	j, err := jid.Parse("a@b/c' type='set")
	if err != nil || j.Resource() != "c' type='set" { // a resource may hold anything; it is escaped
		return fmt.Errorf("%v: %w", j, err)
	}
	return nil
}

// quotedHeader has a language that would end its attribute, and a resource that would.
func quotedHeader(t *testing.T) error {
	return serve(t, nil, func(srv *xmpptest.Server) error {
		const language = "de' to='evil.example"
		var headers []stanza.Element
		script := srv.Script(func(c *xmpptest.ScriptConn) error {
			h, err := c.Header()
			headers = append(headers, h)
			if err = errors.Join(err, c.SendHeader(), c.StartTLS()); err != nil {
				return err
			}
			h, err = c.Header()
			headers = append(headers, h)
			err = errors.Join(err, c.SendHeader(), c.Authenticate("romeo"))
			address, e := c.Bind()
			if address.Resource() != "a'><b" {
				e = errors.Join(e, fmt.Errorf("the resource is %q", address.Resource()))
			}
			return errors.Join(err, e, c.Serve())
		})
		c, err := xmpp.NewConnection(configuration(srv, func(cfg *xmpp.ConnectionConfiguration) { cfg.Language, cfg.Resource = language, "a'><b" }))
		if err != nil {
			return err
		}
		err = errors.Join(c.Login(t.Context(), "", ""), c.Close(), script.Wait(t.Context()))
		for _, h := range headers {
			if lang, _ := h.AttrNS("http://www.w3.org/XML/1998/namespace", "lang"); h.Attr("to") != "localhost" || lang != language {
				err = errors.Join(err, fmt.Errorf("the header is to %q in %q", h.Attr("to"), lang))
			}
		}
		return err
	})
}

// exactly sends a message of so many bytes.
func exactly(size int) func(context.Context, *session) error {
	return func(ctx context.Context, s *session) error {
		m := &stanza.Message{ID: "exact", Body: "x"}
		m.To = jid.MustParse(contact)
		b, err := stanza.Append(nil, m)
		if err != nil {
			return err
		}
		m.Body = strings.Repeat("x", 1+size-len(b))
		return s.Send(ctx, m)
	}
}

// givenUp sends with ends at random times over a network that takes a millisecond for each KiB, more than anything on the way holds.
func givenUp(t *testing.T) error {
	n := amount(100_000, 4000)
	defer pass(time.Second) // a write that is under way when the connection is closed
	// In clear, because who waits for TLS's lock holds the virtual clock.
	return meet(t, inClearOptions(), both(plainly, func(cfg *xmpp.ConnectionConfiguration) { cfg.Dialer = &slow{cfg.Dialer} }), nil, func(s *session) error {
		random := rand.New(rand.NewPCG(seed(), 110))
		read, accepted, given := len(s.conn.Log()), map[string]bool{}, 0
		for i := range n {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(3000))*time.Microsecond)
			body := fmt.Sprintf("number %d %s", i, strings.Repeat("x", random.IntN(3000)))
			if say(body)(ctx, s) == nil {
				accepted[body] = true
			} else {
				given++
			}
			cancel()
			if i%1000 == 999 {
				var err error
				if read, err = s.whole(read, accepted); err != nil {
					return err
				}
			}
		}
		pass(10 * time.Second) // before it wants a sign of life
		note(t, "%d sends, %d of them given up", n, given)
		if read, err := s.whole(read, accepted); err != nil || read != len(s.conn.Log()) || len(accepted) > 0 || given < n/10 {
			return errors.Join(err, fmt.Errorf("%d accepted messages did not come; %d bytes are no message", len(accepted), len(s.conn.Log())-read))
		}
		return nil
	})
}

// A slow dialer's connections write in pieces, and wait for each.
type slow struct{ xmpp.Dialer }

type slowConn struct{ net.Conn }

func (d *slow) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := d.Dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return slowConn{c}, nil
}

func (c slowConn) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		time.Sleep(time.Millisecond)
		var wrote int
		wrote, err = c.Conn.Write(p[n:min(n+kib, len(p))])
		n += wrote
	}
	return n, err
}

// whole reads the messages that have come since, up to the last one that is complete, and takes them off those that were accepted.
func (s *session) whole(from int, accepted map[string]bool) (to int, err error) {
	text := s.conn.Log()[from:]
	end := strings.LastIndex(text, "</message>")
	if end < 0 {
		return from, nil
	}
	text = text[:end+len("</message>")]
	e, err := stanza.Parse("<all xmlns='jabber:client'>" + text + "</all>")
	if err != nil {
		return from, fmt.Errorf("the stream is torn: %w", err)
	}
	for m := range e.Children() {
		body := m.Child(stanza.NS, "body").Text()
		if m.Local() == "message" && !accepted[body] {
			return from, fmt.Errorf("a message came that was given up, or twice: %s", short(m.String()))
		}
		delete(accepted, body)
	}
	return from + len(text), nil
}

// atOnce sends from many goroutines.
func atOnce(t *testing.T) error {
	return meet(t, nil, nil, nil, func(s *session) error {
		const senders = 64
		each := amount(1000, 50)
		note(t, "%d senders of %d messages each", senders, each)
		before := len(s.conn.Log())
		var all sync.WaitGroup
		var failed record[error]
		for i := range senders {
			all.Go(func() {
				for n := range each {
					if err := say(fmt.Sprintf("%d %d", i, n))(t.Context(), s); err != nil {
						failed.add(err)
					}
				}
			})
		}
		all.Wait()
		pass(time.Second)
		synctest.Wait()
		if failed.len() > 0 {
			return errors.Join(failed.list()...)
		}
		next := map[int]int{}
		n := 0
		for m := range parsed(s.conn.Log()[before:]) {
			var i, k int
			if _, err := fmt.Sscanf(m.Child(stanza.NS, "body").Text(), "%d %d", &i, &k); err != nil || next[i] != k {
				return fmt.Errorf("%s where number %d was due", m, next[i])
			}
			next[i]++
			n++
		}
		if n != senders*each {
			return fmt.Errorf("%d messages of %d", n, senders*each)
		}
		return nil
	})
}
